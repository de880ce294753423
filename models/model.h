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

/// Called with the name of a linear layer's weight tensor and its input, (tokens of the batch, inputs), in model order.
using LayerObserver = std::function<void(std::string_view weight_name, MatrixView input)>;

/// Called once per window, in order, with the logits of positions [first_position, length). (positions, vocabulary)
using LogitsSink = std::function<void(std::size_t window, MatrixView logits)>;

struct ForwardOptions {
  int threads = 1;
  std::size_t first_position = 0;  // logits before this position are not computed
  SumOrder sum_order = SumOrder::ascending;
  LayerObserver observer;  // may be empty
};

/// The weights of a model by tensor name. Replacing entries is how a quantized model is made.
using Weights = std::map<std::string, Tensor, std::less<>>;

class Model {
 public:
  virtual ~Model() = default;
  virtual std::size_t vocabulary_size() const = 0;
  virtual std::size_t context_length() const = 0;
  /// Names of the weights of the linear layers in model order: what quantizers act on (embeddings and norms are not).
  virtual std::vector<std::string> linear_layers() const = 0;
  /// Throws Error for a token id out of range. `sink` may be null when only the observer is wanted.
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
