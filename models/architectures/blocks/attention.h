// Causal grouped-query attention (Vaswani et al. 2017; Ainslie et al. 2023) over whole windows.
//
//   out[p] = sum_{s <= p} softmax_s(q[p] . k[s] * scale) v[s]
//   head h reads key/value head h / (heads / kv_heads)
//
// with, where asked for: scores that are capped softly, scores that fall with the distance (ALiBi, Press et al. 2022), and keys
// that are `window` or more positions back left out.
#pragma once

#include <cstddef>
#include <vector>

#include "models/architectures/blocks/linear.h"
#include "models/architectures/blocks/matrix.h"

namespace quantbench {

struct AttentionShape {
  std::size_t windows = 0;
  std::size_t length = 0;  // positions per window
  std::size_t heads = 0;
  std::size_t kv_heads = 0;  // divides heads
  std::size_t head_size = 0;
  float scale = 0;                 // 0: 1 / sqrt(head_size)
  float soft_cap = 0;              // 0: none
  std::size_t window = 0;          // keys that a query sees, its own among them; 0: all
  std::vector<float> slopes = {};  // (heads) taken from a score for each position of distance; empty: none
};

/// The slopes of ALiBi: powers of 2^(-8 / n) with n the largest power of two <= heads, then every second power of 2^(-4 / n).
std::vector<float> alibi_slopes(std::size_t heads);

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
