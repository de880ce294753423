// How a comparison is shown: table, lines and JSON.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "eval/compare/checks.h"
#include "eval/json_text.h"

namespace quantbench {
namespace {

bool is_speed(const GateCheck& check) { return check.gate == "throughput"; }

std::string number(const GateCheck& check, const std::optional<double>& value) {
  if (!value) return "-";
  return is_speed(check) ? fmt::format("{:.4g} us", *value * 1e6) : fmt::format("{:.6g}", *value);
}

std::string change(const GateCheck& check) {
  if (!check.base || !check.now) return "-";
  if (*check.now == *check.base) return "0";
  if (*check.base <= 0) return fmt::format("{:+.3g}", *check.now - *check.base);
  return fmt::format("{:+.3g} %", 100 * (*check.now / *check.base - 1));
}

std::string limit_text(const GateCheck& check) {
  if (check.limit.empty()) return "-";
  if (check.limit == "same" || check.limit == "none") return check.limit;
  if (check.limit == "max") return fmt::format("<= {:g}", check.allowed);
  return fmt::format("+{:g}{}", check.allowed, check.limit == "max_increase" ? "" : " %");
}

// In the unit of `change`, which people compare with the limit.
std::string interval_text(const GateCheck& check) {
  if (!check.interval) return "-";
  const CheckInterval& interval = *check.interval;
  if (!check.base || *check.base <= 0) return fmt::format("{:.4g} .. {:.4g}", interval.lower, interval.upper);
  return fmt::format("{:+.3g} .. {:+.3g} %", 100 * (interval.lower / *check.base - 1),
                     100 * (interval.upper / *check.base - 1));
}

std::string_view heading(const Comparison& comparison) {
  switch (comparison.verdict()) {
    case Verdict::regression:
      return "REGRESSION";
    case Verdict::inconclusive:
      return comparison.fails() ? "INCONCLUSIVE, which fails here" : "INCONCLUSIVE";
    default:
      return "PASS";
  }
}

nlohmann::ordered_json json_of(const CheckInterval& interval, const GateCheck& check) {
  nlohmann::ordered_json json{
      {"lower", interval.lower}, {"upper", interval.upper}, {"confidence", interval.confidence}};
  json[is_speed(check) ? "rounds" : "windows"] = interval.samples;
  if (!is_speed(check)) json["block"] = interval.block;
  return json;
}

nlohmann::ordered_json json_of(const GateCheck& check) {
  nlohmann::ordered_json entry{{"method", check.method}, {"gate", check.gate}};
  if (check.limit == "same" || check.limit == "none")
    entry["demand"] = check.limit;
  else if (!check.limit.empty())
    entry["limit"] = {{check.limit, check.allowed}};
  if (check.base) entry["base"] = *check.base;
  if (check.now) entry["new"] = *check.now;
  if (check.interval) entry["interval"] = json_of(*check.interval, check);
  entry["verdict"] = to_string(check.verdict);
  entry["fails"] = check.fails;
  if (!check.tensors.empty()) entry["tensors"] = check.tensors;
  if (!check.note.empty()) entry["note"] = check.note;
  return entry;
}

}  // namespace

Table checks_table(const std::vector<GateCheck>& checks) {
  Table table;
  table.columns = {{"method", Align::left, 0}, {"gate", Align::left, 0},    {"base", Align::right, 0},
                   {"new", Align::right, 0},   {"change", Align::right, 3}, {"interval of change", Align::right, 2},
                   {"limit", Align::right, 0}, {"verdict", Align::left, 0}, {"note", Align::left, 1}};
  for (const GateCheck& check : checks)
    table.rows.push_back({check.method, check.gate, number(check, check.base), number(check, check.now), change(check),
                          interval_text(check), limit_text(check), std::string(to_string(check.verdict)), check.note});
  return table;
}

std::string describe(const GateCheck& check) {
  std::vector<std::string> parts;
  if (check.base) parts.push_back(fmt::format("{} in the baseline", number(check, check.base)));
  if (check.now) parts.push_back(fmt::format("{} now ({})", number(check, check.now), change(check)));
  if (!check.limit.empty()) parts.push_back("limit " + limit_text(check));
  if (check.interval)
    parts.push_back(
        fmt::format("{:g} % interval of the change {}", 100 * check.interval->confidence, interval_text(check)));
  if (!check.note.empty()) parts.push_back(check.note);
  return fmt::format("{} of {}: {}", check.gate, check.method, fmt::join(parts, ", "));
}

std::string summary_line(const Comparison& comparison) {
  std::string counts = fmt::format("{} passed, {} regressed, {} not checked", comparison.count(Verdict::pass),
                                   comparison.count(Verdict::regression), comparison.count(Verdict::not_checked));
  if (const auto count = comparison.count(Verdict::inconclusive)) counts += fmt::format(", {} inconclusive", count);
  if (const auto count = comparison.count(Verdict::warning))
    counts += fmt::format(", {} warning{}", count, count == 1 ? "" : "s");
  return fmt::format("{}: {}, against {}", heading(comparison), counts, comparison.gates);
}

std::string to_json(const Comparison& comparison) {
  nlohmann::ordered_json checks = nlohmann::ordered_json::array();
  for (const GateCheck& check : comparison.checks) checks.push_back(json_of(check));
  const nlohmann::ordered_json document{{"verdict", to_string(comparison.verdict())},
                                        {"fails", comparison.fails()},
                                        {"base", comparison.base},
                                        {"new", comparison.now},
                                        {"gates", comparison.gates},
                                        {"checks", std::move(checks)}};
  return json_text(document);
}

}  // namespace quantbench
