// Metric: a number, or several, about one cell. Add one by adding a file under eval/runner/metrics/ that holds a
// Register<Metric>; configs, listings and cell hashes find it in the registry.
#pragma once

#include <functional>
#include <string>

#include "core/registry.h"
#include "eval/report.h"

namespace quantbench {

class CellContext;

struct Metric {
  static constexpr const char* kind = "metric";
  std::string summary;             // one line for `quantbench list metrics`
  int version = 1;                 // raise when the same inputs give other numbers: it is part of every cell's hash
  bool needs_text = false;         // looks at the model's predictions on the config's dataset
  bool needs_base_logits = false;  // compares them with those of the unquantized model
  /// Fills the metric's members of `cell`. Null for throughput, which is measured for formats and not for cells.
  std::function<void(CellContext& context, CellReport& cell)> measure;
};

}  // namespace quantbench
