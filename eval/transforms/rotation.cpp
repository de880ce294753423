#include "eval/transforms/rotation.h"

#include <algorithm>

#include "core/error.h"
#include "kernels/cpu/decode.h"
#include "quantizers/formats/registry.h"
#include "quantizers/transforms/column_scales.h"

namespace quantbench {
namespace {

using SharedRotation = std::shared_ptr<const Rotation>;

StreamEnds ends_of(const Model& model) {
  if (const auto ends = model.stream_ends()) return *ends;
  fail("models of this architecture cannot be rotated: something else than norms reads the residual stream");
}

SharedRotation rotation_of(const MakeRotation& make, const RotationPlace& place, const MethodOptions& options) {
  return std::make_shared<const Rotation>(make(place, options));
}

class BlockRotation {
 public:
  BlockRotation(OpenBlock& block, SharedRotation stream) : block_(block), stream_(std::move(stream)) {}

  /// The norm before a group becomes ones.
  void fold_norm(const InputGroup& group) {
    if (!group.scalable) fail("the norm {} cannot be folded into the layers after it", group.producer);
    const std::span<float> norm = block_.edit(group.producer);
    for (const std::string& layer : group.layers) {
      multiply_columns(block_.edit(layer), norm);
      block_.change_of(layer).folded.assign(norm.begin(), norm.end());
      turn_columns(layer, stream_);
    }
    std::ranges::fill(norm, 1.0f);
  }

  void turn_heads(const InputGroup& group, const SharedRotation& rotation) {
    turn_rows(group.producer, rotation);
    for (const std::string& layer : group.layers) turn_columns(layer, rotation);
  }

  void turn_outputs(const InputGroup& group) {
    for (const std::string& layer : group.layers) turn_rows(layer, stream_);
  }

 private:
  MatrixEdit edit(const std::string& name) {
    const std::span<float> values = block_.edit(name);
    return {values, block_.weights().find(name)->second.cols, block_.threads()};
  }

  void turn_columns(const std::string& layer, const SharedRotation& rotation) {
    rotate_columns(*rotation, edit(layer));
    block_.change_of(layer).col_rotation = rotation;
  }

  void turn_rows(const std::string& layer, const SharedRotation& rotation) {
    rotate_rows(*rotation, edit(layer));
    block_.change_of(layer).row_rotation = rotation;
  }

  OpenBlock& block_;
  SharedRotation stream_;
};

TensorData decoded_copy(const Weights& weights, const std::string& name, const std::string& copy_name, int threads) {
  const auto found = weights.find(name);
  if (found == weights.end()) fail("the weights lack tensor {}", name);
  const Tensor& original = found->second;
  TensorData copy(copy_name, original.rows, original.cols, find_format("f32"));
  decode_rows(original, 0, original.rows, {reinterpret_cast<float*>(copy.row(0).row), original.weights()}, threads);
  return copy;
}

MatrixEdit edit_of(TensorData& tensor, int threads) {
  const Tensor& view = tensor.view();
  return {{reinterpret_cast<float*>(tensor.row(0).row), view.weights()}, view.cols, threads};
}

}  // namespace

void rotate_block(const MakeRotation& make, const MethodOptions& options, OpenBlock& block) {
  BlockRotation rotation(block, rotation_of(make, {.size = block.model().width()}, options));
  for (const InputGroup& group : block.model().input_groups(block.index())) {
    if (group.kind == ProducerKind::norm) rotation.fold_norm(group);
    if (group.mixable > 1)
      rotation.turn_heads(group, rotation_of(make, {.size = group.mixable, .block = block.index()}, options));
    if (group.adds_to_stream) rotation.turn_outputs(group);
  }
}

OutsideChanges rotate_outside(const MakeRotation& make, const MethodOptions& options, const Model& model,
                              const Weights& weights, int threads) {
  const StreamEnds ends = ends_of(model);
  const bool tied = ends.tied_output && !weights.contains(ends.output);
  const SharedRotation stream = rotation_of(make, {.size = model.width()}, options);
  TensorData embedding = decoded_copy(weights, ends.embedding, ends.embedding, threads);
  TensorData output = decoded_copy(weights, tied ? ends.embedding : ends.output, ends.output, threads);
  TensorData norm = decoded_copy(weights, ends.norm, ends.norm, threads);
  const std::span<float> norm_weights = edit_of(norm, threads).values;
  multiply_columns(edit_of(output, threads).values, norm_weights);
  OutsideChanges result;
  result.changes[ends.output].folded.assign(norm_weights.begin(), norm_weights.end());
  std::ranges::fill(norm_weights, 1.0f);
  for (TensorData* matrix : {&embedding, &output}) {
    rotate_columns(*stream, edit_of(*matrix, threads));
    result.changes[matrix->view().name].col_rotation = stream;
    result.tensors.insert_or_assign(matrix->view().name, std::move(*matrix));
  }
  result.tensors.insert_or_assign(ends.norm, std::move(norm));
  return result;
}

void check_rotation(const Model& model, const Method& method, bool embedding_is_quantized) {
  if (!rotates(method)) return;
  const StreamEnds ends = ends_of(model);
  if (ends.tied_output && embedding_is_quantized)
    fail(
        "method '{}': a rotation gives the output projection, which this model shares with {}, weights of its own, and "
        "only "
        "the shared matrix has a format; give a format instead of a mix, or keep {}",
        to_string(method), ends.embedding, ends.embedding);
}

}  // namespace quantbench
