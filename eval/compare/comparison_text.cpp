// How a comparison is shown: table and JSON.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "eval/compare/compare.h"

namespace quantbench {
namespace {

std::string number(const std::optional<double>& value) { return value ? fmt::format("{:.6g}", *value) : "-"; }

std::string change(const GateCheck& check) {
  if (!check.base || !check.now) return "-";
  if (*check.now == *check.base) return "0";
  if (*check.base <= 0) return fmt::format("{:+.3g}", *check.now - *check.base);
  return fmt::format("{:+.3g} %", 100 * (*check.now / *check.base - 1));
}

std::string limit_text(const GateCheck& check) {
  if (check.limit.empty()) return "-";
  if (check.limit == "max") return fmt::format("<= {:g}", check.allowed);
  return fmt::format("+{:g}{}", check.allowed, check.limit == "max_increase_percent" ? " %" : "");
}

}  // namespace

Table comparison_table(const Comparison& comparison) {
  Table table;
  table.columns = {{"method", Align::left, 0},  {"gate", Align::left, 0},    {"base", Align::right, 0},
                   {"new", Align::right, 0},    {"change", Align::right, 2}, {"limit", Align::right, 0},
                   {"verdict", Align::left, 0}, {"note", Align::left, 1}};
  for (const GateCheck& check : comparison.checks)
    table.rows.push_back({check.method, check.gate, number(check.base), number(check.now), change(check),
                          limit_text(check), std::string(to_string(check.verdict)), check.note});
  return table;
}

std::string to_json(const Comparison& comparison) {
  nlohmann::ordered_json checks = nlohmann::ordered_json::array();
  for (const GateCheck& check : comparison.checks) {
    nlohmann::ordered_json entry{{"method", check.method}, {"gate", check.gate}};
    if (!check.limit.empty()) entry["limit"] = {{check.limit, check.allowed}};
    if (check.base) entry["base"] = *check.base;
    if (check.now) entry["new"] = *check.now;
    entry["verdict"] = to_string(check.verdict);
    if (!check.note.empty()) entry["note"] = check.note;
    checks.push_back(std::move(entry));
  }
  const nlohmann::ordered_json document{{"verdict", comparison.regression() ? "regression" : "pass"},
                                        {"base", comparison.base},
                                        {"new", comparison.now},
                                        {"gates", comparison.gates},
                                        {"checks", std::move(checks)}};
  return document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace quantbench
