#include "quantizers/formats/registry.h"

#include <charconv>
#include <optional>
#include <span>

#include "core/suggest.h"
#include "quantizers/formats/all.h"
#include "quantizers/formats/decode.h"
#include "quantizers/split.h"

namespace quantbench {
namespace {

using FormatPointer = std::shared_ptr<const Format>;

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
    if constexpr (requires { F::two_level; }) {
      static constexpr TwoLevelScales two_level = F::two_level;
      format.two_level = &two_level;
    } else if constexpr (requires { F::codebook; }) {
      static constexpr CodebookLayout codebook = F::codebook;
      format.codebook = &codebook;
    } else {
      format.round_affine = [](const Format&, Affine wanted) { return F::round_affine(wanted); };
      format.pack = &F::pack;
    }
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

struct IntegerId {
  int bits = 0;
  std::optional<Granularity> granularity;
  std::size_t group = 0;
  std::optional<bool> symmetric;
  std::optional<std::string_view> scale;
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

/// Returns false when `part` is none of the parts of an integer format.
bool parse_integer_part(std::string_view part, std::string_view id, IntegerId& integer) {
  if (part == "sym" || part == "asym") {
    set_once(integer.symmetric, part == "sym", part, id);
  } else if (part == "tensor" || part == "row") {
    set_once(integer.granularity, part == "row" ? Granularity::row : Granularity::tensor, part, id);
  } else if (part == "scale=f16" || part == "scale=f32") {
    set_once(integer.scale, part.substr(6), part, id);
  } else if (part.size() > 1 && part[0] == 'g' && part.find_first_not_of("0123456789", 1) == std::string_view::npos) {
    set_once(integer.granularity, Granularity::group, part, id);
    integer.group = parse_group(part.substr(1), id);
  } else {
    return false;
  }
  return true;
}

/// Null when the name is not that of an integer format.
std::optional<IntegerId> parse_integer_id(std::string_view id) {
  const std::vector<std::string_view> parts = split(id, ':');
  const std::string_view name = parts[0];
  if (name.size() != 4 || !name.starts_with("int") || name[3] < '2' || name[3] > '8') return std::nullopt;
  IntegerId integer;
  integer.bits = name[3] - '0';
  for (const std::string_view part : std::span(parts).subspan(1))
    if (!parse_integer_part(part, id, integer))
      fail("format '{}': '{}' is none of tensor, row, gN (N weights per scale), sym, asym, scale=f16, scale=f32", id,
           part);
  if (!integer.granularity)
    fail("format '{}' does not say which weights share a scale; add :tensor, :row or :gN, as in {}:g128", id, name);
  return integer;
}

std::string integer_id(const IntegerId& integer, bool symmetric, std::string_view scale) {
  std::string id = fmt::format("int{}:", integer.bits);
  switch (*integer.granularity) {
    case Granularity::tensor:
      id += "tensor";
      break;
    case Granularity::row:
      id += "row";
      break;
    case Granularity::group:
      id += fmt::format("g{}", integer.group);
      break;
  }
  if (symmetric) id += ":sym";
  if (scale != "f16") id += fmt::format(":scale={}", scale);
  return id;
}

FormatPointer make_integer_format(const IntegerId& integer) {
  const bool symmetric = integer.symmetric.value_or(false);
  const std::string_view scale = integer.scale.value_or("f16");
  FormatPointer made;
  formats::for_each_format(formats::Integers{}, formats::Fixed::size, [&]<class F>(std::size_t layout) {
    if (F::bits != integer.bits || F::symmetric != symmetric || F::Scale::name != scale) return;
    Format format = describe<F>(layout);
    format.id = integer_id(integer, symmetric, scale);
    format.group = integer.group;
    format.scale_per_tensor = integer.granularity == Granularity::tensor;
    format.header_bytes = format.scale_per_tensor ? F::affine_bytes : 0;
    made = std::make_shared<const Format>(std::move(format));
  });
  return made;
}

}  // namespace

std::shared_ptr<const Format> find_format(std::string_view id) {
  for (const FormatPointer& format : fixed_formats())
    if (format->id == id) return format;
  if (const auto integer = parse_integer_id(id)) return make_integer_format(*integer);
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
  return ids;
}

}  // namespace quantbench
