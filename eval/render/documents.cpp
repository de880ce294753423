// Whole documents made of the tables: terminal, Markdown, LaTeX.
#include <fmt/format.h>

#include "eval/render/render.h"

namespace quantbench {
namespace {

std::string title_of(const Report& report) { return report.run_name.empty() ? report.model_name : report.run_name; }

}  // namespace

std::string render_terminal(const Report& report, std::size_t width) {
  std::string text;
  for (const std::string& line : provenance_lines(report)) text += line + "\n";
  if (!report.cells.empty()) text += "\n" + to_text(result_table(report), width);
  if (!report.kernels.empty()) text += "\n" + to_text(kernel_table(report), width);
  return text;
}

std::string render_markdown(std::span<const Report> reports) {
  std::string text;
  for (const Report& report : reports) {
    text += fmt::format("{}## {}\n\n", text.empty() ? "" : "\n", title_of(report));
    for (const std::string& line : provenance_lines(report)) text += "    " + line + "\n";
    if (!report.cells.empty()) text += "\n" + to_markdown(result_table(report));
    if (!report.kernels.empty()) text += "\n" + to_markdown(kernel_table(report));
  }
  return text;
}

std::string render_latex(std::span<const Report> reports) {
  std::string text;
  for (const Report& report : reports) {
    const auto add = [&](Table table, std::string_view what) {
      table.caption = fmt::format("{} of {} ({}, {}).", what, title_of(report), report.model_name, report.protocol);
      text += (text.empty() ? "" : "\n") + to_latex(table);
    };
    if (!report.cells.empty()) add(result_table(report), "Results");
    if (!report.kernels.empty()) add(kernel_table(report), "Kernel throughput");
  }
  return text;
}

}  // namespace quantbench
