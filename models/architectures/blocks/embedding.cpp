#include "models/architectures/blocks/embedding.h"

#include <algorithm>

#include "core/error.h"
#include "core/parallel.h"
#include "kernels/cpu/decode.h"
#include "models/architectures/blocks/matrix.h"

namespace quantbench {

void embed(std::span<const std::int32_t> tokens, const Tensor& weight, int threads, std::span<float> output) {
  for (std::size_t index = 0; index < tokens.size(); ++index) {
    if (tokens[index] < 0 || static_cast<std::size_t>(tokens[index]) >= weight.rows)
      fail("token {} at place {} is not in the vocabulary of {} tokens", tokens[index], index, weight.rows);
  }
  const Tensor rows = loaded(weight);  // once, not for each token
  parallel_for(threads, divide_up(tokens.size(), rows_per_task), [&](std::size_t task) {
    const std::size_t first = task * rows_per_task;
    const std::size_t last = std::min(first + rows_per_task, tokens.size());
    for (std::size_t index = first; index < last; ++index)
      decode_rows(rows, static_cast<std::size_t>(tokens[index]), 1, output.subspan(index * weight.cols, weight.cols),
                  1);
  });
}

}  // namespace quantbench
