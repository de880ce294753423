// Why a number is what it is: the facts behind one report, and those that differ between two.
#pragma once

#include <string>
#include <vector>

#include "eval/compare/compare.h"
#include "eval/explain/facts.h"

namespace quantbench {

struct FactDifference {
  Fact first, second;
  AffectedFigures affected;  // of either report
};

/// A figure of a method that both reports have, and that is not the same.
struct FigureDifference {
  std::string method, figure;
  double first = 0, second = 0;
};

struct Explanation {
  std::vector<FactDifference> differences;  // as in facts_of: the likeliest cause first
  std::vector<std::string> not_recorded;    // facts that one of the reports does not say
  std::vector<FigureDifference> figures;
  std::vector<std::string> only_first, only_second;  // methods
};

/// Facts of cells (substituted formats, importance, notes) are among the differences, as "METHOD: fact".
Explanation explain_difference(const Report& first, const Report& second);

/// All facts of one report, and of each of its cells.
std::string explain_text(const ReportFile& file, std::size_t width);
std::string explain_json(const ReportFile& file);
/// What differs, and what it affects.
std::string explain_text(const ReportFile& first, const ReportFile& second, std::size_t width);
std::string explain_json(const ReportFile& first, const ReportFile& second);

}  // namespace quantbench
