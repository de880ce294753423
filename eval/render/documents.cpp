// Whole documents made of the tables: terminal, Markdown, LaTeX.
#include <fmt/format.h>

#include "eval/render/render.h"

namespace quantbench {
namespace {

// Characters that fit into a line of an article in one column, in \footnotesize.
constexpr std::size_t latex_width = 74;

std::string title_of(const Report& report) { return report.run_name.empty() ? report.model_name : report.run_name; }

std::vector<Table> tables_of(const Report& report) {
  std::vector<Table> tables;
  if (!report.cells.empty()) tables.push_back(result_table(report));
  if (!report.expectations.empty()) tables.push_back(expectation_table(report));
  if (!report.orderings.empty()) tables.push_back(ordering_table(report));
  if (!report.kernels.empty()) tables.push_back(kernel_table(report));
  return tables;
}

}  // namespace

std::string render_terminal(const Report& report, std::size_t width) {
  std::string text;
  for (const std::string& line : provenance_lines(report)) text += line + "\n";
  for (const Table& table : tables_of(report)) text.append("\n").append(to_text(table, width));
  return text;
}

std::string render_markdown(std::span<const Report> reports) {
  std::string text;
  if (runs_with_cells(reports) > 1) text = "## All runs\n\n" + to_markdown(result_table(reports));
  for (const Report& report : reports) {
    text += fmt::format("{}## {}\n\n", text.empty() ? "" : "\n", title_of(report));
    for (const std::string& line : provenance_lines(report)) text += "    " + line + "\n";
    for (const Table& table : tables_of(report)) text.append("\n").append(to_markdown(table));
  }
  return text;
}

std::string render_latex(std::span<const Report> reports) {
  std::string text;
  if (runs_with_cells(reports) > 1) {
    Table all = result_table(reports);
    all.caption = "Results of all runs.";
    text = to_latex(all, latex_width);
  }
  for (const Report& report : reports) {
    const auto add = [&](Table table, std::string_view what) {
      table.caption = fmt::format("{} of {} ({}, {}).", what, title_of(report), report.model_name, report.protocol);
      text.append(text.empty() ? "" : "\n").append(to_latex(table, latex_width));
    };
    if (!report.cells.empty()) add(result_table(report), "Results");
    if (!report.expectations.empty()) add(expectation_table(report), "Published and measured figures");
    if (!report.orderings.empty()) add(ordering_table(report), "Expected orderings");
    if (!report.kernels.empty()) add(kernel_table(report), "Kernel throughput");
  }
  return text;
}

}  // namespace quantbench
