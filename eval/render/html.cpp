#include <fmt/format.h>

#include "eval/render/render.h"

namespace quantbench {
namespace {

constexpr const char* page_style =
    ":root{color-scheme:light dark;--text:#1f2328;--back:#fff;--line:#d1d9e0;--muted:#59636e}\n"
    "@media (prefers-color-scheme:dark){:root{--text:#e6edf3;--back:#0d1117;--line:#3d444d;--muted:#9198a1}}\n"
    "body{font-family:system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;color:var(--text);"
    "background:var(--back);max-width:1000px;margin:2rem auto;padding:0 1rem;line-height:1.45}\n"
    "svg{max-width:100%;height:auto;display:block;margin:1.2rem 0}\n"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.9rem;display:block;overflow-x:auto}\n"
    "th,td{padding:.25rem .7rem;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}\n"
    ".left{text-align:left}\n.note,pre{color:var(--muted);font-size:.85rem}\n"
    "pre{white-space:pre-wrap}\nsummary{cursor:pointer;padding:.2rem 0}\n";

Table tensor_table(const CellReport& cell) {
  Table table;
  table.columns = {{"tensor", Align::left, 0},
                   {"format", Align::left, 0},
                   {"shape", Align::right, 0},
                   {"bits/weight"},
                   {"RMSE %", Align::right, 0},
                   {"max error"},
                   {"cosine"},
                   {"weighted RMSE %"},
                   {"instead of", Align::left, 0}};
  for (const TensorReport& tensor : cell.tensors)
    table.rows.push_back(
        {tensor.name, tensor.format, fmt::format("{} x {}", tensor.rows, tensor.cols),
         fmt::format("{:.3f}", tensor.bits_per_weight), fmt::format("{:.3f}", 100 * tensor.relative_rmse),
         fmt::format("{:.3g}", tensor.max_abs_error), fmt::format("{:.6f}", tensor.cosine),
         tensor.weighted_relative_rmse ? fmt::format("{:.3f}", 100 * *tensor.weighted_relative_rmse) : "",
         tensor.fallback});
  return table;
}

std::string section(const Report& report) {
  std::string text = fmt::format("<h2>{}</h2>\n<pre>", escape_markup(report.run_name));
  for (const std::string& line : provenance_lines(report)) text += escape_markup(line) + "\n";
  text += fmt::format("quantbench {}, compiled by {}\nmodel sha256 {}\ntext sha256 {}</pre>\n",
                      escape_markup(report.environment.version), escape_markup(report.environment.compiler),
                      escape_markup(report.model_sha256), escape_markup(report.dataset_sha256));
  for (const ChartMetric metric : chart_metrics())
    if (can_chart(report, metric)) text += render_chart(report, metric);
  if (!report.cells.empty()) text += to_html(result_table(report));
  if (!report.expectations.empty())
    text += "<h3>Published and measured figures</h3>\n" + to_html(expectation_table(report));
  if (!report.orderings.empty()) text += "<h3>Expected orderings</h3>\n" + to_html(ordering_table(report));
  if (can_draw_roofline(report)) text += render_roofline(report);
  if (!report.kernels.empty()) text += "<h3>Kernel throughput</h3>\n" + to_html(kernel_table(report));
  for (const CellReport& cell : report.cells)
    if (!cell.tensors.empty())
      text += fmt::format("<details><summary>Tensors of {}</summary>\n{}</details>\n", escape_markup(cell.method),
                          to_html(tensor_table(cell)));
  return text;
}

}  // namespace

std::string render_html(std::span<const Report> reports) {
  std::string text = fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
      "content=\"width=device-width,initial-scale=1\">\n<title>quantbench "
      "report</title>\n<style>\n{}</style>\n</head>\n"
      "<body>\n<h1>quantbench report</h1>\n",
      page_style);
  for (const Report& report : reports) text += section(report);
  return text + "</body>\n</html>\n";
}

}  // namespace quantbench
