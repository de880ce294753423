#include "models/architectures/decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "core/error.h"
#include "kernels/cpu/decode.h"
#include "models/architectures/blocks/activation.h"
#include "models/architectures/blocks/attention.h"
#include "models/architectures/blocks/embedding.h"
#include "models/architectures/blocks/layer_norm.h"
#include "models/architectures/blocks/linear.h"
#include "models/architectures/blocks/rms_norm.h"
#include "models/architectures/blocks/rope.h"
#include "models/architectures/blocks/soft_cap.h"
#include "models/architectures/decoder_groups.h"

namespace quantbench {
namespace {

/// Logits are handed out in blocks of about this many numbers (16 MiB).
constexpr std::size_t logits_per_block = std::size_t{1} << 22;

constexpr const char* embedding_name = "token_embd.weight";
constexpr const char* output_name = "output.weight";

void add_in_place(Matrix& values, const Matrix& more, int threads) {
  for_each_row(values.rows(), threads, [&](std::size_t row) {
    const std::span<float> to = values.row(row);
    const std::span<const float> from = more.row(row);
    for (std::size_t col = 0; col < to.size(); ++col) to[col] += from[col];
  });
}

void add_to_rows(std::span<const float> bias, int threads, std::span<float> values) {
  for_each_row(values.size() / bias.size(), threads, [&](std::size_t row) {
    const std::span<float> to = values.subspan(row * bias.size(), bias.size());
    for (std::size_t col = 0; col < bias.size(); ++col) to[col] += bias[col];
  });
}

Matrix columns(const Matrix& all, std::size_t first, std::size_t count, int threads) {
  Matrix part(all.rows(), count);
  for_each_row(all.rows(), threads,
               [&](std::size_t row) { std::ranges::copy(all.row(row).subspan(first, count), part.row(row).begin()); });
  return part;
}

/// One call: the weights, the shape of the batch and how to compute.
class Pass {
 public:
  Pass(const DecoderParameters& parameters, const Weights& weights, const TokenBatch& batch,
       const ForwardOptions& options)
      : p_(parameters),
        weights_(weights),
        batch_(batch),
        options_(options),
        execution_{options.threads, options.sum_order, options.compute, options.products} {}

  Matrix embed_tokens() const {
    if (batch_.tokens.size() != batch_.windows * batch_.length)
      fail("a batch of {} windows of {} tokens holds {} tokens", batch_.windows, batch_.length, batch_.tokens.size());
    if (p_.positions == Positions::learned && batch_.length > p_.context_length)
      fail("windows of {} tokens exceed the {} positions that the model has learned", batch_.length, p_.context_length);
    Matrix stream(batch_.tokens.size(), p_.embedding_cols());
    embed(batch_.tokens, tensor(embedding_name, p_.vocabulary, p_.embedding_cols()), options_.threads, stream.values());
    if (p_.embedding_scale != 1)
      for (float& value : stream.values()) value *= p_.embedding_scale;
    if (p_.embedding_width != 0) stream = times(stream, tensor("token_embd_in.weight", p_.width, p_.embedding_width));
    if (p_.positions == Positions::learned) add_positions(stream);
    if (p_.embedding_norm) normalize("token_embd_norm", stream);
    return stream;
  }

  void run_block(std::size_t layer, Matrix& stream) const {
    check_shape("residual stream", stream, p_.width);
    if (p_.parallel) return run_parallel(layer, stream);
    add_module(layer, "attn_norm", "post_attention_norm", &Pass::attend, stream);
    add_module(layer, "ffn_norm", "post_ffw_norm", &Pass::feed_forward, stream);
  }

  Matrix group_output(std::size_t layer, std::size_t group, const Matrix& input) const {
    switch (group) {
      case attention_inputs:
        check_shape("input", input, p_.width);
        return attend(layer, input);
      case attention_mix:
        check_shape("input", input, p_.query_size(layer));
        return project(input, layer, "attn_output", p_.width, p_.attention_output_bias);
      case feed_forward_input:
        check_shape("input", input, p_.width);
        return feed_forward(layer, input);
      case feed_forward_inner:
        check_shape("input", input, p_.layers[layer].feed_forward);
        return project(input, layer, "ffn_down", p_.width, p_.feed_forward_bias);
      default:
        fail("a block of a {} model has no input group {}", p_.architecture, group);
    }
  }

  void project_to_vocabulary(const Matrix& stream, const LogitsSink& sink) const {
    const std::size_t width = p_.width;
    check_shape("residual stream", stream, width);
    const bool tied = p_.tied_output && !weights_.contains(output_name);
    const Tensor& output = tensor(tied ? embedding_name : output_name, p_.vocabulary, p_.embedding_cols());
    if (options_.first_position >= batch_.length) return;
    for (std::size_t window = 0; window < batch_.windows; ++window) {
      const std::size_t count = batch_.length - options_.first_position;
      const std::size_t offset = (window * batch_.length + options_.first_position) * width;
      Matrix last(count, width);
      std::ranges::copy(stream.values().subspan(offset, count * width), last.values().begin());
      if (!p_.norm_after) normalize("output_norm", last);
      if (p_.embedding_width != 0) last = times(last, tensor("output_out.weight", p_.embedding_width, width));
      project_window(window, last, output, sink);
    }
  }

 private:
  using Module = Matrix (Pass::*)(std::size_t layer, const Matrix& input) const;

  void add_module(std::size_t layer, const char* norm, const char* output_norm, Module module, Matrix& stream) const {
    Matrix added = p_.norm_after ? (this->*module)(layer, stream) : (this->*module)(layer, normed(layer, norm, stream));
    if (p_.output_norms) normalize(layer_name(layer, output_norm), added);
    add_in_place(stream, added, options_.threads);
    if (p_.norm_after) normalize(layer_name(layer, norm), stream);
  }

  void run_parallel(std::size_t layer, Matrix& stream) const {
    const Matrix mixed = attend(layer, normed(layer, "attn_norm", stream));
    const Matrix fed = feed_forward(layer, normed(layer, "ffn_norm", stream));
    add_in_place(stream, mixed, options_.threads);
    add_in_place(stream, fed, options_.threads);
  }

  static std::string layer_name(std::size_t layer, const char* part) { return fmt::format("blk.{}.{}", layer, part); }

  const Tensor& tensor(const std::string& name, std::size_t rows, std::size_t cols) const {
    const auto found = weights_.find(name);
    if (found == weights_.end()) fail("the weights lack tensor {} ({} x {})", name, rows, cols);
    if (found->second.rows != rows || found->second.cols != cols)
      fail("tensor {} has shape {} x {}, expected {} x {}", name, found->second.rows, found->second.cols, rows, cols);
    return found->second;
  }

  std::vector<float> vector(const std::string& name, std::size_t cols) const {
    std::vector<float> values(cols);
    decode_rows(tensor(name, 1, cols), 0, 1, values, 1);
    return values;
  }

  void check_shape(const char* what, const Matrix& matrix, std::size_t cols) const {
    const std::size_t tokens = batch_.windows * batch_.length;
    if (matrix.rows() != tokens || matrix.cols() != cols)
      fail("the {} has shape {} x {}, expected {} x {} (tokens x columns)", what, matrix.rows(), matrix.cols(), tokens,
           cols);
  }

  /// In place, with the weights `<name>.weight` (and .bias).
  void normalize(const std::string& name, Matrix& values) const {
    const std::vector<float> weight = vector(name + ".weight", values.cols());
    if (p_.norm == NormKind::rms)
      return rms_norm(values.view(), {weight, p_.epsilon}, options_.threads, values.values());
    const std::vector<float> bias = p_.norm_bias ? vector(name + ".bias", values.cols()) : std::vector<float>();
    layer_norm(values.view(), {weight, bias, p_.epsilon}, options_.threads, values.values());
  }

  Matrix normed(std::size_t layer, const char* norm, const Matrix& stream) const {
    Matrix result = stream;
    normalize(layer_name(layer, norm), result);
    return result;
  }

  void add_positions(Matrix& stream) const {
    const Tensor& positions = tensor("position_embd.weight", p_.context_length + p_.position_offset, p_.width);
    std::vector<float> rows(batch_.length * p_.width);
    decode_rows(positions, p_.position_offset, batch_.length, rows, options_.threads);
    add_to_rows(rows, options_.threads, stream.values());
  }

  /// With a matrix that is no linear layer.
  Matrix times(const Matrix& input, const Tensor& weight) const {
    Matrix output(input.rows(), weight.rows);
    linear(input.view(), weight, execution_, output.values());
    return output;
  }

  /// Logits of the window's positions from first_position on, in blocks. last: (positions, columns of the output projection)
  void project_window(std::size_t window, const Matrix& last, const Tensor& output, const LogitsSink& sink) const {
    const std::size_t cols = last.cols();
    const std::vector<float> bias = p_.output_bias ? vector("output.bias", output.rows) : std::vector<float>();
    const Matrix changed = changed_input(output.name, 1, last);
    const MatrixView all = changed.rows() > 0 ? changed.view() : last.view();
    const std::size_t block = std::max<std::size_t>(logits_per_block / output.rows, 1);
    for (std::size_t first = 0; first < all.rows; first += block) {
      const std::size_t count = std::min(block, all.rows - first);
      const auto part = [&](MatrixView rows) {
        return MatrixView{rows.values.subspan(first * cols, count * cols), count, cols};
      };
      if (options_.observer && options_.observe_output) options_.observer(output.name, part(last.view()));
      if (!sink) continue;
      Matrix logits(count, output.rows);
      linear(part(all), output, execution_, logits.values());
      if (!bias.empty()) add_to_rows(bias, options_.threads, logits.values());
      if (p_.logit_soft_cap > 0)
        for_each_row(count, options_.threads, [&](std::size_t row) { soft_cap(logits.row(row), p_.logit_soft_cap); });
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
  Matrix project(const Matrix& input, std::size_t layer, const char* part, std::size_t outputs, bool biased) const {
    const std::string name = layer_tensor(layer, part);
    const Tensor& weight = tensor(name, outputs, input.cols());
    if (options_.observer) options_.observer(name, input.view());
    const Matrix changed = changed_input(name, batch_.windows, input);
    Matrix output(input.rows(), outputs);
    linear(changed.rows() > 0 ? changed.view() : input.view(), weight, execution_, output.values());
    if (biased) add_to_rows(vector(layer_tensor(layer, part, "bias"), outputs), options_.threads, output.values());
    return output;
  }

  struct AttentionInputs {
    Matrix queries, keys, values;
  };

  AttentionInputs project_inputs(std::size_t layer, const Matrix& normed) const {
    const std::size_t queries = p_.query_size(layer), keys = p_.key_size(layer);
    const bool biased = p_.attention_input_bias;
    if (!p_.fused_attention)
      return {project(normed, layer, "attn_q", queries, biased), project(normed, layer, "attn_k", keys, biased),
              project(normed, layer, "attn_v", keys, biased)};
    const Matrix all = project(normed, layer, "attn_qkv", queries + 2 * keys, biased);
    return {columns(all, 0, queries, options_.threads), columns(all, queries, keys, options_.threads),
            columns(all, queries + keys, keys, options_.threads)};
  }

  void normalize_heads(std::size_t layer, const char* part, Matrix& heads) const {
    const std::vector<float> weight = vector(layer_tensor(layer, part), p_.head_size);
    const MatrixView each{heads.values(), heads.values().size() / p_.head_size, p_.head_size};
    rms_norm(each, {weight, p_.epsilon}, options_.threads, heads.values());
  }

  void rotate(const DecoderLayer& layer, Matrix& queries, Matrix& keys) const {
    const bool is_long = p_.rope_switch != 0 && batch_.length > p_.rope_switch;
    const RopeParameters& rope = layer.local ? p_.local_rope : is_long ? p_.long_rope : p_.rope;
    const Matrix rotations = rope_rotations(rope, batch_.length);
    apply_rope(queries, rope, rotations, options_.threads);
    apply_rope(keys, rope, rotations, options_.threads);
  }

  Matrix attend(std::size_t layer, const Matrix& normed) const {
    const DecoderLayer& shape = p_.layers[layer];
    auto [queries, keys, values] = project_inputs(layer, normed);
    if (p_.head_norms) {
      normalize_heads(layer, "attn_q_norm", queries);
      normalize_heads(layer, "attn_k_norm", keys);
    }
    if (p_.positions == Positions::rope) rotate(shape, queries, keys);
    if (options_.cache) options_.cache({batch_.windows, batch_.length, shape.kv_heads, p_.head_size}, keys, values);
    Matrix mixed(queries.rows(), queries.cols());
    attention({.windows = batch_.windows,
               .length = batch_.length,
               .heads = shape.heads,
               .kv_heads = shape.kv_heads,
               .head_size = p_.head_size,
               .scale = p_.attention_scale,
               .soft_cap = p_.attention_soft_cap,
               .window = shape.window,
               .slopes = p_.positions == Positions::alibi ? alibi_slopes(shape.heads) : std::vector<float>()},
              {queries, keys, values}, execution_, mixed);
    return project(mixed, layer, "attn_output", p_.width, p_.attention_output_bias);
  }

  Matrix feed_forward(std::size_t layer, const Matrix& normed) const {
    const std::size_t inner = p_.layers[layer].feed_forward;
    const bool biased = p_.feed_forward_bias;
    Matrix gate;
    if (p_.fused_feed_forward) {
      const Matrix both = project(normed, layer, "ffn_up", 2 * inner, biased);
      gate = columns(both, 0, inner, options_.threads);
      activate_gated(gate.values(), columns(both, inner, inner, options_.threads).values(), p_.activation,
                     options_.threads);
    } else if (p_.gated) {
      gate = project(normed, layer, "ffn_gate", inner, biased);
      const Matrix up = project(normed, layer, "ffn_up", inner, biased);
      activate_gated(gate.values(), up.values(), p_.activation, options_.threads);
    } else {
      gate = project(normed, layer, "ffn_up", inner, biased);
      activate(gate.values(), p_.activation, options_.threads);
    }
    return project(gate, layer, "ffn_down", p_.width, biased);
  }

  const DecoderParameters& p_;
  const Weights& weights_;
  const TokenBatch& batch_;
  const ForwardOptions& options_;
  Execution execution_;
};

class Decoder final : public Model {
 public:
  explicit Decoder(DecoderParameters parameters) : p_(std::move(parameters)) {}

  std::size_t vocabulary_size() const override { return p_.vocabulary; }
  std::size_t context_length() const override { return p_.context_length; }
  std::size_t block_count() const override { return p_.layers.size(); }
  std::size_t width() const override { return p_.width; }

  std::vector<InputGroup> input_groups(std::size_t block) const override {
    check_block(block);
    return decoder_input_groups(p_, block);
  }

  std::optional<StreamEnds> stream_ends() const override {
    const bool norms_alone_read = p_.norm == NormKind::rms && p_.positions == Positions::rope && !p_.output_norms &&
                                  !p_.norm_after && !p_.embedding_norm && p_.embedding_width == 0;
    const bool biased = p_.attention_output_bias || p_.feed_forward_bias;  // added to the stream as they are
    if (!norms_alone_read || biased) return std::nullopt;
    return StreamEnds{embedding_name, "output_norm.weight", output_name, p_.tied_output};
  }

  Matrix embed(const Weights& weights, const TokenBatch& batch, const ForwardOptions& options) const override {
    return Pass(p_, weights, batch, options).embed_tokens();
  }

  void run_block(std::size_t block, const Weights& weights, const TokenBatch& batch, const ForwardOptions& options,
                 Matrix& stream) const override {
    check_block(block);
    Pass(p_, weights, batch, options).run_block(block, stream);
  }

  Matrix group_output(std::size_t block, std::size_t group, const Weights& weights, const TokenBatch& batch,
                      const ForwardOptions& options, const Matrix& input) const override {
    check_block(block);
    return Pass(p_, weights, batch, options).group_output(block, group, input);
  }

  void logits(const Weights& weights, const TokenBatch& batch, const ForwardOptions& options, const Matrix& stream,
              const LogitsSink& sink) const override {
    Pass(p_, weights, batch, options).project_to_vocabulary(stream, sink);
  }

 private:
  void check_block(std::size_t block) const {
    if (block >= block_count()) fail("block {} of a model of {} blocks", block, block_count());
  }

  DecoderParameters p_;
};

}  // namespace

std::unique_ptr<const Model> make_decoder(DecoderParameters parameters) {
  return std::make_unique<const Decoder>(std::move(parameters));
}

}  // namespace quantbench
