#include "quantizers/formats/registry.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>

#include "core/error.h"
#include "core/suggest.h"
#include "quantizers/formats/all.h"
#include "quantizers/formats/decode.h"
#include "quantizers/split.h"

namespace quantbench {
namespace {

using FormatPointer = std::shared_ptr<const Format>;

template <class F>
constexpr bool is_double_quantized = [] {
  if constexpr (requires { F::double_quantized; }) return F::double_quantized;
  return false;
}();

/// How groups are written, where the format says so.
template <class F>
void describe_groups(Format& format) {
  if constexpr (requires { F::two_level; }) {
    static constexpr TwoLevelScales two_level = F::two_level;
    format.two_level = &two_level;
  } else if constexpr (requires { F::codebook; }) {
    static constexpr CodebookLayout codebook = F::codebook;
    format.codebook = &codebook;
  } else if constexpr (is_double_quantized<F>) {
    format.fixed_header_bytes = F::fixed_header_bytes;
    format.groups_per_unit = formats::groups_per_unit;
    format.round_scales = &formats::round_double_scales;
    format.pack = &F::pack;
  } else {
    format.round_affine = [](const Format&, Affine wanted) { return F::round_affine(wanted); };
    format.pack = &F::pack;
  }
}

template <class F>
Format describe(std::size_t layout) {
  Format format;
  format.layout = layout;
  format.row_bytes = &F::row_bytes;
  format.decode = &formats::decode_scalar<F>;
  format.floating_point = F::floating_point;
  if constexpr (F::floating_point) {
    format.group = 1;
  } else {
    format.level_min = F::level_min;
    format.level_max = F::level_max;
    format.has_offset = F::has_offset;
    if constexpr (requires { F::level_values; }) format.level_values = F::level_values;
    if constexpr (requires { F::float_levels; }) format.float_levels = F::float_levels;
    describe_groups<F>(format);
  }
  return format;
}

template <class F>
Format describe_fixed(std::size_t layout) {
  Format format = describe<F>(layout);
  format.id = F::id;
  format.gguf_type = F::gguf_type;
  if constexpr (F::floating_point || requires { &F::encode_block; }) format.encode_reference = &F::encode;
  if constexpr (!F::floating_point) {
    format.group = F::group;
    format.block = F::block;
  }
  return format;
}

const std::vector<FormatPointer>& fixed_formats() {
  static const std::vector<FormatPointer> all = [] {
    std::vector<FormatPointer> list;
    formats::for_each_format(formats::Fixed{}, 0, [&]<class F>(std::size_t layout) {
      list.push_back(std::make_shared<const Format>(describe_fixed<F>(layout)));
    });
    return list;
  }();
  return all;
}

enum class Granularity { tensor, row, group };

/// A name whose ids go on with the parts that say how weights are grouped and how scales are stored.
struct Family {
  std::string_view name;
  std::string_view parts;  // beyond tensor, row and gN
  std::string_view default_scale;
  std::string_view example;
  bool float_levels = false;

  bool has(std::string_view part) const {
    const std::vector<std::string_view> all = split(parts, ' ');
    return std::ranges::find(all, part) != all.end();
  }
};

constexpr std::string_view parts_of_integers = "sym asym scale=f16 scale=f32",
                           parts_of_4_bits = "dq scale=f16 scale=f32", parts_of_8_bits = "scale=f32";
constexpr Family families[] = {
    {"int2", parts_of_integers, "f16", "g128"},        {"int3", parts_of_integers, "f16", "g128"},
    {"int4", parts_of_integers, "f16", "g128"},        {"int5", parts_of_integers, "f16", "g128"},
    {"int6", parts_of_integers, "f16", "g128"},        {"int7", parts_of_integers, "f16", "g128"},
    {"int8", parts_of_integers, "f16", "g128"},        {"nf4", parts_of_4_bits, "f32", "g64", true},
    {"fp4", parts_of_4_bits, "f32", "g64", true},      {"fp8_e4m3", parts_of_8_bits, "f32", "row", true},
    {"fp8_e5m2", parts_of_8_bits, "f32", "row", true},
};

const Family* find_family(std::string_view name) {
  const auto* const found = std::ranges::find(families, name, &Family::name);
  return found == std::end(families) ? nullptr : found;
}

/// An id of a family.
struct GroupedId {
  const Family* family = nullptr;
  std::optional<Granularity> granularity;
  std::size_t group = 0;
  std::optional<bool> symmetric;
  std::optional<std::string_view> scale;
  std::optional<bool> double_quantized;
};

std::size_t parse_group(std::string_view digits, std::string_view id) {
  int group = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), group);
  if (error != std::errc{} || digits.front() == '0')
    fail("format '{}': a group has 1 to 2147483647 weights, written without leading zeros; found g{}", id, digits);
  return static_cast<std::size_t>(group);
}

template <class T>
void set_once(std::optional<T>& field, T value, std::string_view part, std::string_view id) {
  if (field) fail("format '{}' says twice what '{}' says", id, part);
  field = value;
}

/// Returns false when `part` is none of the parts of the family's formats.
bool parse_part(std::string_view part, std::string_view id, GroupedId& grouped) {
  if (part == "tensor" || part == "row") {
    set_once(grouped.granularity, part == "row" ? Granularity::row : Granularity::tensor, part, id);
  } else if (part.size() > 1 && part[0] == 'g' && part.find_first_not_of("0123456789", 1) == std::string_view::npos) {
    set_once(grouped.granularity, Granularity::group, part, id);
    grouped.group = parse_group(part.substr(1), id);
  } else if (!grouped.family->has(part)) {
    return false;
  } else if (part == "sym" || part == "asym") {
    set_once(grouped.symmetric, part == "sym", part, id);
  } else if (part == "dq") {
    set_once(grouped.double_quantized, true, part, id);
  } else {
    set_once(grouped.scale, part.substr(6), part, id);
  }
  return true;
}

void check_double_quantization(const GroupedId& grouped, std::string_view id) {
  if (!grouped.double_quantized) return;
  if (grouped.scale) fail("format '{}': dq says how scales are stored; leave out scale={}", id, *grouped.scale);
  if (grouped.granularity == Granularity::tensor)
    fail("format '{}': dq is about the scales of many groups, and tensor has one scale", id);
}

/// Nothing when the id does not start with the name of a family.
std::optional<GroupedId> parse_grouped_id(std::string_view id) {
  const std::vector<std::string_view> parts = split(id, ':');
  GroupedId grouped;
  grouped.family = find_family(parts[0]);
  if (grouped.family == nullptr) return std::nullopt;
  const Family& family = *grouped.family;
  for (const std::string_view part : std::span(parts).subspan(1))
    if (!parse_part(part, id, grouped))
      fail("format '{}': '{}' is none of tensor, row, gN (N weights per scale), {}", id, part,
           fmt::join(split(family.parts, ' '), ", "));
  if (!grouped.granularity)
    fail("format '{}' does not say which weights share a scale; add :tensor, :row or :gN, as in {}:{}", id, family.name,
         family.example);
  check_double_quantization(grouped, id);
  return grouped;
}

std::string granularity_part(const GroupedId& grouped) {
  if (*grouped.granularity == Granularity::group) return fmt::format("g{}", grouped.group);
  return *grouped.granularity == Granularity::row ? "row" : "tensor";
}

std::string canonical_id(const GroupedId& grouped) {
  std::string id = fmt::format("{}:{}", grouped.family->name, granularity_part(grouped));
  if (grouped.symmetric.value_or(false)) id += ":sym";
  if (grouped.scale && *grouped.scale != grouped.family->default_scale) id += fmt::format(":scale={}", *grouped.scale);
  if (grouped.double_quantized) id += ":dq";
  return id;
}

template <class F>
FormatPointer make_format(const GroupedId& grouped, std::size_t layout) {
  Format format = describe<F>(layout);
  format.id = canonical_id(grouped);
  format.group = grouped.group;
  format.scale_per_tensor = grouped.granularity == Granularity::tensor;
  if (format.scale_per_tensor) format.fixed_header_bytes = F::affine_bytes;
  if (is_double_quantized<F>) {
    GroupedId single = grouped;
    single.double_quantized.reset();
    format.with_single_scales = find_format(canonical_id(single));
  }
  return std::make_shared<const Format>(std::move(format));
}

template <class F>
bool is_description_of(const GroupedId& grouped) {
  if (F::Scale::name != grouped.scale.value_or(grouped.family->default_scale)) return false;
  if constexpr (requires { F::symmetric; })
    return grouped.family->name == fmt::format("int{}", F::bits) && F::symmetric == grouped.symmetric.value_or(false);
  else
    return grouped.family->name == F::Table::id && F::double_quantized == grouped.double_quantized.value_or(false);
}

FormatPointer make_grouped_format(const GroupedId& grouped) {
  FormatPointer made;
  formats::for_each_format(formats::Grouped{}, formats::Fixed::size, [&]<class F>(std::size_t layout) {
    if (is_description_of<F>(grouped)) made = make_format<F>(grouped, layout);
  });
  return made;
}

}  // namespace

std::shared_ptr<const Format> find_format(std::string_view id) {
  for (const FormatPointer& format : fixed_formats())
    if (format->id == id) return format;
  if (const auto grouped = parse_grouped_id(id)) return make_grouped_format(*grouped);
  fail("unknown format '{}'{}", id, suggestion(id, format_ids()));
}

std::shared_ptr<const Format> find_gguf_format(std::uint32_t type) {
  for (const FormatPointer& format : fixed_formats())
    if (format->gguf_type == type) return format;
  return nullptr;
}

std::vector<std::string> format_ids() {
  std::vector<std::string> ids;
  for (const FormatPointer& format : fixed_formats()) ids.push_back(format->id);
  for (int bits = 2; bits <= 8; ++bits)
    for (const std::string_view rest : {"tensor", "row", "g32", "g128", "tensor:sym", "row:sym", "g128:sym", "g50:sym",
                                        "g128:scale=f32", "g100:sym:scale=f32"})
      ids.push_back(fmt::format("int{}:{}", bits, rest));
  for (const std::string_view table : {"nf4", "fp4"})
    for (const std::string_view rest : {"g64", "g64:scale=f16", "g64:dq", "row", "g50:dq", "tensor"})
      ids.push_back(fmt::format("{}:{}", table, rest));
  for (const std::string_view table : {"fp8_e4m3", "fp8_e5m2"})
    for (const std::string_view rest : {"tensor", "row", "g128"}) ids.push_back(fmt::format("{}:{}", table, rest));
  return ids;
}

bool has_float_levels(std::string_view id) {
  const Family* const family = find_family(split(id, ':').front());
  return family != nullptr && family->float_levels;
}

const std::vector<std::string>& table_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Family& family : families)
      if (family.float_levels) all.emplace_back(family.name);
    return all;
  }();
  return names;
}

}  // namespace quantbench
