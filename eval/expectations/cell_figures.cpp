#include "eval/expectations/cell_figures.h"

#include <algorithm>

#include "core/error.h"
#include "core/suggest.h"

namespace quantbench {
namespace {

using Value = std::optional<double>;

/// With its perplexity, or nullptr.
const CellReport* f32_cell(const Report& report) {
  const CellReport* cell = find_cell(report, "f32");
  return cell == nullptr || !cell->perplexity ? nullptr : cell;
}

Value perplexity_of(const CellReport& cell) { return cell.perplexity ? Value(cell.perplexity->value) : Value(); }

Value increase(const Report& report, const CellReport& cell) {
  const CellReport* base = f32_cell(report);
  if (base == nullptr || !cell.perplexity) return {};
  return cell.perplexity->value - base->perplexity->value;
}

Value increase_percent(const Report& report, const CellReport& cell) {
  const Value more = increase(report, cell);
  return more ? Value(100 * *more / f32_cell(report)->perplexity->value) : Value();
}

Value ratio(const Report& report, const CellReport& cell) {
  const CellReport* base = f32_cell(report);
  if (base == nullptr || !cell.perplexity) return {};
  return cell.perplexity->value / base->perplexity->value;
}

CellFigure of_kld(std::string name, std::string summary, double KldReport::*member, double factor = 1) {
  return {std::move(name), std::move(summary), [member, factor](const Report&, const CellReport& cell) {
            return cell.kld ? Value(factor * (*cell.kld).*member) : Value();
          }};
}

}  // namespace

const std::vector<CellFigure>& cell_figures() {
  constexpr double gibibyte = 1 << 30;
  static const std::vector<CellFigure> figures{
      {"perplexity", "exp of the mean negative log-likelihood",
       [](const Report&, const CellReport& cell) { return perplexity_of(cell); }},
      {"perplexity_increase", "perplexity minus that of f32", increase},
      {"perplexity_increase_percent", "the same, in percent of that of f32", increase_percent},
      {"perplexity_ratio", "perplexity over that of f32", ratio},
      of_kld("kld.mean", "mean KL divergence, nats", &KldReport::mean),
      of_kld("kld.median", "median KL divergence, nats", &KldReport::median),
      of_kld("kld.p99", "99th percentile of the KL divergence, nats", &KldReport::p99),
      of_kld("same_top_percent", "positions with the same most likely token, percent", &KldReport::top1_agreement, 100),
      of_kld("rms_probability_difference_percent", "RMS difference of the probability of the true token, percent",
             &KldReport::rms_probability_difference, 100),
      {"rmse.relative", "relative RMSE of the weights",
       [](const Report&, const CellReport& cell) { return cell.rmse ? Value(cell.rmse->relative) : Value(); }},
      {"bits_per_weight", "of the quantized tensors",
       [](const Report&, const CellReport& cell) { return Value(cell.bits_per_weight); }},
      {"size_gib", "of the quantized tensors, in units of 2^30 bytes",
       [](const Report&, const CellReport& cell) { return Value(static_cast<double>(cell.size_bytes) / gibibyte); }},
      {"windows", "windows of text that were evaluated",
       [](const Report& report, const CellReport&) {
         return report.dataset_windows ? Value(static_cast<double>(report.dataset_windows->count)) : Value();
       }},
  };
  return figures;
}

const CellFigure& find_cell_figure(const std::string& name) {
  const auto found = std::ranges::find(cell_figures(), name, &CellFigure::name);
  if (found != cell_figures().end()) return *found;
  std::vector<std::string> known;
  for (const CellFigure& figure : cell_figures()) known.push_back(figure.name);
  fail("unknown figure '{}'{}", name, suggestion(name, known));
}

}  // namespace quantbench
