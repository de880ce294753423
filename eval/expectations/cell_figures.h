// The numbers of a cell that papers publish, by name.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "eval/report.h"

namespace quantbench {

struct CellFigure {
  std::string name;  // the JSON path in a cell where there is one
  std::string summary;
  /// Nothing when the cell does not have it.
  std::function<std::optional<double>(const Report& report, const CellReport& cell)> value;
};

const std::vector<CellFigure>& cell_figures();

/// Throws Error with the near matches.
const CellFigure& find_cell_figure(const std::string& name);

}  // namespace quantbench
