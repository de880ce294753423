// Products with weight matrices, computed elsewhere than on the CPU.
#pragma once

#include <span>

#include "core/tensor.h"

namespace quantbench {

class WeightProducts {
 public:
  virtual ~WeightProducts() = default;
  /// output = input * weight', overwritten. input: (rows, weight.cols), at least one row; output: (rows, weight.rows). A row of the output
  /// depends on its row of the input and the weight alone, not on the number of rows. The weight may be unloaded. One thread at a time.
  virtual void multiply(MatrixView input, const Tensor& weight, std::span<float> output) = 0;
};

}  // namespace quantbench
