// How the explanation of a cell is shown: text and JSON.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "eval/explain/cell_figures_explained.h"
#include "eval/explain/facts.h"
#include "eval/json_text.h"
#include "eval/render/table.h"

namespace quantbench {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t most_tensors = 5;

struct FormatUse {
  std::size_t tensors = 0, weights = 0, substituted = 0;
  double bits = 0;  // of all its weights
};

std::map<std::string, FormatUse> formats_of(const CellReport& cell) {
  std::map<std::string, FormatUse> uses;
  for (const TensorReport& tensor : cell.tensors) {
    FormatUse& use = uses[tensor.format];
    ++use.tensors;
    use.weights += tensor.rows * tensor.cols;
    use.bits += tensor.bits_per_weight * static_cast<double>(tensor.rows * tensor.cols);
    use.substituted += tensor.fallback.empty() ? 0 : 1;
  }
  return uses;
}

std::vector<const TensorReport*> worst_tensors(const CellReport& cell) {
  std::vector<const TensorReport*> worst;
  for (const TensorReport& tensor : cell.tensors) worst.push_back(&tensor);
  std::ranges::stable_sort(worst, std::greater<>(), [](const TensorReport* tensor) { return tensor->relative_rmse; });
  worst.resize(std::min(worst.size(), most_tensors));
  return worst;
}

Table figure_table(const ExplainedCell& explained) {
  Table table;
  table.columns = {{"figure", Align::left}, {"value"}, {"is", Align::left, 1}, {"here", Align::left}};
  for (const ExplainedFigure& figure : explained.figures)
    table.rows.push_back(
        {figure.figure, fmt::format("{:.9g}", figure.value), figure.formula,
         figure.agrees() ? figure.numbers : fmt::format("{} = {:.9g}: DOES NOT FIT", figure.numbers, figure.computed)});
  table.notes = explained.notes;
  return table;
}

Table format_table(const CellReport& cell) {
  Table table;
  table.columns = {{"format", Align::left}, {"tensors"}, {"weights"}, {"bits/weight"}, {"substituted"}};
  for (const auto& [format, use] : formats_of(cell))
    table.rows.push_back({format, std::to_string(use.tensors), std::to_string(use.weights),
                          fmt::format("{:.4f}", use.bits / static_cast<double>(use.weights)),
                          std::to_string(use.substituted)});
  return table;
}

Table worst_table(const CellReport& cell) {
  Table table;
  table.columns = {{"largest errors", Align::left}, {"format", Align::left}, {"relative RMSE"}, {"largest error"}};
  for (const TensorReport* tensor : worst_tensors(cell))
    table.rows.push_back({tensor->name, tensor->format, fmt::format("{:.6g}", tensor->relative_rmse),
                          fmt::format("{:.6g}", tensor->max_abs_error)});
  return table;
}

}  // namespace

std::string explain_cell_text(const ReportFile& file, const CellReport& cell, std::size_t width) {
  const ExplainedCell explained = explain_cell(file, cell);
  std::string text = fmt::format("{}, {}\n\n", title_of(file), cell.method);
  if (cell.status != "ok") text += fmt::format("{}: {}\n", cell.status, cell.error);
  if (!explained.figures.empty()) text += to_text(figure_table(explained), width);
  if (!cell.tensors.empty())
    text += fmt::format("\n{}\n{}", to_text(format_table(cell), width), to_text(worst_table(cell), width));
  const std::string commit = cell.commit.empty() ? file.report.environment.commit : cell.commit;
  text += fmt::format("\nlearned from  {}\nnotes         {}\ncommit        {}\nid            {}\n",
                      learned_from(cell, file.report),
                      cell.notes.empty() ? "none" : fmt::format("{}", fmt::join(cell.notes, "; ")),
                      commit.empty() ? "not recorded" : commit, cell.id);
  return text;
}

std::string explain_cell_json(const ReportFile& file, const CellReport& cell) {
  const ExplainedCell explained = explain_cell(file, cell);
  Json figures = Json::array(), formats = Json::array(), worst = Json::array();
  for (const ExplainedFigure& figure : explained.figures)
    figures.push_back({{"figure", figure.figure},
                       {"value", figure.value},
                       {"formula", figure.formula},
                       {"numbers", figure.numbers},
                       {"computed", figure.computed},
                       {"agrees", figure.agrees()}});
  for (const auto& [format, use] : formats_of(cell))
    formats.push_back({{"format", format},
                       {"tensors", use.tensors},
                       {"weights", use.weights},
                       {"bits_per_weight", use.bits / static_cast<double>(use.weights)},
                       {"substituted_tensors", use.substituted}});
  for (const TensorReport* tensor : worst_tensors(cell))
    worst.push_back({{"name", tensor->name}, {"format", tensor->format}, {"relative_rmse", tensor->relative_rmse}});
  const Json document{{"report", file.path.string()}, {"run", file.report.run_name},
                      {"method", cell.method},        {"id", cell.id},
                      {"status", cell.status},        {"figures", figures},
                      {"notes", explained.notes},     {"formats", formats},
                      {"largest_errors", worst},      {"learned_from", learned_from(cell, file.report)}};
  return json_text(document);
}

}  // namespace quantbench
