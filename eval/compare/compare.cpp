#include "eval/compare/compare.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <set>

#include "core/error.h"
#include "eval/compare/paired_perplexity.h"

namespace quantbench {
namespace {

// Sums of decimal fractions are not exact; an excess below this part of the limit is rounding.
constexpr double rounding_slack = 1e-12;

struct CellPair {
  const CellReport* base = nullptr;  // null: not there, or failed
  const CellReport* now = nullptr;
};

const CellReport* find_cell(const Report& report, const std::string& method) {
  const auto found = std::ranges::find(report.cells, method, &CellReport::method);
  return found == report.cells.end() ? nullptr : &*found;
}

bool ok(const CellReport* cell) { return cell != nullptr && cell->status == "ok"; }

double checked_metric(double value, double least, std::string_view metric, const CellReport& cell,
                      const ReportFile& file) {
  if (!(value >= least) || !std::isfinite(value))
    fail("cannot compare {}: {} of {} is {}, which cannot be", file.path.string(), metric, cell.method, value);
  return value;
}

std::optional<double> metric_of(GateMetric metric, const CellReport* cell, const ReportFile& file) {
  if (cell == nullptr) return {};
  const auto checked = [&](double value, double least) {
    return checked_metric(value, least, to_string(metric), *cell, file);
  };
  switch (metric) {
    case GateMetric::bits_per_weight:
      return checked(cell->bits_per_weight, 0);
    case GateMetric::relative_rmse:
      if (cell->rmse) return checked(cell->rmse->relative, 0);
      return {};
    case GateMetric::perplexity_ratio:
      // The least perplexity is 1: a mean NLL is not negative.
      if (cell->perplexity) return checked(cell->perplexity->value, 1 - 1e-9);
      return {};
    case GateMetric::mean_kld:
      // Zero but for rounding where the weights are unchanged.
      if (cell->kld) return checked(cell->kld->mean, -1e-6);
      return {};
  }
  return {};
}

/// Checks all gates of one method after another.
class Comparer {
 public:
  Comparer(const ReportFile& base, const ReportFile& now, const Gates& gates) : base_(base), now_(now), gates_(gates) {}

  std::vector<GateCheck> run() {
    check_same_evaluation();
    for (const std::string& method : methods()) compare_method(method);
    check_coverage();
    if (checks_.empty())
      fail("cannot compare: {} has no gate for the methods of {}", gates_.source, now_.path.string());
    return std::move(checks_);
  }

 private:
  void require_same(std::string_view what, const std::string& base, const std::string& now) const {
    if (base == now) return;
    fail("cannot compare: {} differs: {} has '{}', {} has '{}'", what, base_.path.string(), base, now_.path.string(),
         now);
  }

  void check_same_evaluation() const {
    const Report& base = base_.report;
    const Report& now = now_.report;
    require_same("protocol", base.protocol, now.protocol);
    require_same(fmt::format("the text's sha256 ({} and {})", base.dataset_name, now.dataset_name), base.dataset_sha256,
                 now.dataset_sha256);
    require_same(fmt::format("the model's sha256 ({} and {})", base.model_name, now.model_name), base.model_sha256,
                 now.model_sha256);
    require_same("the tokenizer's sha256", base.tokenizer_sha256, now.tokenizer_sha256);
    require_same("the device of products (empty: the CPU)", base.device, now.device);
    check_unique(base_);
    check_unique(now_);
    const bool shared = std::ranges::any_of(base.cells, [&](const auto& cell) { return find_cell(now, cell.method); });
    if (!shared) fail("cannot compare: {} and {} have no method in common", base_.path.string(), now_.path.string());
  }

  static void check_unique(const ReportFile& file) {
    std::set<std::string> seen;
    for (const CellReport& cell : file.report.cells)
      if (!seen.insert(cell.method).second)
        fail("cannot compare: {} has two cells of method {}", file.path.string(), cell.method);
  }

  // Those of the baseline in its order, then the new ones.
  std::vector<std::string> methods() const {
    std::vector<std::string> all;
    for (const CellReport& cell : base_.report.cells) all.push_back(cell.method);
    for (const CellReport& cell : now_.report.cells)
      if (find_cell(base_.report, cell.method) == nullptr) all.push_back(cell.method);
    return all;
  }

  void compare_method(const std::string& method) {
    const CellReport* base = find_cell(base_.report, method);
    const CellReport* now = find_cell(now_.report, method);
    if (ok(base) && !ok(now)) {
      const bool failed = now != nullptr;
      GateCheck check{
          method, "present", "", 0, {}, {}, Verdict::regression, failed ? "failed: " + now->error : "missing"};
      if (!failed && !gates_.missing_fails) check.verdict = Verdict::not_checked;
      checks_.push_back(std::move(check));
      return;
    }
    if (!ok(now)) return;  // failed before and now: nothing got worse
    const CellPair pair{ok(base) ? base : nullptr, now};
    check_same_tokens(pair);
    for (const GateMetric metric :
         {GateMetric::bits_per_weight, GateMetric::relative_rmse, GateMetric::perplexity_ratio, GateMetric::mean_kld})
      if (const auto limits = gates_.find(metric, method)) check_gate(metric, *limits, pair);
  }

  void check_same_tokens(const CellPair& pair) const {
    if (pair.base == nullptr || !pair.base->perplexity || !pair.now->perplexity) return;
    const std::string& method = pair.now->method;
    require_same("protocol of " + method, pair.base->perplexity->protocol, pair.now->perplexity->protocol);
    require_same("number of scored tokens of " + method, std::to_string(pair.base->perplexity->tokens),
                 std::to_string(pair.now->perplexity->tokens));
  }

  void check_gate(GateMetric metric, const GateLimits& limits, const CellPair& pair) {
    std::optional<double> base = metric_of(metric, pair.base, base_);
    std::optional<double> now = metric_of(metric, pair.now, now_);
    if (now) measured_.insert(metric);
    if (!base && !now) return;
    const GateCheck check{pair.now->method, std::string(to_string(metric)), "", 0, base, now, Verdict::pass, ""};
    if (!now) {
      lost_metric(check);
      return;
    }
    if (limits.max) check_limit(metric, limits, pair, check, "max", *limits.max);
    if (limits.max_increase) check_limit(metric, limits, pair, check, "max_increase", *limits.max_increase);
    if (limits.max_increase_percent)
      check_limit(metric, limits, pair, check, "max_increase_percent", *limits.max_increase_percent);
  }

  void lost_metric(GateCheck check) {
    check.verdict = gates_.missing_fails ? Verdict::regression : Verdict::not_checked;
    check.note = "measured in the baseline, absent now";
    checks_.push_back(std::move(check));
  }

  void check_limit(GateMetric metric, const GateLimits& limits, const CellPair& pair, GateCheck check,
                   const std::string& limit, double allowed) {
    check.limit = limit;
    check.allowed = allowed;
    const bool is_ratio = metric == GateMetric::perplexity_ratio;
    if (is_ratio && check.base) {
      check.now = *check.now / *check.base;
      check.base = 1;
    }
    if (!check.base && (is_ratio || limit != "max")) {
      check.verdict = Verdict::not_checked;
      check.note = "no baseline";
      if (is_ratio) check.now.reset();
    } else if (exceeds(check)) {
      check.verdict = Verdict::regression;
      if (is_ratio && limits.paired) excuse_insignificant(check, pair);
      if (metric == GateMetric::mean_kld && limit != "max") excuse_noise(check, pair);
    }
    checks_.push_back(std::move(check));
  }

  static bool exceeds(GateCheck& check) {
    const double now = *check.now;
    double bound = check.allowed;
    if (check.limit == "max_increase") bound = *check.base + check.allowed;
    if (check.limit == "max_increase_percent") bound = *check.base * (1 + check.allowed / 100);
    const bool exceeded = now > bound + rounding_slack * std::abs(bound);
    if (exceeded && check.limit == "max_increase_percent" && *check.base <= 0)
      check.note = "the baseline is 0: any increase exceeds a relative limit";
    return exceeded;
  }

  void excuse_insignificant(GateCheck& check, const CellPair& pair) const {
    const PairedDifference difference = paired_difference(base_, *pair.base, now_, *pair.now);
    check.note = fmt::format("ratio in [{:.5f}, {:.5f}] with 95 % confidence", std::exp(difference.lower),
                             std::exp(difference.upper));
    if (difference.excludes_zero()) return;
    check.verdict = Verdict::pass;
    check.note = "not significant: " + check.note;
  }

  static void excuse_noise(GateCheck& check, const CellPair& pair) {
    const double floor = std::max(pair.base->kld->noise_floor, pair.now->kld->noise_floor);
    if (*check.now - *check.base > floor) return;
    check.verdict = Verdict::pass;
    check.note = fmt::format("within the noise floor of {:.3g}", floor);
  }

  // A gate that nothing passes through must not look like a gate that held.
  void check_coverage() const {
    if (!gates_.from_file) return;
    for (const auto& [metric, limits] : gates_.all_methods)
      if (limits && !measured_.contains(metric))
        fail("cannot compare: {} asks for {}, which no cell of {} has", gates_.source, to_string(metric),
             now_.path.string());
  }

  const ReportFile& base_;
  const ReportFile& now_;
  const Gates& gates_;
  std::vector<GateCheck> checks_;
  std::set<GateMetric> measured_;
};

}  // namespace

std::string_view to_string(Verdict verdict) {
  constexpr std::array<std::string_view, 3> names = {"pass", "regression", "not checked"};
  return names[static_cast<std::size_t>(verdict)];
}

std::size_t Comparison::count(Verdict verdict) const {
  return static_cast<std::size_t>(std::ranges::count(checks, verdict, &GateCheck::verdict));
}

Comparison compare_reports(const ReportFile& base, const ReportFile& now, const Gates& gates) {
  return {base.path.string(), now.path.string(), gates.source, Comparer(base, now, gates).run()};
}

}  // namespace quantbench
