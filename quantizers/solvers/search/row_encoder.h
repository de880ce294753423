// RowEncoder: how the solver `search` writes one row in one format or family of formats.
//
// Add one by adding a file under quantizers/solvers/search/ that holds a Register<RowEncoder>; the solver, method ids
// and the contract test find it in the registry.
#pragma once

#include <span>
#include <string>

#include "core/format.h"
#include "core/registry.h"

namespace quantbench {

/// How much is tried: `standard` (the option's value "default") is meant for every day, `fast` tries few candidates, `best`
/// takes as long as it needs. More effort never gives more error of a row.
enum class Effort { fast, standard, best };

struct SearchRow {
  std::span<const float> weights;  // (cols), finite
  /// (cols) what a squared error of the column counts: finite, >= 0, with a sum > 0. All 1 when nothing is known.
  std::span<const float> importance;
  Effort effort = Effort::standard;
};

struct RowEncoder {
  static constexpr const char* kind = "row encoder of the solver search";
  std::string summary;  // one line: which formats, what is tried
  bool (*writes)(const Format& format) = nullptr;
  /// Minimises sum importance_i (weight_i - decoded_i)^2 over what the format can store. The bytes are the same on every
  /// instruction set. Thread-safe.
  void (*encode)(const Format& format, const SearchRow& row, MutableRowBytes out) = nullptr;
};

}  // namespace quantbench
