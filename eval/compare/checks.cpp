#include "eval/compare/checks.h"

#include <cmath>

namespace quantbench {

double bound_of(const GateCheck& check) {
  if (check.limit == "max") return check.allowed;
  if (check.limit == "max_increase") return *check.base + check.allowed;
  return *check.base * (1 + check.allowed / 100);
}

bool above(double value, double bound) { return value > bound + rounding_slack * std::abs(bound); }

void judge_figure(GateCheck& check) {
  if (!above(*check.now, bound_of(check))) return;
  check.verdict = Verdict::regression;
  if (check.limit == "max_increase_percent" && *check.base <= 0)
    check.note = "the baseline is 0: any increase exceeds a relative limit";
}

void judge_interval(GateCheck& check, double bound) {
  if (!above(check.interval->upper, bound))
    check.verdict = Verdict::pass;
  else
    check.verdict = above(check.interval->lower, bound) ? Verdict::regression : Verdict::inconclusive;
}

void settle(GateCheck& check, bool hard, OnInconclusive inconclusive) {
  if (check.verdict == Verdict::regression && !hard) check.verdict = Verdict::warning;
  if (check.verdict == Verdict::inconclusive && inconclusive == OnInconclusive::pass) {
    check.verdict = Verdict::pass;
    check.note = "inconclusive, which counts as passed" + (check.note.empty() ? "" : ": " + check.note);
  }
  const bool inconclusive_fails = hard && inconclusive == OnInconclusive::fail;
  check.fails = check.verdict == Verdict::regression || (check.verdict == Verdict::inconclusive && inconclusive_fails);
}

}  // namespace quantbench
