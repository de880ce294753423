// Model: hyper-parameters, weights of any format, and the forward pass from tokens to logits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/matmul/matmul_f32.h"
#include "core/registry.h"
#include "core/tensor.h"
#include "models/architectures/blocks/linear.h"
#include "models/architectures/blocks/matrix.h"
#include "models/checkpoints/checkpoint.h"

namespace quantbench {

/// Several windows of equal length, evaluated independently of each other. tokens: (windows, length); what works on a
/// residual stream reads only the counts.
struct TokenBatch {
  std::span<const std::int32_t> tokens;
  std::size_t windows = 0;
  std::size_t length = 0;
};

/// Called with the name of a linear layer's weight tensor and its input, (tokens of the batch, inputs), in model order:
/// once for each name in Model::linear_layers() per forward call. With ForwardOptions::observe_output then also for the
/// output projection, with the positions in blocks, in order.
using LayerObserver = std::function<void(std::string_view weight_name, MatrixView input)>;

/// Where keys and values lie: (windows * length, kv_heads * head_size) each.
struct CacheShape {
  std::size_t windows = 0;
  std::size_t length = 0;  // positions per window
  std::size_t kv_heads = 0;
  std::size_t head_size = 0;
};

/// Called in every block with the keys (after their rotation by position) and values before attention reads them. It may
/// change them, as a cache that stores fewer bits would.
using CacheHook = std::function<void(const CacheShape& shape, Matrix& keys, Matrix& values)>;

/// Called for every product with a weight matrix, the output projection included, with the weight's name, the windows that the
/// rows of the input belong to (equally many rows each) and the input (rows, inputs). It may change the input for this product
/// alone, as integer kernels would. Observers see the input unchanged.
using InputHook = std::function<void(std::string_view weight_name, std::size_t windows, Matrix& input)>;

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
  Compute compute = Compute::exact;    // of products with weight matrices
  WeightProducts* products = nullptr;  // what computes these instead of the CPU
  LayerObserver observer{};            // may be empty
  bool observe_output = false;
  CacheHook cache{};  // may be empty
  InputHook input{};  // may be empty
};

/// The weights of a model by tensor name. Replacing entries is how a quantized model is made.
using Weights = std::map<std::string, Tensor, std::less<>>;

/// What computes the input of some linear layers.
enum class ProducerKind {
  norm,    // column j is proportional to weight j of a normalization
  linear,  // column j is linear in one output of a linear layer
};

/// Linear layers of a block that read one and the same input.
///
/// Where `scalable`, the input can be rescaled without changing what the model computes: with any s[j] > 0 that is equal
/// for columns of equal producer_rows, multiply column j of every layer's weights by s[j] and divide by it the producer's
/// weight j (norm) or row producer_rows[j] (linear; each row once), and the same entry of its bias.
struct InputGroup {
  std::vector<std::string> layers;  // names of the weights, in order of execution
  std::string producer;             // name of the weights
  std::string producer_bias;        // name of its bias; empty: none
  ProducerKind kind = ProducerKind::norm;
  std::vector<std::size_t> producer_rows;  // (cols) the producer's row or norm weight that makes each column
  std::size_t repeats = 1;                 // columns of equal producer_rows: query heads that share a value head
  bool scalable = false;
  /// Of a linear producer: the input is linear in its outputs, with equal coefficients within a run of this many columns and of
  /// the producer_rows behind them (a head). So with any orthogonal Q of that size the model computes the same when Q multiplies
  /// each run of columns of the layers from the right, and Q' each run of rows of the producer from the left. 1: not so.
  std::size_t mixable = 1;
  bool adds_to_stream = false;  // all that becomes of the layers' outputs: they are added to the residual stream
};

/// What stands before the first block and after the last.
struct StreamEnds {
  std::string embedding;  // (vocabulary, width): its rows enter the residual stream
  std::string norm;       // before the output projection
  std::string output;     // (vocabulary, width)
  bool tied_output =
      false;  // the weights have no `output`, the embedding serves; but where they have, `output` is read
};

/// The forward pass is embed, run_block for every block in order, and logits. Whatever computes: each number comes from
/// the same operations in the same order for any number of threads and however windows are grouped into batches; memory
/// grows with the tokens of the batch; and an Error is thrown for a weight that is missing or has not the shape that the
/// model was built with, and for a batch, stream or input whose shape does not fit.
class Model {
 public:
  virtual ~Model() = default;
  virtual std::size_t vocabulary_size() const = 0;
  virtual std::size_t context_length() const = 0;
  virtual std::size_t block_count() const = 0;
  /// Columns of the residual stream.
  virtual std::size_t width() const = 0;

  /// In order of execution; block < block_count().
  virtual std::vector<InputGroup> input_groups(std::size_t block) const = 0;
  /// Of models whose residual stream can be rotated: the stream is read by norms alone that see only its length and direction
  /// (RMSNorm), so that with any orthogonal Q and norms of equal weights the model computes the same when Q multiplies from the
  /// right the embedding, the layers after norms and the output projection, and Q' from the left the layers that add to the
  /// stream. Nothing: the model cannot be rotated.
  virtual std::optional<StreamEnds> stream_ends() const { return std::nullopt; }
  /// Names of the weights of the linear layers in model order: what quantizers act on. Embeddings, norms and the output
  /// projection are not, as in the papers that the figures are compared with.
  std::vector<std::string> linear_layers() const;

  /// The residual stream before the first block: (tokens, width). Throws Error for a token id out of range.
  virtual Matrix embed(const Weights& weights, const TokenBatch& batch, const ForwardOptions& options) const = 0;
  /// Replaces the residual stream (tokens, width) before the block by the one after it.
  virtual void run_block(std::size_t block, const Weights& weights, const TokenBatch& batch,
                         const ForwardOptions& options, Matrix& stream) const = 0;
  /// What the module computes that the layers of input_groups(block)[group] belong to, from their input (tokens, cols):
  /// for queries, keys and values the attention with its output projection, for gate and up the feed-forward network with
  /// its down projection, for a layer that has its input alone its own output. Without the residual connection.
  virtual Matrix group_output(std::size_t block, std::size_t group, const Weights& weights, const TokenBatch& batch,
                              const ForwardOptions& options, const Matrix& input) const = 0;
  /// The logits of the residual stream after the last block. `sink` may be empty when only the observer is wanted.
  virtual void logits(const Weights& weights, const TokenBatch& batch, const ForwardOptions& options,
                      const Matrix& stream, const LogitsSink& sink) const = 0;

  void forward(const Weights& weights, const TokenBatch& batch, const ForwardOptions& options,
               const LogitsSink& sink) const;
};

/// Builds the model that `general.architecture` names; checks every tensor's presence and shape. Throws Error.
std::unique_ptr<const Model> load_model(const Checkpoint& checkpoint);
/// All tensors of the checkpoint that can be decoded; those that have to be made are not made yet.
Weights weights_of(const Checkpoint& checkpoint);
/// The tensors of a block ("blk.<block>."), in memory for as long as the result lives.
Weights loaded_block(const Weights& weights, std::size_t block);
/// Say that the tensors of a block, or those of none (embedding, last norm, output projection), are not needed for now.
void release_block(const Weights& weights, std::size_t block);
void release_outside(const Weights& weights);

/// Registered by each architecture file: the value of `general.architecture` -> how to build it.
struct Architecture {
  static constexpr const char* kind = "architecture";
  std::function<std::unique_ptr<const Model>(const Checkpoint&)> load;
};

}  // namespace quantbench
