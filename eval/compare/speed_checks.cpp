// The gate on throughput: of every kernel, the time of a call in rounds that took turns between the two sides.
//
// Round i gives the ratio r_i = new time / base time of two measurements that lay next to each other, so that what slows the
// machine for longer than a round (heat, neighbours) cancels. The slowdown is the median of the r_i with the interval of the sign test; it
// is judged by the larger of the two limits.
#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "eval/compare/checks.h"
#include "eval/compare/median_interval.h"

namespace quantbench {
namespace {

constexpr double microsecond = 1e-6;

std::string name_of(const ThroughputReport& kernel) {
  return fmt::format("{} {} threads:{}", kernel.id, kernel.shape, kernel.threads);
}

const ThroughputReport* find_kernel(const Report& report, const std::string& name) {
  const auto found = std::ranges::find(report.kernels, name, name_of);
  return found == report.kernels.end() ? nullptr : &*found;
}

void require_same(std::string_view what, const ReportFile& first, const std::string& expected, const ReportFile& file,
                  const std::string& found) {
  if (expected == found) return;
  fail("cannot compare speeds: {} differs: {} has '{}', {} has '{}'", what, first.path.string(), expected,
       file.path.string(), found);
}

void check_rounds(const Rounds& rounds) {
  if (rounds.base.size() != rounds.now.size())
    fail(
        "cannot compare speeds: {} rounds of the base and {} of the new program; give as many of both, in the order "
        "they "
        "were measured",
        rounds.base.size(), rounds.now.size());
  const ReportFile& first = rounds.base.front();
  for (const std::vector<ReportFile>* side : {&rounds.base, &rounds.now})
    for (const ReportFile& file : *side) {
      require_same("the processor", first, first.report.environment.cpu, file, file.report.environment.cpu);
      require_same("the GPU", first, first.report.environment.gpu, file, file.report.environment.gpu);
    }
}

/// Seconds of one call in each round; empty when a round lacks the kernel.
std::vector<double> seconds_of(const std::vector<ReportFile>& side, const std::string& name) {
  std::vector<double> seconds;
  for (const ReportFile& file : side) {
    const ThroughputReport* kernel = find_kernel(file.report, name);
    if (kernel == nullptr) return {};
    if (!(kernel->seconds_median > 0) || !std::isfinite(kernel->seconds_median))
      fail("cannot compare {}: seconds_median of {} is {}, which cannot be", file.path.string(), name,
           kernel->seconds_median);
    seconds.push_back(kernel->seconds_median);
  }
  return seconds;
}

void judge_speed(GateCheck& check, const SpeedLimits& limits, const std::vector<double>& base,
                 const std::vector<double>& now) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < base.size(); ++i) ratios.push_back(now[i] / base[i]);
  const auto interval = median_interval(ratios, limits.confidence);
  check.base = median_of(base);
  check.now = *check.base * median_of(ratios);
  if (!interval) {
    check.verdict = Verdict::inconclusive;
    check.note =
        fmt::format("{} rounds: an interval needs {}", base.size(), least_for_median_interval(limits.confidence));
    return;
  }
  check.interval =
      CheckInterval{*check.base * interval->lower, *check.base * interval->upper, limits.confidence, base.size(), 1};
  const double relative = *check.base * (1 + limits.max_slowdown_percent / 100);
  const double floor = *check.base + limits.min_slowdown_microseconds * microsecond;
  judge_interval(check, std::max(relative, floor));
  if (floor > relative) check.note = fmt::format("the limit is {:g} us", limits.min_slowdown_microseconds);
}

GateCheck check_kernel(const std::string& name, const SpeedLimits& limits, const Rounds& rounds, const Gates& gates) {
  GateCheck check{name, "throughput", "max_slowdown_percent", limits.max_slowdown_percent, {}, {}, Verdict::pass, ""};
  const std::vector<double> base = seconds_of(rounds.base, name), now = seconds_of(rounds.now, name);
  if (base.empty()) {
    check.verdict = Verdict::not_checked;
    check.note = "not in every round of the baseline";
  } else if (now.empty()) {
    check.verdict = gates.missing_fails ? Verdict::regression : Verdict::not_checked;
    check.note = "measured in the baseline, not in every round now";
  } else {
    judge_speed(check, limits, base, now);
  }
  settle(check, limits.hard, limits.inconclusive.value_or(gates.inconclusive));
  return check;
}

// Each once: those of the baseline first.
std::vector<std::string> kernels_of(const Rounds& rounds) {
  std::vector<std::string> names;
  for (const std::vector<ReportFile>* side : {&rounds.base, &rounds.now})
    for (const ReportFile& file : *side)
      for (const ThroughputReport& kernel : file.report.kernels)
        if (const std::string name = name_of(kernel); std::ranges::find(names, name) == names.end())
          names.push_back(name);
  return names;
}

}  // namespace

std::vector<GateCheck> check_speed(const Rounds& rounds, const Gates& gates) {
  if (rounds.base.empty() && rounds.now.empty()) return {};
  check_rounds(rounds);
  std::vector<GateCheck> checks;
  for (const std::string& name : kernels_of(rounds))
    if (const auto limits = gates.find_speed(name)) checks.push_back(check_kernel(name, *limits, rounds, gates));
  return checks;
}

}  // namespace quantbench
