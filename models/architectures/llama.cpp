// The Llama family (Touvron et al. 2023): pre-normalized transformer blocks of causal grouped-query attention with RoPE
// and a SwiGLU feed-forward, without biases.
#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "core/error.h"
#include "core/parallel.h"
#include "kernels/cpu/decode.h"
#include "models/architectures/blocks/attention.h"
#include "models/architectures/blocks/embedding.h"
#include "models/architectures/blocks/linear.h"
#include "models/architectures/blocks/rms_norm.h"
#include "models/architectures/blocks/rope.h"
#include "models/architectures/blocks/swiglu.h"
#include "models/architectures/llama_parameters.h"
#include "models/model.h"

namespace quantbench {
namespace {

/// Logits are handed out in blocks of about this many numbers (16 MiB).
constexpr std::size_t logits_per_block = std::size_t{1} << 22;

constexpr std::array<const char*, 7> linear_parts = {"attn_q",   "attn_k", "attn_v",  "attn_output",
                                                     "ffn_gate", "ffn_up", "ffn_down"};

void add_in_place(std::span<float> values, std::span<const float> more, int threads) {
  constexpr std::size_t chunk = 16 * 1024;
  parallel_for(threads, divide_up(values.size(), chunk), [&](std::size_t task) {
    const std::size_t last = std::min((task + 1) * chunk, values.size());
    for (std::size_t index = task * chunk; index < last; ++index) values[index] += more[index];
  });
}

/// One forward call: the weights, the batch and the running activations.
class Pass {
 public:
  Pass(const LlamaParameters& parameters, const Weights& weights, const TokenBatch& batch,
       const ForwardOptions& options)
      : parameters_(parameters),
        weights_(weights),
        batch_(batch),
        options_(options),
        execution_{options.threads, options.sum_order},
        stream_(batch.tokens.size(), parameters.width),
        normed_(batch.tokens.size(), parameters.width),
        rotations_(rope_rotations(parameters.rope, batch.length)) {}

  void run(const LogitsSink& sink) {
    embed(batch_.tokens, tensor("token_embd.weight", parameters_.vocabulary, parameters_.width), options_.threads,
          stream_.values());
    for (std::size_t layer = 0; layer < parameters_.layers.size(); ++layer) {
      attend(layer);
      feed_forward(layer);
    }
    if (sink || (options_.observer && options_.observe_output)) project_to_vocabulary(sink);
  }

 private:
  const Tensor& tensor(const std::string& name, std::size_t rows, std::size_t cols) const {
    const auto found = weights_.find(name);
    if (found == weights_.end()) fail("the weights lack tensor {} ({} x {})", name, rows, cols);
    if (found->second.rows != rows || found->second.cols != cols)
      fail("tensor {} has shape {} x {}, expected {} x {}", name, found->second.rows, found->second.cols, rows, cols);
    return found->second;
  }

  void normalize(MatrixView input, const std::string& name, std::span<float> output) const {
    std::vector<float> weight(parameters_.width);
    decode_rows(tensor(name, 1, parameters_.width), 0, 1, weight, 1);
    rms_norm(input, {weight, parameters_.rms_epsilon}, options_.threads, output);
  }

  /// input times the weights of the layer's `part`; the observer sees the input first.
  Matrix project(const Matrix& input, std::size_t layer, const char* part, std::size_t outputs) const {
    const std::string name = layer_tensor(layer, part);
    const Tensor& weight = tensor(name, outputs, input.cols());
    if (options_.observer) options_.observer(name, input.view());
    Matrix output(input.rows(), outputs);
    linear(input.view(), weight, execution_, output.values());
    return output;
  }

  void attend(std::size_t layer) {
    const LlamaLayer& shape = parameters_.layers[layer];
    const std::size_t head_size = parameters_.head_size;
    normalize(stream_.view(), layer_tensor(layer, "attn_norm"), normed_.values());
    Matrix queries = project(normed_, layer, "attn_q", shape.heads * head_size);
    Matrix keys = project(normed_, layer, "attn_k", shape.kv_heads * head_size);
    const Matrix values = project(normed_, layer, "attn_v", shape.kv_heads * head_size);
    apply_rope(queries, rotations_, options_.threads);
    apply_rope(keys, rotations_, options_.threads);
    Matrix mixed(queries.rows(), queries.cols());
    attention({batch_.windows, batch_.length, shape.heads, shape.kv_heads, head_size}, {queries, keys, values},
              execution_, mixed);
    add_in_place(stream_.values(), project(mixed, layer, "attn_output", parameters_.width).values(), options_.threads);
  }

  void feed_forward(std::size_t layer) {
    const std::size_t inner = parameters_.layers[layer].feed_forward;
    normalize(stream_.view(), layer_tensor(layer, "ffn_norm"), normed_.values());
    Matrix gate = project(normed_, layer, "ffn_gate", inner);
    const Matrix up = project(normed_, layer, "ffn_up", inner);
    swiglu(gate.values(), up.values(), options_.threads);
    add_in_place(stream_.values(), project(gate, layer, "ffn_down", parameters_.width).values(), options_.threads);
  }

  void project_to_vocabulary(const LogitsSink& sink) const {
    const std::size_t width = parameters_.width, vocabulary = parameters_.vocabulary;
    const Tensor& output = tensor(parameters_.tied_output ? "token_embd.weight" : "output.weight", vocabulary, width);
    const std::size_t block = std::max<std::size_t>(logits_per_block / vocabulary, 1);
    for (std::size_t window = 0; window < batch_.windows; ++window) {
      for (std::size_t first = options_.first_position; first < batch_.length; first += block) {
        const std::size_t count = std::min(block, batch_.length - first);
        const std::size_t offset = (window * batch_.length + first) * width;
        Matrix normed(count, width);
        normalize({stream_.values().subspan(offset, count * width), count, width}, "output_norm.weight",
                  normed.values());
        if (options_.observer && options_.observe_output) options_.observer(output.name, normed.view());
        if (!sink) continue;
        Matrix logits(count, vocabulary);
        linear(normed.view(), output, execution_, logits.values());
        sink({window, first, logits.view()});
      }
    }
  }

  const LlamaParameters& parameters_;
  const Weights& weights_;
  const TokenBatch& batch_;
  const ForwardOptions& options_;
  Execution execution_;
  Matrix stream_;  // the residual stream (tokens, width)
  Matrix normed_;  // (tokens, width)
  Matrix rotations_;
};

class Llama final : public Model {
 public:
  explicit Llama(LlamaParameters parameters) : parameters_(std::move(parameters)) {}

  std::size_t vocabulary_size() const override { return parameters_.vocabulary; }
  std::size_t context_length() const override { return parameters_.context_length; }

  std::vector<std::string> linear_layers() const override {
    std::vector<std::string> names;
    for (std::size_t layer = 0; layer < parameters_.layers.size(); ++layer) {
      for (const char* part : linear_parts) names.push_back(layer_tensor(layer, part));
    }
    return names;
  }

  void forward(const Weights& weights, const TokenBatch& batch, const ForwardOptions& options,
               const LogitsSink& sink) const override {
    if (batch.tokens.size() != batch.windows * batch.length)
      fail("a batch of {} windows of {} tokens holds {} tokens", batch.windows, batch.length, batch.tokens.size());
    if (parameters_.sliding_window && batch.length > *parameters_.sliding_window)
      fail("windows of {} tokens exceed the sliding attention window of {}, which is not evaluated", batch.length,
           *parameters_.sliding_window);
    if (batch.tokens.empty()) return;
    Pass(parameters_, weights, batch, options).run(sink);
  }

 private:
  LlamaParameters parameters_;
};

const Register<Architecture> registered{"llama", {[](const Checkpoint& checkpoint) -> std::unique_ptr<const Model> {
                                          return std::make_unique<Llama>(read_llama_parameters(checkpoint));
                                        }}};

}  // namespace
}  // namespace quantbench
