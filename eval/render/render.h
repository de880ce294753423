// Draws reports: tables for people and programs, charts, and the HTML page. Only formats; computes no result.
//
// Several reports are drawn together: one table with a column for the run, one chart with a shape for each run.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eval/render/table.h"
#include "eval/report.h"
#include "eval/sensitivity/sensitivity.h"

namespace quantbench {

/// A cell among several reports.
struct CellPlace {
  std::size_t run = 0;   // index of the report
  std::size_t cell = 0;  // in it
  bool operator==(const CellPlace&) const = default;
};

/// What runs are called beside each other: their names, or where these are equal "name (1)", "name (2)".
std::vector<std::string> run_labels(std::span<const Report> reports);

/// How many of the reports have cells; others may have kernels.
std::size_t runs_with_cells(std::span<const Report> reports);

/// The cell in attributes of the page: "0-3" for cell 3 of report 0.
std::string cell_key(CellPlace place);

/// One row per cell, rounded for reading, most bits per weight first and failed cells last; columns that no cell fills
/// are left out. A perplexity difference whose 95 % confidence interval contains zero is marked with '~'. Of several reports
/// the first column is the run.
Table result_table(std::span<const Report> reports);
Table result_table(const Report& report);
/// Which cell each row of `result_table` shows.
std::vector<CellPlace> result_order(std::span<const Report> reports);
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
/// Of several reports the table of all cells first, then each report by itself.
std::string render_markdown(std::span<const Report> reports);
std::string render_latex(std::span<const Report> reports);
/// One page that holds all it needs and asks nothing of any network: docs/report.md says what is on it.
std::string render_html(std::span<const Report> reports, std::span<const Sensitivity> sensitivities = {});

/// A drawing is a file of its own, or stands in the page, which has the style sheet and the script for all of them.
enum class Placement { standalone, page };

enum class ChartMetric { perplexity, mean_kld, relative_rmse };
const std::vector<ChartMetric>& chart_metrics();
std::string_view to_string(ChartMetric metric);

/// Whether at least two cells with this metric have something to show.
bool can_chart(std::span<const Report> reports, ChartMetric metric);
/// Bits per weight against the metric as SVG, with 95 % intervals and the Pareto frontier of each run. Hues are families of
/// methods; shapes are runs, or families too when there is one run. Throws Error unless can_chart.
std::string render_chart(std::span<const Report> reports, ChartMetric metric,
                         Placement placement = Placement::standalone);

/// Whether at least two products of kernels were measured.
bool can_draw_roofline(const Report& report);
/// Operations per second of the products against operations per byte, under the peaks of the machine (Williams, Waterman and Patterson
/// 2009), for the largest thread count, as SVG. Throws Error unless can_draw_roofline.
std::string render_roofline(const Report& report, Placement placement = Placement::standalone);

/// A drawing and the name of its file, without extension; it may lie in a folder.
struct Drawing {
  std::string name;
  std::string title;
  std::string svg;
};

/// For each kind of kernel and number of threads, the percentage of the machine's peak that each format reaches.
std::vector<Drawing> render_peak_bars(const Report& report, Placement placement = Placement::standalone);

/// The error of each tensor of a cell, layer by role. Nothing to draw without tensors.
std::vector<Drawing> render_tensor_errors(const Report& report, Placement placement = Placement::standalone);

/// What quantizing each tensor alone does to the predictions: along the layers for the probe's format, and for each format.
std::vector<Drawing> render_sensitivity(const Sensitivity& sensitivity, Placement placement = Placement::standalone);

}  // namespace quantbench
