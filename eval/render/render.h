// Draws reports: tables for people and programs, the chart, and the HTML page. Only formats; computes no result.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eval/render/table.h"
#include "eval/report.h"

namespace quantbench {

/// One row per cell, rounded for reading, most bits per weight first and failed cells last; columns that no cell fills
/// are left out. A perplexity difference whose 95 % confidence interval contains zero is marked with '~'.
Table result_table(const Report& report);
/// One row per kernel measurement.
Table kernel_table(const Report& report);

/// Published figures beside measured ones; those of other models are one row for each model.
Table expectation_table(const Report& report);
/// Which method was expected to be better than which, and whether it is.
Table ordering_table(const Report& report);

/// What was measured on what: run, model, text, protocol, machine. One line each.
std::vector<std::string> provenance_lines(const Report& report);

/// The tables for a terminal of `width` columns (0: unlimited).
std::string render_terminal(const Report& report, std::size_t width = 0);
/// All cells of all reports, every number with all its digits; columns are named after the report's JSON paths.
std::string render_csv(std::span<const Report> reports);
/// Published figures and orderings likewise; empty when no report has any.
std::string render_expectations_csv(std::span<const Report> reports);
std::string render_markdown(std::span<const Report> reports);
std::string render_latex(std::span<const Report> reports);
/// One page that holds all it needs: the charts inline, the tables, the tensors of each cell.
std::string render_html(std::span<const Report> reports);

enum class ChartMetric { perplexity, mean_kld, relative_rmse };
const std::vector<ChartMetric>& chart_metrics();
std::string_view to_string(ChartMetric metric);

/// Whether at least two cells with this metric have something to show.
bool can_chart(const Report& report, ChartMetric metric);
/// Bits per weight against the metric as a stand-alone SVG document. Throws Error unless can_chart.
std::string render_chart(const Report& report, ChartMetric metric);

/// Whether at least two products of kernels were measured.
bool can_draw_roofline(const Report& report);
/// Operations per second of the products against operations per byte, under the peaks of the machine (Williams, Waterman and Patterson
/// 2009), for the largest thread count, as a stand-alone SVG document. Throws Error unless can_draw_roofline.
std::string render_roofline(const Report& report);

}  // namespace quantbench
