#include "eval/expectations/judge.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/error.h"
#include "eval/compare/paired_perplexity.h"
#include "eval/expectations/cell_figures.h"
#include "eval/expectations/window_interval.h"

namespace quantbench {
namespace {

// A published figure is decimal and its tolerance is, too: their sums are not exact.
constexpr double rounding_slack = 1e-9;

std::string text_of(const Report& report) {
  return report.dataset_loader.empty() ? report.dataset_name : report.dataset_loader;
}

// Why a number of this run, although there is one, is not of the same kind as the published one; empty: it is.
std::string other_conditions(const PublishedFigure& published, const Report& report) {
  if (!published.protocol.empty() && published.protocol != report.protocol)
    return fmt::format("protocol {}, published with {}", report.protocol, published.protocol);
  if (!report.dataset_windows) return "";
  const WindowFacts& windows = *report.dataset_windows;
  const std::size_t wanted = published.windows == 0 ? windows.available : published.windows;
  if (windows.count == wanted) return "";
  return fmt::format("{} of {} windows, published with {}", windows.count, windows.available,
                     published.windows == 0 ? "all" : std::to_string(wanted));
}

class Judge {
 public:
  Judge(const std::string& model_name, const ReportFile& file) : model_name_(model_name), file_(file) {}

  ExpectationReport judge(const PublishedFigure& published) const {
    ExpectationReport result;
    result.method = published.method;
    result.metric = published.metric;
    result.model = published.model;
    result.source = published.source;
    result.dataset = published.dataset;
    result.protocol = published.protocol;
    result.published = published.value;
    result.tolerance = published.tolerance.around(published.value);
    result.verdict = "not measured";
    result.reason = why_not_measured(published);
    if (result.reason.empty()) compare(published, result);
    return result;
  }

  OrderingReport judge(const ExpectedOrdering& expected) const {
    OrderingReport result{expected.better, expected.worse, expected.metric, expected.source, {}, {}, {}, {}, {}};
    result.verdict = "not measured";
    for (const std::string& method : {expected.better, expected.worse})
      if (result.reason.empty()) result.reason = why_no_tokens(method, expected.metric);
    if (!result.reason.empty()) return result;
    const WindowInterval interval = window_interval(tokens_of(expected.worse, expected.metric),
                                                    tokens_of(expected.better, expected.metric), scored_each());
    result.difference = interval.mean;
    result.lower = interval.lower;
    result.upper = interval.upper;
    result.verdict = interval.upper < 0 ? "holds" : interval.lower > 0 ? "fails" : "inconclusive";
    return result;
  }

 private:
  const Report& report() const { return file_.report; }

  std::string why_not_measured(const PublishedFigure& published) const {
    if (!published.model.empty() && !names_model(published.model, model_name_)) return "other model";
    if (!published.unmeasurable.empty()) return published.unmeasurable;
    if (!published.dataset.empty() && !names_model(published.dataset, text_of(report()))) return "other text";
    const CellReport* cell = find_cell(report(), published.method);
    if (cell == nullptr) return "method not run";
    if (cell->status != "ok") return "the cell failed";
    if (!find_cell_figure(published.metric).value(report(), *cell)) return "metric not measured";
    return "";
  }

  void compare(const PublishedFigure& published, ExpectationReport& result) const {
    const CellReport& cell = *find_cell(report(), published.method);
    result.measured = find_cell_figure(published.metric).value(report(), cell);
    result.difference = *result.measured - published.value;
    result.reason = other_conditions(published, report());
    const double allowed = result.tolerance + rounding_slack * std::abs(published.value);
    result.verdict = !result.reason.empty()                    ? "not comparable"
                     : std::abs(*result.difference) <= allowed ? "within"
                                                               : "outside";
  }

  std::string why_no_tokens(const std::string& method, const std::string& metric) const {
    const CellReport* cell = find_cell(report(), method);
    if (cell == nullptr) return method + " was not run";
    if (cell->status != "ok") return method + " failed";
    const bool divergence = metric == "kld.mean";
    if (divergence ? !cell->kld || cell->kld_file.empty() : !cell->perplexity || cell->nll_file.empty())
      return metric + " was not measured";
    if (!report().dataset_windows || report().dataset_windows->count < least_windows)
      return fmt::format("fewer than {} windows", least_windows);
    return "";
  }

  std::size_t scored_each() const { return report().dataset_windows->scored_each; }

  // The metric at each scored token.
  std::vector<float> tokens_of(const std::string& method, const std::string& metric) const {
    const CellReport& cell = *find_cell(report(), method);
    return metric == "kld.mean" ? read_token_divergence(file_, cell) : read_token_nll(file_, cell);
  }

  const std::string& model_name_;
  const ReportFile& file_;
};

}  // namespace

void judge_expectations(const Expectations& expectations, const std::string& model_name, ReportFile& file) {
  const Judge judge(model_name, file);
  std::vector<ExpectationReport> figures;
  std::vector<OrderingReport> orderings;
  for (const PublishedFigure& figure : expectations.figures) figures.push_back(judge.judge(figure));
  for (const ExpectedOrdering& ordering : expectations.orderings) orderings.push_back(judge.judge(ordering));
  file.report.expectations = std::move(figures);
  file.report.orderings = std::move(orderings);
}

bool expectations_hold(const Report& report) {
  return std::ranges::none_of(report.expectations, [](const auto& figure) { return figure.verdict == "outside"; }) &&
         std::ranges::none_of(report.orderings, [](const auto& ordering) { return ordering.verdict == "fails"; });
}

}  // namespace quantbench
