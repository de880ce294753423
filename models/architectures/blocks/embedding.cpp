#include "models/architectures/blocks/embedding.h"

#include "core/error.h"
#include "kernels/cpu/decode.h"
#include "models/architectures/blocks/matrix.h"

namespace quantbench {

void embed(std::span<const std::int32_t> tokens, const Tensor& weight, int threads, std::span<float> output) {
  for (std::size_t index = 0; index < tokens.size(); ++index) {
    if (tokens[index] < 0 || static_cast<std::size_t>(tokens[index]) >= weight.rows)
      fail("token {} at place {} is not in the vocabulary of {} tokens", tokens[index], index, weight.rows);
  }
  const Tensor rows = loaded(weight);  // once, not for each token
  for_each_row(tokens.size(), threads, [&](std::size_t index) {
    decode_rows(rows, static_cast<std::size_t>(tokens[index]), 1, output.subspan(index * weight.cols, weight.cols), 1);
  });
}

}  // namespace quantbench
