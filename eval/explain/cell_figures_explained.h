// The figures of one cell as formulas with the numbers put in, so that each can be followed and checked by hand.
#pragma once

#include <string>
#include <vector>

#include "eval/compare/compare.h"

namespace quantbench {

struct ExplainedFigure {
  std::string figure;   // path in the cell: "perplexity.value"
  double value = 0;     // as reported
  std::string formula;  // "exp(sum of NLL / tokens)"
  std::string numbers;  // "exp(7682.06 / 7650)"
  double computed = 0;  // from the numbers
  /// Equal but for the rounding of sums that are put together from figures of tensors.
  bool agrees() const;
};

struct ExplainedCell {
  std::vector<ExplainedFigure> figures;
  std::vector<std::string> notes;  // where the numbers are from, and why a figure is not explained
};

/// Per-token files beside the report are read where they are; else sums are taken back from the figures. Throws Error when such a
/// file is not the one that the report was written with.
ExplainedCell explain_cell(const ReportFile& file, const CellReport& cell);

/// Throws Error with near matches when the report has no such method.
const CellReport& find_explained_cell(const ReportFile& file, const std::string& method);

std::string explain_cell_text(const ReportFile& file, const CellReport& cell, std::size_t width);
std::string explain_cell_json(const ReportFile& file, const CellReport& cell);

}  // namespace quantbench
