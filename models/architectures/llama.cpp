// The Llama family (Touvron et al. 2023): pre-normalized transformer blocks of causal grouped-query attention with RoPE
// and a SwiGLU feed-forward, without biases.
#include <algorithm>
#include <memory>
#include <numeric>
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

constexpr const char* embedding_name = "token_embd.weight";
constexpr const char* output_norm_name = "output_norm.weight";
constexpr const char* output_name = "output.weight";

/// Places in input_groups.
enum Group : std::size_t { attention_inputs, attention_mix, feed_forward_input, feed_forward_inner, group_count };

void add_in_place(std::span<float> values, std::span<const float> more, int threads) {
  constexpr std::size_t chunk = 16 * 1024;
  parallel_for(threads, divide_up(values.size(), chunk), [&](std::size_t task) {
    const std::size_t last = std::min((task + 1) * chunk, values.size());
    for (std::size_t index = task * chunk; index < last; ++index) values[index] += more[index];
  });
}

/// One call: the weights, the shape of the batch and how to compute.
class Pass {
 public:
  Pass(const LlamaParameters& parameters, const Weights& weights, const TokenBatch& batch,
       const ForwardOptions& options)
      : parameters_(parameters),
        weights_(weights),
        batch_(batch),
        options_(options),
        execution_{options.threads, options.sum_order, options.compute, options.products} {
    if (parameters.sliding_window && batch.length > *parameters.sliding_window)
      fail("windows of {} tokens exceed the sliding attention window of {}, which is not evaluated", batch.length,
           *parameters.sliding_window);
  }

  Matrix embed_tokens() const {
    if (batch_.tokens.size() != batch_.windows * batch_.length)
      fail("a batch of {} windows of {} tokens holds {} tokens", batch_.windows, batch_.length, batch_.tokens.size());
    Matrix stream(batch_.tokens.size(), parameters_.width);
    embed(batch_.tokens, tensor(embedding_name, parameters_.vocabulary, parameters_.width), options_.threads,
          stream.values());
    return stream;
  }

  void run_block(std::size_t layer, Matrix& stream) const {
    check_shape("residual stream", stream, parameters_.width);
    Matrix normed(stream.rows(), stream.cols());
    normalize(stream.view(), layer_tensor(layer, "attn_norm"), normed.values());
    add_in_place(stream.values(), attend(layer, normed).values(), options_.threads);
    normalize(stream.view(), layer_tensor(layer, "ffn_norm"), normed.values());
    add_in_place(stream.values(), feed_forward(layer, normed).values(), options_.threads);
  }

  Matrix group_output(std::size_t layer, std::size_t group, const Matrix& input) const {
    const LlamaLayer& shape = parameters_.layers[layer];
    switch (group) {
      case attention_inputs:
        check_shape("input", input, parameters_.width);
        return attend(layer, input);
      case attention_mix:
        check_shape("input", input, shape.heads * parameters_.head_size);
        return project(input, layer, "attn_output", parameters_.width);
      case feed_forward_input:
        check_shape("input", input, parameters_.width);
        return feed_forward(layer, input);
      case feed_forward_inner:
        check_shape("input", input, shape.feed_forward);
        return project(input, layer, "ffn_down", parameters_.width);
      default:
        fail("a block of a Llama model has no input group {}", group);
    }
  }

  void project_to_vocabulary(const Matrix& stream, const LogitsSink& sink) const {
    const std::size_t width = parameters_.width, vocabulary = parameters_.vocabulary;
    check_shape("residual stream", stream, width);
    const bool tied = parameters_.tied_output && !weights_.contains(output_name);
    const Tensor& output = tensor(tied ? embedding_name : output_name, vocabulary, width);
    if (options_.first_position >= batch_.length) return;
    for (std::size_t window = 0; window < batch_.windows; ++window) {
      const std::size_t count = batch_.length - options_.first_position;
      const std::size_t offset = (window * batch_.length + options_.first_position) * width;
      Matrix normed(count, width);
      normalize({stream.values().subspan(offset, count * width), count, width}, output_norm_name, normed.values());
      project_window(window, normed, output, sink);
    }
  }

 private:
  const Tensor& tensor(const std::string& name, std::size_t rows, std::size_t cols) const {
    const auto found = weights_.find(name);
    if (found == weights_.end()) fail("the weights lack tensor {} ({} x {})", name, rows, cols);
    if (found->second.rows != rows || found->second.cols != cols)
      fail("tensor {} has shape {} x {}, expected {} x {}", name, found->second.rows, found->second.cols, rows, cols);
    return found->second;
  }

  void check_shape(const char* what, const Matrix& matrix, std::size_t cols) const {
    const std::size_t tokens = batch_.windows * batch_.length;
    if (matrix.rows() != tokens || matrix.cols() != cols)
      fail("the {} has shape {} x {}, expected {} x {} (tokens x columns)", what, matrix.rows(), matrix.cols(), tokens,
           cols);
  }

  void normalize(MatrixView input, const std::string& name, std::span<float> output) const {
    std::vector<float> weight(parameters_.width);
    decode_rows(tensor(name, 1, parameters_.width), 0, 1, weight, 1);
    rms_norm(input, {weight, parameters_.rms_epsilon}, options_.threads, output);
  }

  /// Logits of the window's positions from first_position on, in blocks. normed: (positions, width)
  void project_window(std::size_t window, const Matrix& normed, const Tensor& output, const LogitsSink& sink) const {
    const std::size_t width = parameters_.width;
    const Matrix changed = changed_input(output.name, 1, normed);
    const MatrixView all = changed.rows() > 0 ? changed.view() : normed.view();
    const std::size_t block = std::max<std::size_t>(logits_per_block / output.rows, 1);
    for (std::size_t first = 0; first < all.rows; first += block) {
      const std::size_t count = std::min(block, all.rows - first);
      const auto part = [&](MatrixView rows) {
        return MatrixView{rows.values.subspan(first * width, count * width), count, width};
      };
      if (options_.observer && options_.observe_output) options_.observer(output.name, part(normed.view()));
      if (!sink) continue;
      Matrix logits(count, output.rows);
      linear(part(all), output, execution_, logits.values());
      sink({window, options_.first_position + first, logits.view()});
    }
  }

  /// What the hook makes of an input; empty where there is no hook.
  Matrix changed_input(const std::string& weight, std::size_t windows, const Matrix& input) const {
    if (!options_.input) return {};
    Matrix changed = input;
    options_.input(weight, windows, changed);
    return changed;
  }

  /// input times the weights of the layer's `part`; the observer sees the input first.
  Matrix project(const Matrix& input, std::size_t layer, const char* part, std::size_t outputs) const {
    const std::string name = layer_tensor(layer, part);
    const Tensor& weight = tensor(name, outputs, input.cols());
    if (options_.observer) options_.observer(name, input.view());
    const Matrix changed = changed_input(name, batch_.windows, input);
    Matrix output(input.rows(), outputs);
    linear(changed.rows() > 0 ? changed.view() : input.view(), weight, execution_, output.values());
    return output;
  }

  Matrix attend(std::size_t layer, const Matrix& normed) const {
    const LlamaLayer& shape = parameters_.layers[layer];
    const std::size_t head_size = parameters_.head_size;
    const Matrix rotations = rope_rotations(parameters_.rope, batch_.length);
    Matrix queries = project(normed, layer, "attn_q", shape.heads * head_size);
    Matrix keys = project(normed, layer, "attn_k", shape.kv_heads * head_size);
    Matrix values = project(normed, layer, "attn_v", shape.kv_heads * head_size);
    apply_rope(queries, rotations, options_.threads);
    apply_rope(keys, rotations, options_.threads);
    if (options_.cache) options_.cache({batch_.windows, batch_.length, shape.kv_heads, head_size}, keys, values);
    Matrix mixed(queries.rows(), queries.cols());
    attention({batch_.windows, batch_.length, shape.heads, shape.kv_heads, head_size}, {queries, keys, values},
              execution_, mixed);
    return project(mixed, layer, "attn_output", parameters_.width);
  }

  Matrix feed_forward(std::size_t layer, const Matrix& normed) const {
    const std::size_t inner = parameters_.layers[layer].feed_forward;
    Matrix gate = project(normed, layer, "ffn_gate", inner);
    const Matrix up = project(normed, layer, "ffn_up", inner);
    swiglu(gate.values(), up.values(), options_.threads);
    return project(gate, layer, "ffn_down", parameters_.width);
  }

  const LlamaParameters& parameters_;
  const Weights& weights_;
  const TokenBatch& batch_;
  const ForwardOptions& options_;
  Execution execution_;
};

/// The value row behind each column of the attention's output: head h reads value head h / repeats.
std::vector<std::size_t> value_rows(const LlamaLayer& shape, std::size_t head_size) {
  const std::size_t repeats = shape.heads / shape.kv_heads;
  std::vector<std::size_t> rows(shape.heads * head_size);
  for (std::size_t column = 0; column < rows.size(); ++column)
    rows[column] = column / head_size / repeats * head_size + column % head_size;
  return rows;
}

std::vector<std::size_t> same_rows(std::size_t cols) {
  std::vector<std::size_t> rows(cols);
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  return rows;
}

class Llama final : public Model {
 public:
  explicit Llama(LlamaParameters parameters) : parameters_(std::move(parameters)) {}

  std::size_t vocabulary_size() const override { return parameters_.vocabulary; }
  std::size_t context_length() const override { return parameters_.context_length; }
  std::size_t block_count() const override { return parameters_.layers.size(); }
  std::size_t width() const override { return parameters_.width; }

  /// Every group can be scaled exactly: a norm's weights feed no other layers, attention mixes values with weights that
  /// do not depend on them, and SwiGLU is linear in `up`.
  std::vector<InputGroup> input_groups(std::size_t block) const override {
    check_block(block);
    const LlamaLayer& shape = parameters_.layers[block];
    const auto name = [block](const char* part) { return layer_tensor(block, part); };
    const auto width = same_rows(parameters_.width);
    std::vector<InputGroup> groups(group_count);
    groups[attention_inputs] = {
        {name("attn_q"), name("attn_k"), name("attn_v")}, name("attn_norm"), ProducerKind::norm, width, 1, true};
    groups[attention_mix] = {{name("attn_output")},        name("attn_v"),
                             ProducerKind::linear,         value_rows(shape, parameters_.head_size),
                             shape.heads / shape.kv_heads, true};
    groups[attention_mix].mixable = parameters_.head_size;
    groups[feed_forward_input] = {
        {name("ffn_gate"), name("ffn_up")}, name("ffn_norm"), ProducerKind::norm, width, 1, true};
    groups[feed_forward_inner] = {
        {name("ffn_down")}, name("ffn_up"), ProducerKind::linear, same_rows(shape.feed_forward), 1, true};
    for (const Group adds : {attention_mix, feed_forward_inner}) groups[adds].adds_to_stream = true;
    return groups;
  }

  std::optional<StreamEnds> stream_ends() const override {
    return StreamEnds{embedding_name, output_norm_name, output_name, parameters_.tied_output};
  }

  Matrix embed(const Weights& weights, const TokenBatch& batch, const ForwardOptions& options) const override {
    return Pass(parameters_, weights, batch, options).embed_tokens();
  }

  void run_block(std::size_t block, const Weights& weights, const TokenBatch& batch, const ForwardOptions& options,
                 Matrix& stream) const override {
    check_block(block);
    Pass(parameters_, weights, batch, options).run_block(block, stream);
  }

  Matrix group_output(std::size_t block, std::size_t group, const Weights& weights, const TokenBatch& batch,
                      const ForwardOptions& options, const Matrix& input) const override {
    check_block(block);
    return Pass(parameters_, weights, batch, options).group_output(block, group, input);
  }

  void logits(const Weights& weights, const TokenBatch& batch, const ForwardOptions& options, const Matrix& stream,
              const LogitsSink& sink) const override {
    Pass(parameters_, weights, batch, options).project_to_vocabulary(stream, sink);
  }

 private:
  void check_block(std::size_t block) const {
    if (block >= block_count()) fail("block {} of a model of {} blocks", block, block_count());
  }

  LlamaParameters parameters_;
};

const Register<Architecture> registered{"llama", {[](const Checkpoint& checkpoint) -> std::unique_ptr<const Model> {
                                          return std::make_unique<Llama>(read_llama_parameters(checkpoint));
                                        }}};

}  // namespace
}  // namespace quantbench
