#include "eval/compare/gates.h"

#include <fnmatch.h>
#include <array>
#include <charconv>
#include <cmath>

#include "core/error.h"
#include "core/file.h"
#include "eval/config/yaml.h"

namespace quantbench {
namespace {

constexpr std::array metrics = {GateMetric::bits_per_weight, GateMetric::relative_rmse, GateMetric::perplexity_ratio,
                                GateMetric::mean_kld};

double parse_limit(const YamlNode& node) {
  double value = 0;
  const char* end = node.text.data() + node.text.size();
  const auto [rest, error] = std::from_chars(node.text.data(), end, value);
  const bool number = node.kind == YamlNode::Kind::scalar && error == std::errc() && rest == end;
  if (!number || !std::isfinite(value) || value < 0) fail_at(node.place, "limit '{}' is not a number >= 0", node.text);
  return value;
}

std::optional<double> find_limit(const YamlNode& limits, std::string_view name) {
  const YamlNode* node = limits.find(name);
  return node == nullptr ? std::nullopt : std::optional<double>(parse_limit(*node));
}

std::optional<GateLimits> parse_limits(const YamlNode& node, GateMetric metric) {
  if (node.kind == YamlNode::Kind::scalar && node.text == "off") return {};
  std::vector<std::string> known = {"max", "max_increase", "max_increase_percent"};
  if (metric == GateMetric::perplexity_ratio) known.emplace_back("paired");
  node.check_keys(to_string(metric), known);
  GateLimits limits{find_limit(node, "max"), find_limit(node, "max_increase"),
                    find_limit(node, "max_increase_percent")};
  if (const YamlNode* paired = node.find("paired")) limits.paired = paired->as_boolean("paired");
  if (!limits.max && !limits.max_increase && !limits.max_increase_percent)
    fail_at(node.place, "gate '{}' has no limit; give max, max_increase or max_increase_percent, or off",
            to_string(metric));
  return limits;
}

GateTable parse_table(const YamlNode& node, std::string_view what) {
  std::vector<std::string> names;
  for (const GateMetric metric : metrics) names.emplace_back(to_string(metric));
  node.check_keys(what, names);
  GateTable table;
  for (const GateMetric metric : metrics)
    if (const YamlNode* limits = node.find(to_string(metric))) table[metric] = parse_limits(*limits, metric);
  return table;
}

bool parse_missing(const YamlNode& node) {
  const std::string value = node.as_text("missing");
  if (value != "fail" && value != "ignore") fail_at(node.place, "missing is '{}', expected fail or ignore", value);
  return value == "fail";
}

}  // namespace

std::string_view to_string(GateMetric metric) {
  constexpr std::array<std::string_view, 4> names = {"bits_per_weight", "relative_rmse", "perplexity_ratio",
                                                     "mean_kld"};
  return names[static_cast<std::size_t>(metric)];
}

std::optional<GateLimits> Gates::find(GateMetric metric, const std::string& method) const {
  std::optional<GateLimits> limits;
  if (const auto found = all_methods.find(metric); found != all_methods.end()) limits = found->second;
  for (const auto& [pattern, table] : by_method) {
    if (::fnmatch(pattern.c_str(), method.c_str(), 0) != 0) continue;
    if (const auto found = table.find(metric); found != table.end()) limits = found->second;
  }
  return limits;
}

Gates default_gates() {
  const auto percent = [](double value) { return GateLimits{{}, {}, value, true}; };
  Gates gates;
  gates.source = "the default gates";
  gates.all_methods = {{GateMetric::bits_per_weight, percent(0.1)},
                       {GateMetric::relative_rmse, percent(0.5)},
                       {GateMetric::perplexity_ratio, GateLimits{1.005, {}, {}, true}},
                       {GateMetric::mean_kld, percent(5)}};
  return gates;
}

Gates parse_gates(std::string_view yaml, const std::string& source) {
  const YamlNode root = parse_yaml(yaml, source);
  root.check_keys("the gates file", std::vector<std::string>{"missing", "gates", "methods"});
  Gates gates;
  gates.source = source;
  gates.from_file = true;
  if (const YamlNode* missing = root.find("missing")) gates.missing_fails = parse_missing(*missing);
  if (const YamlNode* table = root.find("gates")) gates.all_methods = parse_table(*table, "gates");
  if (const YamlNode* methods = root.find("methods"))
    for (const YamlNode::Member& member : methods->as_map("methods"))
      gates.by_method.emplace_back(member.key, parse_table(member.value, member.key));
  if (gates.all_methods.empty() && gates.by_method.empty()) fail_at(root.place, "no gate is given");
  return gates;
}

Gates read_gates(const std::filesystem::path& path) { return parse_gates(read_text(path), path.string()); }

}  // namespace quantbench
