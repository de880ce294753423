// Input columns that stay in binary16 while the others are quantized: the experiment that motivates AWQ (Lin et al. 2023, table 1).
//
//   salient:int3:g128:keep=1:by=activation     keep % of the columns: those of largest mean |x|,
//                            by=weight         of largest L2 norm of the weights,
//                            by=random         or any (seed=0)
// The whole matrix is quantized and the kept columns are put back. No format of files holds that: the result is decoded, and the
// bits per weight count the quantized matrix, the kept columns in binary16 and a 32-bit index for each.
//
//   salient:int3:g128:times=2                  instead of being kept, these columns are multiplied by 2 before they are rounded
//                                              with the others, and divided by 2 afterwards (table 2 of the same paper)
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/tensor.h"
#include "quantizers/method.h"
#include "quantizers/solver.h"

namespace quantbench {

/// Of `cols` columns; at least one where the method keeps any.
std::size_t kept_count(const Method& method, std::size_t cols);
/// What they take beside the quantized matrix; 0 where the method keeps none.
std::uint64_t kept_bytes(const Method& method, std::size_t rows, std::size_t cols);

/// Ascending. `name` of the tensor: random columns of different tensors differ. Throws Error when the calibration lacks mean |x|.
std::vector<std::size_t> kept_columns(const Method& method, std::string_view name, MatrixView weights,
                                      const LayerCalibration& calibration);

/// Of times=S; nothing when the columns are kept.
std::optional<float> salient_factor(const Method& method);

/// Multiplies these columns of `values` (rows, cols).
void scale_columns(std::span<const std::size_t> columns, float factor, std::size_t cols, std::span<float> values);

/// Columns of `quantized` (rows, cols) become those of the weights in binary16.
void put_back(std::span<const std::size_t> columns, MatrixView weights, std::span<float> quantized);

}  // namespace quantbench
