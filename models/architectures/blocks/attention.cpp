#include "models/architectures/blocks/attention.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "core/checked.h"
#include "core/parallel.h"
#include "models/architectures/blocks/simd.h"
#include "models/architectures/blocks/soft_cap.h"
#include "models/architectures/blocks/softmax.h"

namespace quantbench {
namespace {

constexpr std::size_t block_queries = 64;

/// (windows * kv_heads * head_size, length): matmul_f32 takes its second factor by rows, and the sum is over positions.
Matrix transposed_values(const AttentionShape& shape, const Matrix& values, int threads) {
  const std::size_t width = shape.kv_heads * shape.head_size;
  Matrix transposed(shape.windows * width, shape.length);
  parallel_for(threads, shape.windows * shape.kv_heads, [&](std::size_t task) {
    const std::size_t window = task / shape.kv_heads;
    const std::size_t first_column = task % shape.kv_heads * shape.head_size;
    for (std::size_t position = 0; position < shape.length; ++position) {
      const float* const from = values.row(window * shape.length + position).data() + first_column;
      float* const to = transposed.row(window * width + first_column).data() + position;
      for (std::size_t index = 0; index < shape.head_size; ++index) to[index * shape.length] = from[index];
    }
  });
  return transposed;
}

struct QueryBlock {
  std::size_t window = 0, head = 0, kv_head = 0;
  std::size_t first = 0, count = 0;  // positions in the window
  std::size_t keys = 0;              // positions that any of the queries sees

  QueryBlock(const AttentionShape& shape, std::size_t task) {
    const std::size_t blocks = divide_up(shape.length, block_queries);
    first = task % blocks * block_queries;
    head = task / blocks % shape.heads;
    window = task / blocks / shape.heads;
    kv_head = head / (shape.heads / shape.kv_heads);
    count = std::min(block_queries, shape.length - first);
    keys = first + count;
  }
};

class BlockAttention {
 public:
  BlockAttention(const AttentionShape& shape, const AttentionInput& input, const Matrix& transposed, SumOrder order)
      : shape_(shape), input_(input), transposed_(transposed), order_(order) {}

  void operator()(const QueryBlock& block, Matrix& out) const {
    const std::size_t stride = divide_up(block.keys, simd_lanes) * simd_lanes;
    std::vector<float> scores(block.count * stride);
    std::vector<float> sums(block.count);
    compute_scores(block, scores, stride);
    for (std::size_t query = 0; query < block.count; ++query)
      sums[query] = numerators(block, block.first + query, std::span(scores).subspan(query * stride, stride));
    mix_values(block, scores, stride, out);
    for (std::size_t query = 0; query < block.count; ++query) {
      float* const row = out_row(block, query, out);
      for (std::size_t index = 0; index < shape_.head_size; ++index) row[index] /= sums[query];
    }
  }

 private:
  std::size_t token(const QueryBlock& block, std::size_t position) const {
    return block.window * shape_.length + position;
  }
  float* out_row(const QueryBlock& block, std::size_t query, Matrix& out) const {
    return out.row(token(block, block.first + query)).data() + block.head * shape_.head_size;
  }

  /// Of the softmax of one query's scores; their sum is returned.
  float numerators(const QueryBlock& block, std::size_t position, std::span<float> scores) const {
    const std::size_t valid = position + 1;
    float scale = shape_.scale != 0 ? shape_.scale : 1.0f / std::sqrt(static_cast<float>(shape_.head_size));
    if (shape_.soft_cap > 0) {
      soft_cap(scores.first(valid), shape_.soft_cap, scale);
      scale = 1;
    }
    if (!shape_.slopes.empty()) {
      const float slope = shape_.slopes[block.head];
      for (std::size_t key = 0; key < valid; ++key)
        scores[key] = scores[key] * scale - slope * static_cast<float>(position - key);
      scale = 1;
    }
    if (shape_.window > 0 && valid > shape_.window)
      std::ranges::fill(scores.first(valid - shape_.window), -std::numeric_limits<float>::infinity());
    return softmax_numerators(scores, valid, scale);
  }

  void compute_scores(const QueryBlock& block, std::span<float> scores, std::size_t stride) const {
    const Matrix& queries = input_.queries;
    const Matrix& keys = input_.keys;
    matmul_f32({.a = queries.row(token(block, block.first)).data() + block.head * shape_.head_size,
                .a_stride = queries.cols(),
                .b = keys.row(token(block, 0)).data() + block.kv_head * shape_.head_size,
                .b_stride = keys.cols(),
                .c = scores.data(),
                .c_stride = stride,
                .m = block.count,
                .n = block.keys,
                .k = shape_.head_size,
                .order = order_},
               1);
  }

  /// Scores of keys that a query must not see are zero here and add nothing.
  void mix_values(const QueryBlock& block, std::span<const float> scores, std::size_t stride, Matrix& out) const {
    const std::size_t first_row = (block.window * shape_.kv_heads + block.kv_head) * shape_.head_size;
    matmul_f32({.a = scores.data(),
                .a_stride = stride,
                .b = transposed_.row(first_row).data(),
                .b_stride = shape_.length,
                .c = out_row(block, 0, out),
                .c_stride = out.cols(),
                .m = block.count,
                .n = shape_.head_size,
                .k = block.keys,
                .order = order_},
               1);
  }

  const AttentionShape& shape_;
  const AttentionInput& input_;
  const Matrix& transposed_;
  SumOrder order_;
};

}  // namespace

std::vector<float> alibi_slopes(std::size_t heads) {
  const std::size_t power = std::bit_floor(heads);
  std::vector<float> slopes;
  for (std::size_t head = 0; head < heads; ++head) {
    const std::size_t step = head < power ? head + 1 : 2 * (head - power) + 1;
    const double exponent = (head < power ? -8.0 : -4.0) / static_cast<double>(power) * static_cast<double>(step);
    slopes.push_back(static_cast<float>(std::exp2(exponent)));
  }
  return slopes;
}

void attention(const AttentionShape& shape, const AttentionInput& input, const Execution& execution, Matrix& out) {
  const Matrix transposed = transposed_values(shape, input.values, execution.threads);
  const BlockAttention attend(shape, input, transposed, execution.sum_order);
  const std::size_t blocks = divide_up(shape.length, block_queries);
  parallel_for(execution.threads, shape.windows * shape.heads * blocks,
               [&](std::size_t task) { attend(QueryBlock(shape, task), out); });
}

}  // namespace quantbench
