#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "core/error.h"
#include "core/file.h"
#include "eval/compare/gates.h"
#include "eval/config/yaml.h"

namespace quantbench {
namespace {

constexpr std::array metrics = {
    GateMetric::bits_per_weight, GateMetric::substitutions,        GateMetric::tensor_formats,
    GateMetric::relative_rmse,   GateMetric::tensor_relative_rmse, GateMetric::perplexity_ratio,
    GateMetric::mean_kld};

bool is_word(const YamlNode& node, std::string_view word) {
  return node.kind == YamlNode::Kind::scalar && node.text == word;
}

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

OnInconclusive parse_inconclusive(const YamlNode& node) {
  const std::string value = node.as_text("inconclusive");
  if (value == "fail") return OnInconclusive::fail;
  if (value == "warn") return OnInconclusive::warn;
  if (value == "pass") return OnInconclusive::pass;
  fail_at(node.place, "inconclusive is '{}', expected fail, warn or pass", value);
}

double parse_confidence(const YamlNode& node) {
  const double percent = node.as_number("confidence");
  if (!(percent >= 80 && percent <= 99.9)) fail_at(node.place, "confidence is {} %, expected 80 to 99.9", percent);
  return percent / 100;
}

bool has_interval(GateMetric metric) {
  return metric == GateMetric::perplexity_ratio || metric == GateMetric::mean_kld;
}

GateLimits parse_figure(const YamlNode& node, GateMetric metric) {
  std::vector<std::string> known = {"max", "max_increase", "max_increase_percent", "hard"};
  if (has_interval(metric)) known.insert(known.end(), {"paired", "inconclusive"});
  node.check_keys(to_string(metric), known);
  GateLimits limits{.max = find_limit(node, "max"),
                    .max_increase = find_limit(node, "max_increase"),
                    .max_increase_percent = find_limit(node, "max_increase_percent")};
  if (const YamlNode* paired = node.find("paired")) limits.paired = paired->as_boolean("paired");
  if (const YamlNode* hard = node.find("hard")) limits.hard = hard->as_boolean("hard");
  if (const YamlNode* word = node.find("inconclusive")) limits.inconclusive = parse_inconclusive(*word);
  if (!limits.max && !limits.max_increase && !limits.max_increase_percent)
    fail_at(node.place, "gate '{}' has no limit; give max, max_increase or max_increase_percent, or off",
            to_string(metric));
  return limits;
}

std::string parse_demand(const YamlNode& node, GateMetric metric) {
  std::string demand = node.as_text(to_string(metric));
  const bool known = demand == "same" || (metric == GateMetric::substitutions && demand == "none");
  if (!known)
    fail_at(node.place, "{} is '{}', expected {} or off", to_string(metric), demand,
            metric == GateMetric::substitutions ? "none, same" : "same");
  return demand;
}

/// `same`, or {demand: same, hard: false}.
GateLimits parse_tensor_list(const YamlNode& node, GateMetric metric) {
  GateLimits limits;
  if (node.kind != YamlNode::Kind::map) {
    limits.demand = parse_demand(node, metric);
    return limits;
  }
  node.check_keys(to_string(metric), std::vector<std::string>{"demand", "hard"});
  const YamlNode* demand = node.find("demand");
  if (demand == nullptr) fail_at(node.place, "gate '{}' has no demand", to_string(metric));
  limits.demand = parse_demand(*demand, metric);
  if (const YamlNode* hard = node.find("hard")) limits.hard = hard->as_boolean("hard");
  return limits;
}

std::optional<GateLimits> parse_limits(const YamlNode& node, GateMetric metric) {
  if (is_word(node, "off")) return {};
  if (metric == GateMetric::tensor_formats || metric == GateMetric::substitutions)
    return parse_tensor_list(node, metric);
  return parse_figure(node, metric);
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

std::optional<SpeedLimits> parse_speed(const YamlNode& node, std::string_view what) {
  if (is_word(node, "off")) return {};
  node.check_keys(what, std::vector<std::string>{"max_slowdown_percent", "min_slowdown_microseconds", "confidence",
                                                 "hard", "inconclusive"});
  SpeedLimits limits;
  const std::optional<double> percent = find_limit(node, "max_slowdown_percent");
  if (!percent) fail_at(node.place, "gate '{}' has no limit; give max_slowdown_percent, or off", what);
  limits.max_slowdown_percent = *percent;
  if (const auto floor = find_limit(node, "min_slowdown_microseconds")) limits.min_slowdown_microseconds = *floor;
  if (const YamlNode* confidence = node.find("confidence")) limits.confidence = parse_confidence(*confidence);
  if (const YamlNode* hard = node.find("hard")) limits.hard = hard->as_boolean("hard");
  if (const YamlNode* word = node.find("inconclusive")) limits.inconclusive = parse_inconclusive(*word);
  return limits;
}

bool parse_missing(const YamlNode& node) {
  const std::string value = node.as_text("missing");
  if (value != "fail" && value != "ignore") fail_at(node.place, "missing is '{}', expected fail or ignore", value);
  return value == "fail";
}

void parse_options(const YamlNode& root, Gates& gates) {
  if (const YamlNode* missing = root.find("missing")) gates.missing_fails = parse_missing(*missing);
  if (const YamlNode* word = root.find("inconclusive")) gates.inconclusive = parse_inconclusive(*word);
  if (const YamlNode* confidence = root.find("confidence")) gates.confidence = parse_confidence(*confidence);
}

}  // namespace

Gates parse_gates(std::string_view yaml, const std::string& source) {
  const YamlNode root = parse_yaml(yaml, source);
  root.check_keys("the gates file", std::vector<std::string>{"missing", "inconclusive", "confidence", "gates",
                                                             "methods", "throughput", "kernels"});
  Gates gates;
  gates.source = source;
  gates.from_file = true;
  parse_options(root, gates);
  if (const YamlNode* table = root.find("gates")) gates.all_methods = parse_table(*table, "gates");
  if (const YamlNode* methods = root.find("methods"))
    for (const YamlNode::Member& member : methods->as_map("methods"))
      gates.by_method.emplace_back(member.key, parse_table(member.value, member.key));
  if (const YamlNode* speed = root.find("throughput")) gates.all_kernels = parse_speed(*speed, "throughput");
  if (const YamlNode* kernels = root.find("kernels"))
    for (const YamlNode::Member& member : kernels->as_map("kernels"))
      gates.by_kernel.emplace_back(member.key, parse_speed(member.value, member.key));
  if (gates.all_methods.empty() && gates.by_method.empty() && !gates.all_kernels && gates.by_kernel.empty())
    fail_at(root.place, "no gate is given");
  return gates;
}

Gates read_gates(const std::filesystem::path& path) { return parse_gates(read_text(path), path.string()); }

}  // namespace quantbench
