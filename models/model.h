// Model: hyper-parameters, weights of any format, and the forward pass from tokens to logits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/registry.h"
#include "core/tensor.h"
#include "kernels/cpu/matmul_f32.h"
#include "models/checkpoints/checkpoint.h"

namespace quantbench {

/// Several windows of equal length, evaluated independently of each other. tokens: (windows, length)
struct TokenBatch {
  std::span<const std::int32_t> tokens;
  std::size_t windows = 0;
  std::size_t length = 0;
};

/// Called with the name of a linear layer's weight tensor and its input, (tokens of the batch, inputs), in model order:
/// once for each name in Model::linear_layers() per forward call. With ForwardOptions::observe_output then also for the
/// output projection, with the positions in blocks, in order.
using LayerObserver = std::function<void(std::string_view weight_name, MatrixView input)>;

/// Some consecutive positions of one window.
struct LogitsBlock {
  std::size_t window = 0;
  std::size_t first_position = 0;
  MatrixView logits;  // (positions of the block, vocabulary)
};

/// Called for positions [first_position, length) of every window, by window and then by position, in blocks that bound
/// the memory whatever the vocabulary. The logits are gone after the call.
using LogitsSink = std::function<void(const LogitsBlock& block)>;

struct ForwardOptions {
  int threads = 1;
  std::size_t first_position = 0;  // logits before this position are not computed
  SumOrder sum_order = SumOrder::ascending;
  LayerObserver observer{};  // may be empty
  bool observe_output = false;
};

/// The weights of a model by tensor name. Replacing entries is how a quantized model is made.
using Weights = std::map<std::string, Tensor, std::less<>>;

class Model {
 public:
  virtual ~Model() = default;
  virtual std::size_t vocabulary_size() const = 0;
  virtual std::size_t context_length() const = 0;
  /// Names of the weights of the linear layers in model order: what quantizers act on. Embeddings, norms and the output
  /// projection are not, as in the papers that the figures are compared with.
  virtual std::vector<std::string> linear_layers() const = 0;
  /// Throws Error for a token id out of range, and for a weight that is missing or has not the shape the model was
  /// built with. `sink` may be empty when only the observer is wanted. Each number is computed by the same operations
  /// in the same order whatever the threads and however windows are grouped into batches. Memory grows with the tokens
  /// of the batch.
  virtual void forward(const Weights& weights, const TokenBatch& batch, const ForwardOptions& options,
                       const LogitsSink& sink) const = 0;
};

/// Builds the model that `general.architecture` names; checks every tensor's presence and shape. Throws Error.
std::unique_ptr<const Model> load_model(const Checkpoint& checkpoint);
/// All tensors of the checkpoint that can be decoded.
Weights weights_of(const Checkpoint& checkpoint);

/// Registered by each architecture file: the value of `general.architecture` -> how to build it.
struct Architecture {
  static constexpr const char* kind = "architecture";
  std::function<std::unique_ptr<const Model>(const Checkpoint&)> load;
};

}  // namespace quantbench
