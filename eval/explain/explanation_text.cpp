// How explanations are shown: text and JSON.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "eval/explain/explain.h"
#include "eval/json_text.h"
#include "eval/render/table.h"
#include "quantizers/method.h"
#include "quantizers/method_catalog.h"

namespace quantbench {
namespace {

using Json = nlohmann::ordered_json;

std::string shown(const Fact& fact) { return fact.value.empty() ? "not recorded" : fact.shown; }

std::string_view heading_of(Affects affects) {
  switch (affects) {
    case Affects::everything:
      return "the model and the program";
    case Affects::predictions:
      return "perplexity and KL divergence";
    case Affects::calibration:
      return "what calibration saw";
    case Affects::importance:
      return "what encoders weight by";
    case Affects::last_digits:
      return "last digits";
    case Affects::timings:
      return "timings";
    case Affects::identity:
      return "ids of cells";
  }
  return "";
}

// "exact" where the method says nothing else.
std::string products_of(const CellReport& cell) {
  try {
    const Method method = parse_method(cell.method);
    const auto found = method.options.find(std::string(compute_option));
    return found == method.options.end() ? "exact" : found->second;
  } catch (const Error&) {
    return "unknown";
  }
}

Table fact_table(const std::vector<Fact>& facts) {
  Table table;
  table.columns = {{"fact", Align::left, 0}, {"value", Align::left, 0}, {"behind", Align::left, 1}};
  for (const Fact& fact : facts) table.rows.push_back({fact.name, shown(fact), std::string(heading_of(fact.affects))});
  return table;
}

Table cell_table(const Report& report) {
  Table table;
  table.columns = {{"method", Align::left, 0},       {"perplexity", Align::right, 0}, {"tokens", Align::right, 3},
                   {"KLD nats", Align::right, 0},    {"products", Align::left, 2},    {"learned from", Align::left, 0},
                   {"substituted", Align::right, 1}, {"notes", Align::left, 4}};
  for (const CellReport& cell : report.cells)
    table.rows.push_back({cell.method, cell.perplexity ? fmt::format("{:.6g}", cell.perplexity->value) : "",
                          cell.perplexity ? std::to_string(cell.perplexity->tokens) : "",
                          cell.kld ? fmt::format("{:.3g}", cell.kld->mean) : "", products_of(cell),
                          learned_from(cell, report), std::to_string(substituted_tensors(cell)),
                          fmt::format("{}", fmt::join(cell.notes, "; "))});
  return table;
}

std::string how_it_is_counted(const Report& report) {
  if (!report.dataset_windows) return "";
  const WindowFacts& windows = *report.dataset_windows;
  return fmt::format("perplexity = exp(mean negative log-likelihood of {} tokens), {} windows x {} scored positions\n",
                     windows.count * windows.scored_each, windows.count, windows.scored_each);
}

std::string affected_text(const AffectedFigures& affected) {
  constexpr std::size_t most_names = 4;
  if (affected.methods.empty()) return fmt::format("{} of no cell here", fmt::join(affected.figures, ", "));
  std::vector<std::string> names = affected.methods;
  const std::size_t more = names.size() - std::min(names.size(), most_names);
  names.resize(names.size() - more);
  return fmt::format("{} of {}{}", fmt::join(affected.figures, ", "), fmt::join(names, ", "),
                     more > 0 ? fmt::format(" and {} more", more) : "");
}

Table difference_table(const Explanation& explanation) {
  Table table;
  table.columns = {{"", Align::right, 0},
                   {"fact", Align::left, 0},
                   {"first", Align::left, 0},
                   {"second", Align::left, 0},
                   {"affects", Align::left, 1}};
  for (std::size_t i = 0; i < explanation.differences.size(); ++i) {
    const auto& [first, second, affected] = explanation.differences[i];
    table.rows.push_back({std::to_string(i + 1), first.name, shown(first), shown(second), affected_text(affected)});
  }
  return table;
}

Table figure_table(const Explanation& explanation) {
  Table table;
  table.columns = {{"method", Align::left, 0},
                   {"figure", Align::left, 0},
                   {"first", Align::right, 0},
                   {"second", Align::right, 0},
                   {"change", Align::right, 0}};
  for (const auto& [method, figure, first, second] : explanation.figures)
    table.rows.push_back({method, figure, fmt::format("{:.6g}", first), fmt::format("{:.6g}", second),
                          first != 0 ? fmt::format("{:+.3g} %", 100 * (second / first - 1)) : ""});
  return table;
}

std::string conclusion(const Explanation& explanation) {
  const auto matters = [](const FactDifference& difference) {
    return difference.first.affects != Affects::timings && difference.first.affects != Affects::identity;
  };
  const auto likeliest = std::ranges::find_if(explanation.differences, matters);
  if (explanation.figures.empty()) return "Every figure that both reports have is the same.\n";
  if (likeliest == explanation.differences.end())
    return "The figures differ and no recorded fact does: the code of a method or of a metric has changed, or a file "
           "was "
           "edited.\n";
  return fmt::format("Look first at: {} ({} and {}).\n", likeliest->first.name, shown(likeliest->first),
                     shown(likeliest->second));
}

std::string line_of(std::string_view title, const std::vector<std::string>& names) {
  return names.empty() ? "" : fmt::format("{}: {}\n", title, fmt::join(names, ", "));
}

Json json_of(const Fact& fact) {
  return fact.value.empty() ? Json(nullptr) : Json{{"value", fact.value}, {"shown", fact.shown}};
}

Json json_of(const ReportFile& file) {
  Json facts = Json::object(), cells = Json::array();
  for (const Fact& fact : facts_of(file.report)) facts[fact.name] = json_of(fact);
  for (const CellReport& cell : file.report.cells) {
    Json entry{{"method", cell.method}, {"status", cell.status}};
    if (cell.perplexity) entry["perplexity"] = {{"value", cell.perplexity->value}, {"tokens", cell.perplexity->tokens}};
    if (cell.kld) entry["kld"] = cell.kld->mean;
    entry["products"] = products_of(cell);
    entry["learned_from"] = learned_from(cell, file.report);
    entry["substituted_tensors"] = substituted_tensors(cell);
    entry["notes"] = cell.notes;
    cells.push_back(std::move(entry));
  }
  return {{"report", file.path.string()}, {"run", file.report.run_name}, {"facts", facts}, {"cells", cells}};
}

}  // namespace

std::string explain_text(const ReportFile& file, std::size_t width) {
  std::string text = title_of(file) + "\n\n";
  text += to_text(fact_table(facts_of(file.report)), width);
  text.append("\n").append(how_it_is_counted(file.report));
  if (!file.report.cells.empty()) text.append("\n").append(to_text(cell_table(file.report), width));
  return text;
}

std::string explain_json(const ReportFile& file) { return json_text(json_of(file)); }

std::string explain_text(const ReportFile& first, const ReportFile& second, std::size_t width) {
  const Explanation explanation = explain_difference(first.report, second.report);
  std::string text = fmt::format("first   {}\nsecond  {}\n\n", title_of(first), title_of(second));
  text +=
      explanation.differences.empty() ? "No recorded fact differs.\n" : to_text(difference_table(explanation), width);
  text += line_of("\nrecorded in only one of them", explanation.not_recorded);
  if (!explanation.figures.empty()) text.append("\n").append(to_text(figure_table(explanation), width));
  text += line_of("\nonly in the first", explanation.only_first);
  text += line_of("\nonly in the second", explanation.only_second);
  return text.append("\n").append(conclusion(explanation));
}

std::string explain_json(const ReportFile& first, const ReportFile& second) {
  const Explanation explanation = explain_difference(first.report, second.report);
  Json differences = Json::array(), figures = Json::array();
  for (const auto& [one, other, affected] : explanation.differences)
    differences.push_back({{"fact", one.name},
                           {"first", json_of(one)},
                           {"second", json_of(other)},
                           {"affects", {{"figures", affected.figures}, {"methods", affected.methods}}}});
  for (const auto& [method, figure, one, other] : explanation.figures)
    figures.push_back({{"method", method}, {"figure", figure}, {"first", one}, {"second", other}});
  return json_text({{"first", json_of(first)},
                    {"second", json_of(second)},
                    {"differences", differences},
                    {"not_recorded", explanation.not_recorded},
                    {"figures", figures},
                    {"only_first", explanation.only_first},
                    {"only_second", explanation.only_second}});
}

}  // namespace quantbench
