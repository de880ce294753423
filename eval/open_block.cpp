#include "eval/open_block.h"

#include "core/error.h"
#include "kernels/cpu/decode.h"
#include "quantizers/formats/registry.h"
#include "quantizers/transforms/column_scales.h"

namespace quantbench {

void LayerChange::undo(const MatrixEdit& weights) const {
  if (!cols.empty()) divide_columns(weights.values, cols);
  for (std::size_t row = 0; row < rows.size(); ++row)
    for (float& value : weights.values.subspan(row * weights.cols, weights.cols)) value *= rows[row];
  if (row_rotation) rotate_rows(*row_rotation, weights, Direction::back);
  if (col_rotation) rotate_columns(*col_rotation, weights, Direction::back);
  for (std::size_t i = 0; i < weights.values.size() && !folded.empty(); ++i) {
    const float factor = folded[i % weights.cols];
    weights.values[i] = factor == 0 ? 0 : weights.values[i] / factor;
  }
}

const CalibrationStream& OpenBlock::inputs() const {
  if (inputs_ == nullptr) fail("the inputs of block {} are not known: its transform needs a calibration text", index_);
  return *inputs_;
}

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
