// Causal grouped-query attention (Vaswani et al. 2017; Ainslie et al. 2023) over whole windows.
//
//   out[p] = sum_{s <= p} softmax_s(q[p] . k[s] / sqrt(head_size)) v[s]
//   head h reads key/value head h / (heads / kv_heads)
#pragma once

#include <cstddef>

#include "models/architectures/blocks/linear.h"
#include "models/architectures/blocks/matrix.h"

namespace quantbench {

struct AttentionShape {
  std::size_t windows = 0;
  std::size_t length = 0;  // positions per window
  std::size_t heads = 0;
  std::size_t kv_heads = 0;  // divides heads
  std::size_t head_size = 0;
};

/// queries: (windows * length, heads * head_size); keys, values: (windows * length, kv_heads * head_size).
struct AttentionInput {
  const Matrix& queries;
  const Matrix& keys;
  const Matrix& values;
};

/// out: (windows * length, heads * head_size), overwritten. Works on blocks of 64 queries against all keys up to the
/// last of them, in parallel over (window, head, block); memory beside a transposed copy of the values is 64 x length
/// scores per thread. Blocks lie at fixed places in a window, so a window's result depends on nothing outside it.
void attention(const AttentionShape& shape, const AttentionInput& input, const Execution& execution, Matrix& out);

}  // namespace quantbench
