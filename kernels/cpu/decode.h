// Decode rows of a packed tensor to f32 with the fastest kernel of this machine; bit-equal with Format::decode.
#pragma once

#include <cstddef>
#include <span>

#include "core/isa.h"
#include "core/tensor.h"

namespace quantbench {

/// A tensor that is not in memory is loaded for the call. out: (row_count, tensor.cols). Throws Error when the rows are out of range or `out` has another size.
void decode_rows(const Tensor& tensor, std::size_t first_row, std::size_t row_count, std::span<float> out, int threads,
                 Isa isa = best_isa());

}  // namespace quantbench
