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
  std::filesystem::path path;  // per-token NLL files are looked up beside it
};

enum class Verdict { pass, regression, not_checked };

std::string_view to_string(Verdict verdict);

/// One limit of one gate, checked on one method.
struct GateCheck {
  std::string method;
  std::string gate;   // a GateMetric's name, or "present"
  std::string limit;  // "max", "max_increase", "max_increase_percent", or empty for "present"
  double allowed = 0;
  std::optional<double> base, now;
  Verdict verdict = Verdict::pass;
  std::string note;
};

struct Comparison {
  std::string base, now, gates;  // sources, for messages
  std::vector<GateCheck> checks;
  std::size_t count(Verdict verdict) const;
  bool regression() const { return count(Verdict::regression) > 0; }
};

/// Cells are matched by method. Throws Error ("cannot compare ...", naming both values) when model, text, tokenizer,
/// protocol, device or the number of scored tokens differ, when no method is in both, when a method is there twice, when a
/// metric is outside its range (negative error, perplexity <= 0), when no cell has a metric that a gates file asks for,
/// and when a perplexity excess cannot be tested because per-token NLL files are missing, damaged or of another
/// evaluation.
Comparison compare_reports(const ReportFile& base, const ReportFile& now, const Gates& gates);

/// Every check with its verdict.
Table comparison_table(const Comparison& comparison);
std::string to_json(const Comparison& comparison);

}  // namespace quantbench
