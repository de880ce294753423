// Gates on the tensors of a cell: their errors, the formats they are stored in, and which of these were not asked for.
#include <fmt/format.h>

#include <algorithm>

#include "eval/compare/checks.h"

namespace quantbench {
namespace {

const TensorReport* find_tensor(const CellReport& cell, const std::string& name) {
  const auto found = std::ranges::find(cell.tensors, name, &TensorReport::name);
  return found == cell.tensors.end() ? nullptr : &*found;
}

bool substituted(const TensorReport& tensor) { return !tensor.fallback.empty(); }

std::string counted(std::size_t count) { return fmt::format("{} tensor{}", count, count == 1 ? "" : "s"); }

// What is wrong with the first tensor of the list stands in the note; all of them are named.
void report_offence(GateCheck& check, const std::string& tensor, const std::string& offence) {
  if (check.tensors.empty()) check.note = fmt::format("{}: {}", tensor, offence);
  check.tensors.push_back(tensor);
  check.verdict = Verdict::regression;
}

void finish_note(GateCheck& check, const std::string& when_passed) {
  if (check.verdict == Verdict::pass)
    check.note = when_passed;
  else if (check.tensors.size() > 1)
    check.note += fmt::format(" (and {} more)", check.tensors.size() - 1);
}

void check_formats(GateCheck& check, const CellPair& pair) {
  for (const TensorReport& now : pair.now->tensors) {
    const TensorReport* base = find_tensor(*pair.base, now.name);
    if (base == nullptr)
      report_offence(check, now.name, fmt::format("{}, not quantized in the baseline", now.format));
    else if (base->format != now.format)
      report_offence(check, now.name, fmt::format("{}, {} in the baseline", now.format, base->format));
  }
  for (const TensorReport& base : pair.base->tensors)
    if (find_tensor(*pair.now, base.name) == nullptr)
      report_offence(check, base.name, fmt::format("not quantized now, {} in the baseline", base.format));
  finish_note(check, counted(pair.now->tensors.size()) + " as in the baseline");
}

// `none` needs no baseline, and `same` allows what it had.
void check_substitutions(GateCheck& check, const CellPair& pair) {
  std::size_t allowed = 0;
  for (const TensorReport& now : pair.now->tensors) {
    if (!substituted(now)) continue;
    const TensorReport* base = check.limit == "same" ? find_tensor(*pair.base, now.name) : nullptr;
    const bool as_before = base != nullptr && substituted(*base) && base->format == now.format;
    if (as_before)
      ++allowed;
    else
      report_offence(check, now.name, now.fallback);
  }
  finish_note(check, allowed == 0 ? "none" : counted(allowed) + " substituted as in the baseline");
}

struct TensorExcess {
  const TensorReport* base;
  const TensorReport* now;
  double ratio;  // of the error to its bound
  bool exceeds;
};

class TensorErrorChecker {
 public:
  TensorErrorChecker(const GateLimits& limits, const CellPair& pair) : limits_(limits), pair_(pair) {}

  void run(const GateCheck& start, std::vector<GateCheck>& checks) const {
    add(start, "max", limits_.max, checks);
    add(start, "max_increase", limits_.max_increase, checks);
    add(start, "max_increase_percent", limits_.max_increase_percent, checks);
  }

 private:
  void add(GateCheck check, const char* limit, std::optional<double> allowed, std::vector<GateCheck>& checks) const {
    if (!allowed) return;
    check.limit = limit;
    check.allowed = *allowed;
    std::vector<TensorExcess> tensors = measure(check);
    if (tensors.empty()) {
      check.verdict = Verdict::not_checked;
      check.note = "no baseline";
    } else {
      judge(check, tensors);
    }
    checks.push_back(std::move(check));
  }

  std::vector<TensorExcess> measure(GateCheck check) const {
    std::vector<TensorExcess> tensors;
    for (const TensorReport& now : pair_.now->tensors) {
      const TensorReport* base = pair_.base == nullptr ? nullptr : find_tensor(*pair_.base, now.name);
      if (base == nullptr && check.limit != "max") continue;
      check.now = now.relative_rmse;
      check.base = base == nullptr ? std::nullopt : std::optional(base->relative_rmse);
      const double bound = bound_of(check);
      const double ratio = bound > 0 ? now.relative_rmse / bound : now.relative_rmse > 0 ? 1e300 : 0;
      tensors.push_back({base, &now, ratio, above(now.relative_rmse, bound)});
    }
    return tensors;
  }

  // The worst tensor is the one that stands in the table, whatever the verdict.
  static void judge(GateCheck& check, std::vector<TensorExcess>& tensors) {
    std::ranges::stable_sort(tensors, std::ranges::greater{}, &TensorExcess::ratio);
    const TensorExcess& worst = tensors.front();
    check.now = worst.now->relative_rmse;
    if (worst.base != nullptr) check.base = worst.base->relative_rmse;
    for (const TensorExcess& tensor : tensors)
      if (tensor.exceeds) check.tensors.push_back(tensor.now->name);
    if (check.tensors.empty()) {
      check.note = "at most: " + worst.now->name;
      return;
    }
    check.verdict = Verdict::regression;
    check.note = worst.now->name;
    finish_note(check, "");
  }

  const GateLimits& limits_;
  const CellPair& pair_;
};

std::vector<GateCheck> check_list(GateMetric metric, const GateLimits& limits, const CellPair& pair, GateCheck check) {
  check.limit = limits.demand;
  if (pair.base == nullptr && limits.demand == "same") {
    check.verdict = Verdict::not_checked;
    check.note = "no baseline";
  } else if (metric == GateMetric::tensor_formats) {
    check_formats(check, pair);
  } else {
    check_substitutions(check, pair);
  }
  return {std::move(check)};
}

}  // namespace

std::vector<GateCheck> check_tensors(GateMetric metric, const GateLimits& limits, const CellPair& pair,
                                     const Gates& gates) {
  const bool in_base = pair.base != nullptr && !pair.base->tensors.empty();
  if (pair.now->tensors.empty() && !in_base) return {};
  GateCheck start{pair.now->method, std::string(to_string(metric)), "", 0, {}, {}, Verdict::pass, ""};
  std::vector<GateCheck> checks;
  if (pair.now->tensors.empty()) {
    start.verdict = gates.missing_fails ? Verdict::regression : Verdict::not_checked;
    start.note = "tensors are listed in the baseline, not now";
    checks.push_back(std::move(start));
  } else if (metric == GateMetric::tensor_relative_rmse) {
    TensorErrorChecker(limits, pair).run(start, checks);
  } else {
    checks = check_list(metric, limits, {pair.base_file, in_base ? pair.base : nullptr, pair.now_file, pair.now},
                        std::move(start));
  }
  for (GateCheck& check : checks) settle(check, limits.hard, OnInconclusive::warn);
  return checks;
}

}  // namespace quantbench
