#include "models/packed_checkpoints/quantization_facts.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <initializer_list>

#include "core/checked.h"
#include "core/file.h"
#include "core/utf8.h"
#include "models/checkpoints/file_signature.h"
#include "models/checkpoints/strict_json.h"

namespace quantbench {
namespace {

using nlohmann::json;
using Names = std::initializer_list<const char*>;

constexpr const char* what_is_read =
    "read are GPTQ (gptq, gptq_v2), AWQ (gemm, gemv, gemv_fast) and compressed-tensors (pack-quantized); save the "
    "model "
    "again in one of these with the program that made it, or quantize the original model here";

/// The members of a JSON object by names that mean the same; null is absent.
class Members {
 public:
  Members(const json& object, std::string source) : object_(object), source_(std::move(source)) {
    if (!object.is_object()) fail("{}: {}, expected an object", source_, object.type_name());
  }

  /// Null when absent. Throws Error when two of the names are there and differ.
  const json* find(Names names) const {
    const char* found_name = nullptr;
    const json* found = nullptr;
    for (const char* name : names) {
      const auto member = object_.find(name);
      if (member == object_.end() || member->is_null()) continue;
      if (found != nullptr && *found != *member)
        fail("{}: '{}' is {} and '{}' is {}, which mean the same", source_, found_name, printable(found->dump()), name,
             printable(member->dump()));
      found = &*member;
      found_name = name;
    }
    return found;
  }
  std::optional<std::int64_t> integer(Names names) const {
    const json* const found = find(names);
    if (found == nullptr) return std::nullopt;
    if (!found->is_number_integer() || (found->is_number_unsigned() && found->get<std::uint64_t>() > INT64_MAX))
      fail_type(names, *found, "a whole number");
    return found->get<std::int64_t>();
  }
  std::optional<bool> boolean(Names names) const {
    const json* const found = find(names);
    if (found == nullptr) return std::nullopt;
    if (!found->is_boolean()) fail_type(names, *found, "true or false");
    return found->get<bool>();
  }
  /// In lower case.
  std::string text(Names names) const {
    const json* const found = find(names);
    if (found == nullptr) return {};
    if (!found->is_string()) fail_type(names, *found, "a string");
    std::string text = found->get<std::string>();
    std::ranges::transform(text, text.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return text;
  }
  const std::string& source() const { return source_; }
  const json& object() const { return object_; }

 private:
  [[noreturn]] void fail_type(Names names, const json& found, const char* expected) const {
    fail("{}: '{}' is {}, expected {}", source_, fmt::join(names, "' or '"), printable(found.dump()), expected);
  }

  const json& object_;
  std::string source_;
};

int checked_bits(const Members& members, std::int64_t bits) {
  if (bits < 2 || bits > 8) fail("{}: {} bits, expected 2 to 8", members.source(), bits);
  return static_cast<int>(bits);
}

/// -1 is a group for all of a row.
std::size_t checked_group(const Members& members, std::int64_t group) {
  if (group != -1 && (group <= 0 || group > INT32_MAX))
    fail("{}: groups of {}, expected a positive number, or -1 for whole rows", members.source(), group);
  return group == -1 ? 0 : static_cast<std::size_t>(group);
}

/// What is stated replaces what is in `scheme`.
void read_scheme(const Members& members, LayerScheme& scheme) {
  if (const auto bits = members.integer({"bits", "w_bit", "wbits"})) scheme.bits = checked_bits(members, *bits);
  if (const auto group = members.integer({"group_size", "q_group_size"})) scheme.group = checked_group(members, *group);
  if (const auto symmetric = members.boolean({"sym"})) scheme.symmetric = symmetric;
}

void require_scheme(const Members& members) {
  if (!members.integer({"bits", "w_bit", "wbits"})) fail("{}: no 'bits'", members.source());
  if (!members.integer({"group_size", "q_group_size"})) fail("{}: no 'group_size'", members.source());
}

/// As Python's re.match: a match begins where the name does.
NamePattern pattern_at_start(std::string_view expression, const std::string& source) {
  constexpr std::size_t longest = 4096;
  if (expression.size() > longest)
    fail("{}: a regular expression of {} bytes, the limit is {}", source, expression.size(), longest);
  try {
    return NamePattern(fmt::format("\\A(?:{})", expression));
  } catch (const Error& error) {
    fail("{}: {}", source, error.what());
  }
}

/// `dynamic`: expression -> what is different. "-:" before an expression leaves the layers unquantized; "+:" means nothing.
std::vector<SchemeOverride> read_overrides(const Members& members, const LayerScheme& scheme) {
  std::vector<SchemeOverride> overrides;
  const json* const dynamic = members.find({"dynamic"});
  if (dynamic == nullptr || *dynamic == false) return overrides;
  const std::string source = members.source() + ".dynamic";
  const Members rules(*dynamic, source);
  for (const auto& [key, value] : rules.object().items()) {
    std::string_view expression = key;
    const bool leaves_out = expression.starts_with("-:");
    if (leaves_out || expression.starts_with("+:")) expression.remove_prefix(2);
    SchemeOverride rule{std::string(expression), pattern_at_start(expression, source), leaves_out, scheme};
    if (!leaves_out) read_scheme(Members(value, fmt::format("{}: {}", source, printable(key))), rule.scheme);
    overrides.push_back(std::move(rule));
  }
  return overrides;
}

PackedLayout gptq_layout(const Members& members, const std::string& format) {
  if (members.boolean({"is_marlin_format"}).value_or(false) || format == "marlin")
    fail("{}: the weights lie in the order of Marlin's kernels, which is not read; {}", members.source(), what_is_read);
  if (format.empty() || format == "gptq") return PackedLayout::gptq;
  if (format == "gptq_v2") return PackedLayout::gptq_v2;
  fail("{}: GPTQ checkpoint of format {}; {}", members.source(), printable(format), what_is_read);
}

PackedLayout awq_layout(const Members& members, const std::string& format) {
  if (format.empty() || format == "gemm") {
    if (members.text({"backend"}) == "llm-awq") return PackedLayout::awq_gemv_fast;
    return PackedLayout::awq;
  }
  if (format == "gemv") return PackedLayout::awq_gemv;
  if (format == "gemv_fast" || format == "gemvfast" || format == "llm-awq") return PackedLayout::awq_gemv_fast;
  fail("{}: AWQ checkpoint of version {}; {}", members.source(), printable(format), what_is_read);
}

ZeroOverflow read_zero_overflow(const Members& members) {
  const std::string overflow = members.text({"zero_point_overflow"});
  if (!overflow.empty() && overflow != "wraps" && overflow != "carries")
    fail("{}: zero_point_overflow is {}, expected wraps or carries", members.source(), printable(overflow));
  return overflow == "carries" ? ZeroOverflow::carries : ZeroOverflow::wraps;
}

void read_plain(const Members& members, bool awq, QuantizationFacts& facts) {
  const std::string format = members.text({"checkpoint_format", "format", "version"});
  facts.layout = awq ? awq_layout(members, format) : gptq_layout(members, format);
  require_scheme(members);
  read_scheme(members, facts.scheme);
  if (const auto zero_point = members.boolean({"zero_point"})) {
    if (facts.scheme.symmetric && *facts.scheme.symmetric == *zero_point)
      fail("{}: 'sym' and 'zero_point' are both {}, which contradict each other", members.source(), *zero_point);
    facts.scheme.symmetric = !*zero_point;
  }
  facts.act_order = members.boolean({"desc_act"});
  facts.zero_overflow = read_zero_overflow(members);
  facts.overrides = read_overrides(members, facts.scheme);
}

LayerScheme read_weights_scheme(const Members& weights) {
  LayerScheme scheme;
  const auto bits = weights.integer({"num_bits"});
  if (!bits) fail("{}: no 'num_bits'", weights.source());
  scheme.bits = checked_bits(weights, *bits);
  if (const std::string type = weights.text({"type"}); !type.empty() && type != "int")
    fail("{}: weights of type {}, expected int; {}", weights.source(), printable(type), what_is_read);
  scheme.symmetric = weights.boolean({"symmetric"});
  const auto group = weights.integer({"group_size"});
  std::string strategy = weights.text({"strategy"});
  if (strategy.empty()) strategy = !group ? "tensor" : *group == -1 ? "channel" : "group";
  if (strategy == "group") {
    if (!group) fail("{}: no 'group_size'", weights.source());
    scheme.group = checked_group(weights, *group);
  } else if (strategy == "tensor") {
    scheme.scale_per_tensor = true;
  } else if (strategy != "channel") {
    fail("{}: strategy {}, expected tensor, channel or group", weights.source(), printable(strategy));
  }
  return scheme;
}

SchemeGroup read_group(const std::string& name, const json& object, const std::string& source) {
  const Members members(object, fmt::format("{}.config_groups.{}", source, printable(name)));
  SchemeGroup group{.name = name, .targets = {}, .patterns = {}, .scheme = {}};
  const std::string format = members.text({"format"});
  if (!format.empty() && format != "pack-quantized")
    fail("{}: format {}; {}", members.source(), printable(format), what_is_read);
  const json* const weights = members.find({"weights"});
  if (weights == nullptr) fail("{}: no 'weights'", members.source());
  group.scheme = read_weights_scheme(Members(*weights, members.source() + ".weights"));
  const json* const targets = members.find({"targets"});
  if (targets == nullptr || !targets->is_array()) fail("{}: no list 'targets'", members.source());
  for (const json& target : *targets) {
    if (!target.is_string()) fail("{}: target {}, expected a string", members.source(), printable(target.dump()));
    const auto& text = target.get_ref<const std::string&>();
    if (text.starts_with("re:"))
      group.patterns.push_back(pattern_at_start(std::string_view(text).substr(3), members.source()));
    else
      group.targets.push_back(text);
  }
  return group;
}

void read_compressed_tensors(const Members& members, QuantizationFacts& facts) {
  facts.layout = PackedLayout::compressed_tensors;
  const std::string format = members.text({"format"});
  if (format != "pack-quantized" && format != "mixed-precision")
    fail("{}: compressed-tensors of format {}; {}", members.source(), printable(format), what_is_read);
  const json* const groups = members.find({"config_groups"});
  if (groups == nullptr || !groups->is_object() || groups->empty()) fail("{}: no 'config_groups'", members.source());
  for (const auto& [name, group] : groups->items()) facts.groups.push_back(read_group(name, group, members.source()));
}

/// How directly the group means this layer: 0 by its name, 1 by an expression, 2 by its class, 3 not at all.
int distance(const SchemeGroup& group, std::string_view layer) {
  if (std::ranges::find(group.targets, layer) != group.targets.end()) return 0;
  if (std::ranges::any_of(group.patterns, [&](const NamePattern& pattern) { return pattern.matches(layer); })) return 1;
  return std::ranges::find(group.targets, "Linear") != group.targets.end() ? 2 : 3;
}

LayerScheme scheme_of_groups(const QuantizationFacts& facts, std::string_view layer) {
  std::array<const SchemeGroup*, 4> nearest{};
  for (const SchemeGroup& group : facts.groups) {
    const SchemeGroup*& known = nearest.at(static_cast<std::size_t>(distance(group, layer)));
    if (known != nullptr && known->scheme != group.scheme && &known != &nearest[3])
      fail("{}: layer {} is meant by the groups '{}' and '{}', which differ", facts.source, printable(layer),
           known->name, group.name);
    known = &group;
  }
  for (std::size_t rank = 0; rank < 3; ++rank)
    if (nearest.at(rank) != nullptr) return nearest.at(rank)->scheme;
  fail("{}: layer {} is packed, and none of the config_groups means it", facts.source, printable(layer));
}

}  // namespace

std::string_view to_string(PackedLayout layout) {
  constexpr std::array<std::string_view, 6> names = {"gptq",     "gptq_v2",       "awq",
                                                     "awq_gemv", "awq_gemv_fast", "compressed-tensors"};
  return names.at(static_cast<std::size_t>(layout));
}

LayerScheme QuantizationFacts::scheme_of(std::string_view layer) const {
  if (layout == PackedLayout::compressed_tensors) return scheme_of_groups(*this, layer);
  const SchemeOverride* found = nullptr;
  for (const SchemeOverride& rule : overrides) {
    if (!rule.pattern.matches(layer)) continue;
    if (found != nullptr && (found->leaves_out != rule.leaves_out || found->scheme != rule.scheme))
      fail("{}: layer {} is meant by '{}' and '{}' of dynamic, which differ", source, printable(layer),
           found->expression, rule.expression);
    found = &rule;
  }
  if (found != nullptr && found->leaves_out)
    fail("{}: layer {} is packed, and '{}' of dynamic says that it is not quantized", source, printable(layer),
         found->expression);
  return found == nullptr ? scheme : found->scheme;
}

QuantizationFacts parse_quantization_facts(const json& object, const std::string& source,
                                           std::string_view default_method) {
  const Members members(object, source);
  QuantizationFacts facts;
  facts.source = source;
  std::string method = members.text({"quant_method", "method"});
  if (method.empty()) method = default_method;
  if (method == "gptq" || method == "awq")
    read_plain(members, method == "awq", facts);
  else if (method == "compressed-tensors")
    read_compressed_tensors(members, facts);
  else if (method.empty())
    fail("{}: no 'quant_method', so that the layout of the weights is not known", source);
  else
    fail("{}: weights quantized by {}; {}", source, printable(method), what_is_read);
  return facts;
}

std::optional<QuantizationFacts> find_quantization_facts(const std::filesystem::path& directory) {
  for (const auto& [name, method] :
       {std::pair("quantize_config.json", "gptq"), std::pair("quant_config.json", "awq")}) {
    const std::filesystem::path path = directory / name;
    if (!is_absent(path))
      return parse_quantization_facts(parse_strict_json(read_text(path), path.string()), path.string(), method);
  }
  const std::filesystem::path path = directory / "config.json";
  if (is_absent(path)) return std::nullopt;
  const json config = parse_strict_json(read_text(path), path.string());
  for (const char* const member : {"quantization_config", "compression_config"})
    if (const auto found = config.is_object() ? config.find(member) : config.end();
        found != config.end() && !found->is_null())
      return parse_quantization_facts(*found, fmt::format("{}: {}", path.string(), member));
  return std::nullopt;
}

}  // namespace quantbench
