#include "eval/compare/compare.h"

#include <algorithm>
#include <array>
#include <set>

#include "core/error.h"
#include "eval/compare/checks.h"

namespace quantbench {
namespace {

constexpr std::array metrics = {
    GateMetric::bits_per_weight, GateMetric::substitutions,        GateMetric::tensor_formats,
    GateMetric::relative_rmse,   GateMetric::tensor_relative_rmse, GateMetric::perplexity_ratio,
    GateMetric::mean_kld};

bool looks_at_tensors(GateMetric metric) {
  return metric == GateMetric::substitutions || metric == GateMetric::tensor_formats ||
         metric == GateMetric::tensor_relative_rmse;
}

bool ok(const CellReport* cell) { return cell != nullptr && cell->status == "ok"; }

/// Checks all gates of one method after another.
class Comparer {
 public:
  Comparer(const ReportFile& base, const ReportFile& now, const Gates& gates) : base_(base), now_(now), gates_(gates) {}

  std::vector<GateCheck> run() {
    check_same_evaluation();
    for (const std::string& method : methods()) compare_method(method);
    check_coverage();
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
    check_same_windows();
    check_unique(base_);
    check_unique(now_);
    const bool shared = std::ranges::any_of(base.cells, [&](const auto& cell) { return find_cell(now, cell.method); });
    if (!shared) fail("cannot compare: {} and {} have no method in common", base_.path.string(), now_.path.string());
  }

  // Old reports do not state them; the number of scored tokens is compared in any case.
  void check_same_windows() const {
    if (!base_.report.dataset_windows || !now_.report.dataset_windows) return;
    const auto text = [](const WindowFacts& windows) {
      return fmt::format("{} of {} tokens, {} apart, the last {} scored", windows.count, windows.length, windows.stride,
                         windows.scored_each);
    };
    require_same("what windows are scored", text(*base_.report.dataset_windows), text(*now_.report.dataset_windows));
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
      add_absent(method, now);
      return;
    }
    if (!ok(now)) return;  // failed before and now: nothing got worse
    const CellPair pair{base_, ok(base) ? base : nullptr, now_, now};
    check_same_tokens(pair);
    for (const GateMetric metric : metrics) {
      const auto limits = gates_.find(metric, method);
      if (!limits) continue;
      if (has_metric(metric, *now)) measured_.insert(metric);
      std::vector<GateCheck> found = looks_at_tensors(metric) ? check_tensors(metric, *limits, pair, gates_)
                                                              : check_figure(metric, *limits, pair, gates_);
      std::ranges::move(found, std::back_inserter(checks_));
    }
  }

  void add_absent(const std::string& method, const CellReport* now) {
    const bool failed = now != nullptr;
    GateCheck check{
        method, "present", "", 0, {}, {}, Verdict::regression, failed ? "failed: " + now->error : "missing"};
    if (!failed && !gates_.missing_fails) check.verdict = Verdict::not_checked;
    settle(check, true, OnInconclusive::warn);
    checks_.push_back(std::move(check));
  }

  void check_same_tokens(const CellPair& pair) const {
    if (pair.base == nullptr || !pair.base->perplexity || !pair.now->perplexity) return;
    const std::string& method = pair.now->method;
    require_same("protocol of " + method, pair.base->perplexity->protocol, pair.now->perplexity->protocol);
    require_same("number of scored tokens of " + method, std::to_string(pair.base->perplexity->tokens),
                 std::to_string(pair.now->perplexity->tokens));
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

bool kernels_only(const ReportFile& file) { return file.report.cells.empty() && !file.report.kernels.empty(); }

// One line, lest the gate looks as if it had held.
GateCheck speed_not_checked() {
  return {"all kernels", "throughput", "", 0, {}, {}, Verdict::not_checked, "no rounds (--base-rounds, --new-rounds)"};
}

}  // namespace

std::string title_of(const ReportFile& file) {
  return fmt::format("{} (run {})", file.path.string(), file.report.run_name);
}

std::string_view to_string(Verdict verdict) {
  constexpr std::array<std::string_view, 5> names = {"pass", "regression", "not checked", "inconclusive", "warning"};
  return names[static_cast<std::size_t>(verdict)];
}

std::size_t Comparison::count(Verdict verdict) const {
  return static_cast<std::size_t>(std::ranges::count(checks, verdict, &GateCheck::verdict));
}

bool Comparison::fails() const { return std::ranges::any_of(checks, &GateCheck::fails); }

Verdict Comparison::verdict() const {
  if (count(Verdict::regression) > 0) return Verdict::regression;
  const bool inconclusive = std::ranges::any_of(checks, [](const GateCheck& check) {
    return check.verdict == Verdict::inconclusive && (check.fails || check.gate != "throughput");
  });
  return inconclusive ? Verdict::inconclusive : Verdict::pass;
}

Comparison compare_reports(const ReportFile& base, const ReportFile& now, const Gates& gates, const Rounds& rounds) {
  const bool with_rounds = !rounds.base.empty() || !rounds.now.empty();
  Comparison comparison{base.path.string(), now.path.string(), gates.source, {}};
  if (!with_rounds || !kernels_only(base) || !kernels_only(now)) comparison.checks = Comparer(base, now, gates).run();
  if (with_rounds)
    std::ranges::move(check_speed(rounds, gates), std::back_inserter(comparison.checks));
  else if (gates.from_file && (gates.all_kernels || !gates.by_kernel.empty()))
    comparison.checks.push_back(speed_not_checked());
  if (comparison.checks.empty())
    fail("cannot compare: {} has no gate for the methods or kernels of {}", gates.source, now.path.string());
  return comparison;
}

}  // namespace quantbench
