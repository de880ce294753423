// Compares a report with its baseline, gate by gate.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "eval/compare/gates.h"
#include "eval/render/table.h"
#include "eval/report.h"

namespace quantbench {

struct ReportFile {
  Report report;
  std::filesystem::path path;  // per-token files are looked up beside it
};

/// "PATH (run NAME)"
std::string title_of(const ReportFile& file);

/// With a limit L and an interval [lower, upper] of the figure, pass: upper <= L; regression: lower > L; else inconclusive.
/// Figures without an interval (sizes, weight errors) pass or regress.
enum class Verdict {
  pass,
  regression,
  not_checked,
  inconclusive,  // also: an interval is needed and there is none
  warning        // a regression by a gate that is not hard
};

std::string_view to_string(Verdict verdict);

/// Of the new figure beside the baseline as it is: base + difference, or base x ratio.
struct CheckInterval {
  double lower = 0, upper = 0;
  double confidence = 0;    // in (0, 1)
  std::size_t samples = 0;  // windows of the text; for speed, rounds
  std::size_t block = 1;    // of windows, in the bootstrap
};

/// One limit of one gate, checked on one method.
struct GateCheck {
  std::string method;  // for speed: the kernel, its shape and threads
  std::string gate;    // a GateMetric's name, "present" or "throughput"
  std::string limit;   // the name of the limit; empty for "present"
  double allowed = 0;
  std::optional<double> base, now;
  Verdict verdict = Verdict::pass;
  std::string note;
  std::vector<std::string> tensors = {};  // that the verdict is about, the worst first; of gates on tensors
  std::optional<CheckInterval> interval = {};
  bool fails = false;  // the comparison fails by this check
};

/// Reports with the figures of kernels, in the order they were measured: the i-th of both sides belong together.
struct Rounds {
  std::vector<ReportFile> base, now;
};

struct Comparison {
  std::string base, now, gates;  // sources, for messages
  std::vector<GateCheck> checks;
  std::size_t count(Verdict verdict) const;
  /// Some check fails: a regression, or an inconclusive one where the gates say that such fail.
  bool fails() const;
  /// Of the whole: regression if there is one, else inconclusive if there is one of a quality gate, else pass.
  Verdict verdict() const;
};

/// Cells are matched by method. Throws Error ("cannot compare ...", naming both values) when model, text, tokenizer,
/// protocol, windows, device or the number of scored tokens differ, when no method is in both, when a method is there twice,
/// when a metric is outside its range (negative error, perplexity <= 0), when no cell has a metric that a gates file asks for,
/// and when an excess of perplexity or divergence cannot be tested because per-token files are missing, damaged or of another
/// evaluation. Kernels are compared when there are rounds; then the reports may be without cells. Throws Error when the
/// rounds are not as many on both sides, or not all of one machine.
Comparison compare_reports(const ReportFile& base, const ReportFile& now, const Gates& gates,
                           const Rounds& rounds = {});

/// One row for each check, in their order.
Table checks_table(const std::vector<GateCheck>& checks);
/// One line: what was found beside what is allowed.
std::string describe(const GateCheck& check);
std::string to_json(const Comparison& comparison);
/// JUnit XML: a test case for each check; regressions are failures, what is inconclusive or not checked is skipped.
std::string to_junit(const Comparison& comparison);
/// For a pull request: the verdict, what needs attention (what fails comes first), and all checks folded.
std::string to_markdown(const Comparison& comparison);
/// "REGRESSION: 15 passed, 1 regressed, 0 not checked, against gates.yaml"; counts of inconclusive checks and warnings only where
/// there are any.
std::string summary_line(const Comparison& comparison);

}  // namespace quantbench
