#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "eval/render/chart_data.h"
#include "eval/render/family.h"
#include "eval/render/page/page.h"

namespace quantbench {
namespace {

const CellReport& cell_at(std::span<const Report> reports, CellPlace place) {
  return reports[place.run].cells[place.cell];
}

// On the frontier of perplexity or of the divergence.
std::vector<CellPlace> frontier_cells(std::span<const Report> reports) {
  std::vector<CellPlace> cells;
  for (const ChartMetric metric : {ChartMetric::perplexity, ChartMetric::mean_kld})
    for (const ChartPoint& point : chart_data(reports, metric).points)
      if (point.on_frontier) cells.push_back(point.place);
  return cells;
}

std::string chip(const std::string& kind, const std::string& value, const std::string& text, const std::string& title) {
  return fmt::format(
      "<button type=\"button\" class=\"chip\" data-{}=\"{}\" aria-pressed=\"false\" title=\"{}\">{}</button>\n", kind,
      escape_markup(value), escape_markup(title), escape_markup(text));
}

std::string controls(std::span<const Report> reports, std::size_t cells) {
  std::set<std::string> families;
  for (const Report& report : reports)
    for (const CellReport& cell : report.cells) families.insert(family_of(cell.method).name);
  std::string text =
      "<form class=\"controls needs-script\" id=\"filter\">\n<label for=\"filter-text\">Filter</label>\n"
      "<input type=\"search\" id=\"filter-text\" placeholder=\"method, e.g. int4 g128\" autocomplete=\"off\" "
      "spellcheck=\"false\">\n<div class=\"chips\" role=\"group\" aria-label=\"families of methods\">\n";
  for (const std::string& family : families) text += chip("family", family, family, "only methods of this family");
  text += chip("front", "1", "Pareto frontier", "only cells that no smaller one equals in perplexity or KL divergence");
  text += "</div>\n";
  if (runs_with_cells(reports) > 1) {
    text += "<div class=\"chips\" role=\"group\" aria-label=\"runs\">\n";
    const std::vector<std::string> labels = run_labels(reports);
    for (std::size_t run = 0; run < reports.size(); ++run)
      if (!reports[run].cells.empty()) text += chip("run", std::to_string(run), labels[run], "only cells of this run");
    text += "</div>\n";
  }
  return text +
         fmt::format(
             "<p class=\"count\"><span id=\"count\" role=\"status\" aria-live=\"polite\">{0} of {0} cells</span> "
             "<button type=\"reset\" class=\"plain\">show all</button></p>\n</form>\n",
             cells);
}

std::string row_of(const Table& table, std::size_t row, std::span<const Report> reports, CellPlace place, bool front) {
  const CellReport& cell = cell_at(reports, place);
  std::string text = fmt::format("<tr data-cell=\"{}\" data-run=\"{}\" data-family=\"{}\"{}{}>", cell_key(place),
                                 place.run, escape_markup(family_of(cell.method).name),
                                 front ? " data-front=\"1\"" : "", cell.status == "ok" ? "" : " class=\"failed\"");
  for (std::size_t column = 0; column < table.columns.size(); ++column) {
    const std::string content = escape_markup(table.rows[row][column]);
    if (table.columns[column].title == "method")
      text += fmt::format("<th scope=\"row\" class=\"left method\"><a href=\"#cell-{}\">{}</a>{}</th>", cell_key(place),
                          content, front ? " <span class=\"front\" title=\"on a Pareto frontier\">◆</span>" : "");
    else
      text += body_cell(table, row, column, content);
  }
  return text + "</tr>\n";
}

}  // namespace

PageSection result_section(std::span<const Report> reports) {
  PageSection section{"results", "Results", ""};
  const std::vector<CellPlace> order = result_order(reports);
  if (order.empty()) return section;
  const Table table = result_table(reports);
  const std::vector<CellPlace> front = frontier_cells(reports);
  std::string& text = section.markup;
  text = controls(reports, order.size());
  text +=
      "<div class=\"scroll sticky\" tabindex=\"0\" role=\"region\" aria-label=\"table of results\">"
      "<table class=\"sortable\" id=\"result-table\">\n<thead>\n<tr>";
  for (const Column& column : table.columns) text += header_cell(column);
  text += "</tr>\n</thead>\n<tbody>\n";
  for (std::size_t row = 0; row < order.size(); ++row)
    text += row_of(table, row, reports, order[row], std::ranges::find(front, order[row]) != front.end());
  text += "</tbody>\n</table></div>\n";
  if (!front.empty())
    text +=
        "<p class=\"note\"><span class=\"front\">◆</span> on a Pareto frontier: no cell of the run has at most as many "
        "bits and "
        "at most the perplexity (or KL divergence), and less of one</p>\n";
  for (const std::string& note : table.notes) text += fmt::format("<p class=\"note\">{}</p>\n", escape_markup(note));
  return section;
}

PageSection chart_section(std::span<const Report> reports) {
  PageSection section{"charts", "Charts", ""};
  for (const ChartMetric metric : chart_metrics())
    if (can_chart(reports, metric)) section.markup += figure(render_chart(reports, metric, Placement::page));
  return section;
}

}  // namespace quantbench
