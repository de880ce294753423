// Quantizing a checkpoint file into a GGUF file, tensor by tensor.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eval/importance.h"
#include "models/checkpoints/checkpoint.h"
#include "models/checkpoints/gguf_writer.h"
#include "models/importance/importance_matrix.h"
#include "models/tokenizers/hugging_face/gguf_tokenizer.h"
#include "quantizers/allocation/allocation.h"

namespace quantbench {

/// An importance matrix and how its source is named in the file's metadata.
struct NamedImportance {
  std::string name;
  ImportanceMatrix matrix;
};

struct QuantizeFileOptions {
  Method method;
  std::vector<TensorRule> rules;
  Fallback fallback = Fallback::by_method;
  std::optional<NamedImportance> importance;
  bool dequantized = false;  // store the decoded weights as f32
  bool for_gguf = true;      // false: formats that GGUF lacks will do, as `quantized` takes the place of `write`
  int threads = 1;
};

/// Called after each tensor with the weights done and their total.
using QuantizeProgress = std::function<void(std::uint64_t done, std::uint64_t total, std::string_view tensor)>;

/// What becomes of one tensor of the file.
struct FileTensor {
  const CheckpointTensor* tensor = nullptr;
  std::optional<AllocatedTensor> allocated;  // empty: not quantized
  std::shared_ptr<const Format> stored;      // null: its bytes are copied
};

/// Everything that can be refused is refused by the constructor, before any work. Metadata and tokenizer are carried over;
/// general.file_type, general.quantization_version and, with importance, quantize.imatrix.* are set; the tokenizer of a Hugging
/// Face directory becomes tokenizer.ggml.* (gguf_tokenizer), or a note says why not.
///
/// Methods without a solver convert: f32 every tensor that can be decoded, f16 and bf16 every tensor of two or more
/// dimensions. Others quantize what Allocation says; vectors of f16 or bf16 become f32, as runtimes expect; all else is
/// copied. In a file that is a model (it names an architecture or has a config.json) only matrices `*.weight` are weights;
/// in any other file every matrix is.
class FileQuantizer {
 public:
  /// `checkpoint` outlives the object. Throws Error.
  FileQuantizer(const Checkpoint& checkpoint, QuantizeFileOptions options);

  using TensorMap = std::map<std::string, TensorData, std::less<>>;
  /// Tensors that quantize_blockwise has made, by name: `write` stores them as they are instead of quantizing those of the
  /// file; decoded with options.dequantized. `outside` (BlockwiseResult) takes the place of the file's tensors: quantized where
  /// those would be, else stored in f32; what the file does not have is added at its end. Throws Error where a format is not the
  /// one that was planned, or GGUF has none.
  void use(TensorMap made, TensorMap outside = {});

  /// One tensor at a time is in memory, decoded to f32 and encoded, beside those given to `use`. The file appears whole.
  /// Throws Error.
  void write(const std::filesystem::path& out, const QuantizeProgress& progress);

  /// What `write` would store of a quantized matrix. Throws Error.
  Tensor quantized(const FileTensor& task, ImportanceUse& importance) const;
  /// What was given to `use` under this name, and is stored as it is; else null.
  const Tensor* made(std::string_view name) const;
  /// Of options.importance.
  ImportanceUse importance_use() const;

  const std::vector<FileTensor>& tensors() const { return tensors_; }
  /// Substitutes that are to be told, and what there is to know about importance after `write`.
  std::vector<std::string> notes() const;

 private:
  FileTensor plan(const CheckpointTensor& tensor, const Allocation* allocation) const;
  bool holds_weights(const CheckpointTensor& tensor) const;
  Metadata metadata() const;
  void read_tokenizer();
  void use_outside(TensorMap outside);
  std::vector<float> source_values(const FileTensor& task) const;
  TensorData encode(const FileTensor& task, MatrixView weights, std::span<const float> mean_square) const;
  void append_made(const FileTensor& task, const Tensor& made, GgufWriter& writer) const;
  void append(const FileTensor& task, ImportanceUse& importance, GgufWriter& writer) const;

  const Checkpoint& checkpoint_;
  QuantizeFileOptions options_;
  bool is_model_ = false;
  bool warns_ = false;
  std::vector<FileTensor> tensors_;
  TensorMap made_;                      // stored as they are
  TensorMap sources_;                   // instead of the file's
  std::deque<CheckpointTensor> added_;  // not in the file
  std::vector<std::string> importance_notes_;
  GgufTokenizer tokenizer_;
};

}  // namespace quantbench
