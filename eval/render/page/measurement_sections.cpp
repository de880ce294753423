// What is not of cells: sensitivities, kernels, published figures.
#include <fmt/format.h>

#include "eval/render/heat_map.h"
#include "eval/render/page/page.h"

namespace quantbench {
namespace {

std::string optional_text(const std::optional<double>& value) { return value ? fmt::format("{:.3f}", *value) : ""; }

Table correlation_table(const Sensitivity& sensitivity) {
  Table table;
  table.columns = {{"estimate", Align::left, 0, "of the divergence, without measuring it (docs/sensitivity.md)"},
                   {"pairs", Align::right, 0, "of tensor and format"},
                   {"Spearman"},
                   {"Pearson"},
                   {"of logarithms", Align::right, 0, "Pearson correlation of the logarithms"},
                   {"within a format", Align::right, 0, "Spearman correlation among the tensors of one format"}};
  for (const EstimateCorrelation& each : correlate_estimates(sensitivity)) {
    table.rows.push_back({each.estimate, std::to_string(each.pairs), optional_text(each.spearman),
                          optional_text(each.pearson), optional_text(each.pearson_of_logarithms),
                          optional_text(each.spearman_within_format)});
    table.numbers.push_back({{},
                             static_cast<double>(each.pairs),
                             each.spearman,
                             each.pearson,
                             each.pearson_of_logarithms,
                             each.spearman_within_format});
  }
  return table;
}

std::string sensitivity_markup(const Sensitivity& sensitivity) {
  std::string text = fmt::format("<p>{}: one tensor at a time is quantized, all others stay as they are.</p>\n",
                                 escape_markup(sensitivity.origin.model));
  const std::vector<Drawing> drawings = render_sensitivity(sensitivity, Placement::page);
  for (const Drawing& drawing : drawings)
    if (drawing.name == "sensitivity") text += figure(drawing.svg);
  const HeatMap map = sensitivity_map(sensitivity);
  if (const auto scale = scale_of({map}))
    text +=
        "<details><summary>Every tensor in every format</summary>\n<div class=\"scroll\" tabindex=\"0\" "
        "role=\"region\" "
        "aria-label=\"sensitivity of each tensor and format\">" +
        heat_table(map, *scale, *scale) + "</div>\n" + heat_legend(scale->low, scale->high, map.unit) + "</details>\n";
  const Table correlations = correlation_table(sensitivity);
  if (!correlations.rows.empty())
    text += "<h3>How well estimates tell the measured divergence</h3>\n" + to_html(correlations);
  return text;
}

std::string kernel_markup(const Report& report) {
  std::string text;
  if (can_draw_roofline(report)) text += figure(render_roofline(report, Placement::page));
  const std::vector<Drawing> bars = render_peak_bars(report, Placement::page);
  if (!bars.empty()) text += "<div class=\"columns\">\n";
  for (const Drawing& drawing : bars) text += figure(drawing.svg);
  if (!bars.empty()) text += "</div>\n";
  return text + fmt::format("<details{}><summary>Table of {} measurements</summary>\n{}</details>\n",
                            report.kernels.size() <= 20 ? " open" : "", report.kernels.size(),
                            to_html(kernel_table(report)));
}

/// One part for each report that has something to show, under its name where there are several reports.
template <class Markup>
std::string for_each_run(std::span<const Report> reports, const Markup& markup) {
  const std::vector<std::string> labels = run_labels(reports);
  std::string text;
  for (std::size_t run = 0; run < reports.size(); ++run) {
    const std::string part = markup(reports[run]);
    if (!part.empty() && reports.size() > 1) text += fmt::format("<h3>{}</h3>\n", escape_markup(labels[run]));
    text += part;
  }
  return text;
}

}  // namespace

PageSection sensitivity_section(std::span<const Sensitivity> sensitivities) {
  PageSection section{"sensitivity", "Sensitivity of tensors", ""};
  for (const Sensitivity& sensitivity : sensitivities) section.markup += sensitivity_markup(sensitivity);
  return section;
}

PageSection kernel_section(std::span<const Report> reports) {
  return {"kernels", "Speed of kernels", for_each_run(reports, [](const Report& report) {
            return report.kernels.empty() ? "" : kernel_markup(report);
          })};
}

PageSection expectation_section(std::span<const Report> reports) {
  const int level = reports.size() > 1 ? 4 : 3;  // below the name of the run
  const auto part = [level](const char* title, const Table& table) {
    return table.rows.empty() ? "" : fmt::format("<h{0}>{1}</h{0}>\n{2}", level, title, to_html(table));
  };
  return {"papers", "Published and measured", for_each_run(reports, [&](const Report& report) {
            return part("Figures", expectation_table(report)) + part("Orderings", ordering_table(report));
          })};
}

}  // namespace quantbench
