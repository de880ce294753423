// Gates on the figures of a cell: size, weight error, perplexity, KL divergence.
#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "eval/compare/checks.h"
#include "eval/compare/paired_windows.h"

namespace quantbench {
namespace {

double checked_metric(double value, double least, std::string_view metric, const CellReport& cell,
                      const ReportFile& file) {
  if (!(value >= least) || !std::isfinite(value))
    fail("cannot compare {}: {} of {} is {}, which cannot be", file.path.string(), metric, cell.method, value);
  return value;
}

std::optional<double> metric_of(GateMetric metric, const CellReport* cell, const ReportFile& file) {
  if (cell == nullptr || !has_metric(metric, *cell)) return {};
  const auto checked = [&](double value, double least) {
    return checked_metric(value, least, to_string(metric), *cell, file);
  };
  switch (metric) {
    case GateMetric::bits_per_weight:
      return checked(cell->bits_per_weight, 0);
    case GateMetric::relative_rmse:
      return checked(cell->rmse->relative, 0);
    case GateMetric::perplexity_ratio:
      // The least perplexity is 1: a mean NLL is not negative.
      return checked(cell->perplexity->value, 1 - 1e-9);
    case GateMetric::mean_kld:
      // Zero but for rounding where the weights are unchanged.
      return checked(cell->kld->mean, -1e-6);
    default:
      return {};
  }
}

/// The limits of one gate on one method, one after another.
class FigureChecker {
 public:
  FigureChecker(GateMetric metric, const GateLimits& limits, const CellPair& pair, const Gates& gates)
      : metric_(metric), limits_(limits), pair_(pair), gates_(gates) {}

  std::vector<GateCheck> run() {
    const std::optional<double> base = metric_of(metric_, pair_.base, pair_.base_file);
    const std::optional<double> now = metric_of(metric_, pair_.now, pair_.now_file);
    if (!base && !now) return {};
    const GateCheck check{pair_.now->method, std::string(to_string(metric_)), "", 0, base, now, Verdict::pass, ""};
    if (!now) {
      add_lost(check);
      return std::move(checks_);
    }
    add(check, "max", limits_.max);
    add(check, "max_increase", limits_.max_increase);
    add(check, "max_increase_percent", limits_.max_increase_percent);
    return std::move(checks_);
  }

 private:
  void add_lost(GateCheck check) {
    check.verdict = gates_.missing_fails ? Verdict::regression : Verdict::not_checked;
    check.note = "measured in the baseline, absent now";
    settle(check, limits_.hard, OnInconclusive::warn);
    checks_.push_back(std::move(check));
  }

  void add(GateCheck check, const char* limit, std::optional<double> allowed) {
    if (!allowed) return;
    check.limit = limit;
    check.allowed = *allowed;
    judge(check);
    settle(check, limits_.hard, limits_.inconclusive.value_or(gates_.inconclusive));
    checks_.push_back(std::move(check));
  }

  void judge(GateCheck& check) const {
    const bool is_ratio = metric_ == GateMetric::perplexity_ratio;
    if (!check.base && (is_ratio || check.limit != "max")) {
      check.verdict = Verdict::not_checked;
      check.note = "no baseline";
      if (is_ratio) check.now.reset();
      return;
    }
    if (is_ratio) {
      check.now = *check.now / *check.base;
      check.base = 1;
    }
    const bool difference = is_ratio || (metric_ == GateMetric::mean_kld && check.limit != "max");
    if (difference && limits_.paired)
      judge_difference(check);
    else
      judge_figure(check);
    if (difference && !is_ratio) excuse_noise(check);
  }

  bool unchanged() const {
    const bool ratio = metric_ == GateMetric::perplexity_ratio;
    const std::string& base = ratio ? pair_.base->nll_sha256 : pair_.base->kld_sha256;
    const std::string& now = ratio ? pair_.now->nll_sha256 : pair_.now->kld_sha256;
    const bool same_figure = ratio ? pair_.base->perplexity->value == pair_.now->perplexity->value
                                   : pair_.base->kld->mean == pair_.now->kld->mean;
    return same_figure && (base == now || base.empty() || now.empty());
  }

  void judge_difference(GateCheck& check) const {
    const bool within_noise = metric_ == GateMetric::mean_kld && *check.now - *check.base <= noise_floor();
    const bool no_ratio = check.limit == "max_increase_percent" && *check.base <= 0;
    judge_figure(check);
    if (unchanged() || within_noise || no_ratio) return;  // the bare figures decide
    const PairedWindows windows = paired_windows(metric_, pair_, check.verdict == Verdict::regression);
    if (!windows.problem.empty()) {
      check.verdict = Verdict::inconclusive;
      check.note = windows.problem;
      return;
    }
    check.interval = interval_of(check, windows);
    judge_interval(check, bound_of(check));
  }

  CheckInterval interval_of(const GateCheck& check, const PairedWindows& windows) const {
    if (metric_ == GateMetric::perplexity_ratio) {
      CheckInterval interval = difference_interval(windows, gates_.confidence);
      interval.lower = std::exp(interval.lower);
      interval.upper = std::exp(interval.upper);
      return interval;
    }
    const bool relative = check.limit == "max_increase_percent";
    CheckInterval interval =
        relative ? ratio_interval(windows, gates_.confidence) : difference_interval(windows, gates_.confidence);
    interval.lower = relative ? *check.base * interval.lower : *check.base + interval.lower;
    interval.upper = relative ? *check.base * interval.upper : *check.base + interval.upper;
    return interval;
  }

  double noise_floor() const { return std::max(pair_.base->kld->noise_floor, pair_.now->kld->noise_floor); }

  void excuse_noise(GateCheck& check) const {
    if (check.verdict != Verdict::regression || *check.now - *check.base > noise_floor()) return;
    check.verdict = Verdict::pass;
    check.note = fmt::format("within the noise floor of {:.3g}", noise_floor());
  }

  GateMetric metric_;
  const GateLimits& limits_;
  const CellPair& pair_;
  const Gates& gates_;
  std::vector<GateCheck> checks_;
};

}  // namespace

bool has_metric(GateMetric metric, const CellReport& cell) {
  switch (metric) {
    case GateMetric::bits_per_weight:
      return true;
    case GateMetric::relative_rmse:
      return cell.rmse.has_value();
    case GateMetric::perplexity_ratio:
      return cell.perplexity.has_value();
    case GateMetric::mean_kld:
      return cell.kld.has_value();
    default:
      return !cell.tensors.empty();
  }
}

std::vector<GateCheck> check_figure(GateMetric metric, const GateLimits& limits, const CellPair& pair,
                                    const Gates& gates) {
  return FigureChecker(metric, limits, pair, gates).run();
}

}  // namespace quantbench
