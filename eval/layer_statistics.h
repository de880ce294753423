// What the inputs of one linear layer look like over a text, and the sums it is computed from.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "core/tensor.h"
#include "eval/product_sums.h"
#include "quantizers/solver.h"

namespace quantbench {

/// Over the tokens of the text, per input column of one linear layer (cols). Empty: not collected.
struct LayerStatistics {
  std::vector<float> mean_absolute;  // mean |x|
  std::vector<float> max_absolute;   // max |x|
  std::vector<float> mean_square;    // mean x^2
  std::size_t tokens = 0;
  std::vector<float> second_moments{};  // H = 2/n X'X (cols, cols)
  std::vector<float> cross_moments{};   // D = 2/n (X~ - X)'X (cols, cols); X~: the inputs in the original model

  /// Views into this object.
  LayerCalibration view() const;
  std::size_t bytes() const;
  /// What `bytes` of statistics with these moments is.
  static std::size_t bytes_for(std::size_t cols, const CalibrationNeeds& needs);
};

/// Running sums of a layer's inputs. Column sums are f64 in token order; for products see ProductSums. The figures depend
/// neither on the thread count nor on how windows are grouped into batches.
class LayerSums {
 public:
  /// Figures of single columns are always collected, moments when asked for.
  LayerSums(std::size_t cols, const CalibrationNeeds& needs);

  /// input: (tokens, cols), windows of `window` tokens. original: X~ of the same tokens; only looked at when cross moments
  /// are asked for.
  void add(MatrixView input, MatrixView original, std::size_t window, int threads);
  void add(MatrixView input, std::size_t window, int threads) { add(input, {}, window, threads); }

  /// Cross moments are asked for.
  bool wants_original() const { return cross_.has_value(); }
  /// False when an input was NaN or infinite, or so large that its square is.
  bool finite() const;
  LayerStatistics statistics() const;
  std::size_t bytes() const;
  /// What `bytes` of an object will be.
  static std::size_t bytes_for(std::size_t cols, const CalibrationNeeds& needs);

 private:
  void add_columns(MatrixView input, std::size_t first, std::size_t last);

  std::vector<double> absolute_, square_;  // (cols)
  std::vector<float> most_;                // (cols)
  std::optional<ProductSums> moments_, cross_;
  std::size_t tokens_ = 0;
};

}  // namespace quantbench
