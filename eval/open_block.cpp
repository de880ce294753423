#include "eval/open_block.h"

#include "core/error.h"
#include "kernels/cpu/decode.h"
#include "quantizers/formats/registry.h"

namespace quantbench {

std::span<float> OpenBlock::edit(const std::string& name) {
  auto found = edits_.tensors.find(name);
  if (found == edits_.tensors.end()) {
    const auto weight = weights_.find(name);
    if (weight == weights_.end()) fail("the weights lack tensor {}", name);
    const Tensor& original = weight->second;
    TensorData copy(name, original.rows, original.cols, find_format("f32"));
    const std::span<float> values(reinterpret_cast<float*>(copy.row(0).row), original.weights());
    decode_rows(original, 0, original.rows, values, threads_);
    found = edits_.tensors.emplace(name, std::move(copy)).first;
    weight->second = found->second.view();
  }
  return {reinterpret_cast<float*>(found->second.row(0).row), found->second.view().weights()};
}

}  // namespace quantbench
