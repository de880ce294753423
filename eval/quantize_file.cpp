#include "eval/quantize_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "core/checked.h"
#include "eval/activations.h"
#include "eval/kv_cache.h"
#include "eval/model_quantizer.h"
#include "kernels/cpu/decode.h"
#include "models/checkpoints/gguf_writer.h"
#include "models/model_facts.h"
#include "models/tokenizers/hugging_face/tokenizer_directory.h"
#include "quantizers/formats/registry.h"
#include "quantizers/method_catalog.h"
#include "quantizers/quantize.h"
#include "quantizers/transforms/salient.h"

namespace quantbench {
namespace {

constexpr std::uint32_t quantization_version = 2;

/// general.file_type of a file of one format; readers take it as information only. The K-quants of one format count as
/// their "S" mixes. Source: the list of file types in the GGUF specification.
const std::map<std::string_view, std::uint32_t>& file_types_of_formats() {
  static const std::map<std::string_view, std::uint32_t> all = {
      {"f32", 0},      {"f16", 1},     {"q4_0", 2},   {"q4_1", 3},     {"q8_0", 7},    {"q5_0", 8},
      {"q5_1", 9},     {"q2_k", 10},   {"q3_k", 11},  {"q4_k", 14},    {"q5_k", 16},   {"q6_k", 18},
      {"iq2_xxs", 19}, {"iq2_xs", 20}, {"iq1_s", 24}, {"iq3_xxs", 23}, {"iq4_nl", 25}, {"iq3_s", 26},
      {"iq2_s", 28},   {"iq4_xs", 30}, {"iq1_m", 31}, {"bf16", 32},    {"tq1_0", 36},  {"tq2_0", 37}};
  return all;
}

std::optional<std::uint32_t> file_type_of(const std::string& target) {
  if (const auto mix = mix_of_target(target)) return find_mix(*mix)->file_type;
  const auto found = file_types_of_formats().find(target);
  return found == file_types_of_formats().end() ? std::nullopt : std::optional(found->second);
}

/// Experts lie behind each other in a tensor of three dimensions.
std::size_t matrices_of(const CheckpointTensor& tensor) { return tensor.dims.size() < 3 ? 1 : tensor.dims[2]; }

MatrixShape shape_of(const CheckpointTensor& tensor) { return {tensor.row_count(), tensor.row_length()}; }

void set_importance_keys(Metadata& metadata, const NamedImportance& importance) {
  const ImportanceMatrix& matrix = importance.matrix;
  metadata.set("quantize.imatrix.file", MetadataScalar(importance.name));
  if (!matrix.datasets.empty())
    metadata.set("quantize.imatrix.dataset", MetadataScalar(fmt::format("{}", fmt::join(matrix.datasets, ", "))));
  metadata.set("quantize.imatrix.entries_count", MetadataScalar(checked_cast<std::int32_t>(matrix.entries.size())));
  metadata.set("quantize.imatrix.chunks_count", MetadataScalar(checked_cast<std::int32_t>(matrix.chunk_count)));
}

}  // namespace

FileQuantizer::FileQuantizer(const Checkpoint& checkpoint, QuantizeFileOptions options)
    : checkpoint_(checkpoint),
      options_(std::move(options)),
      is_model_(checkpoint.metadata().contains("general.architecture") || checkpoint.config().has_value()) {
  check_method(options_.method);
  if (kv_cache_options(options_.method).any() || !activations_of(options_.method).empty())
    fail(
        "method '{}': activations, keys and values are quantized while a model is evaluated, not in its file; leave "
        "activations, kv_keys and kv_values out",
        to_string(options_.method));
  if (options_.importance && !wants_importance(options_.method))
    fail("method '{}' does not use importance; leave the importance matrix out", to_string(options_.method));
  std::optional<Allocation> allocation;
  if (!options_.method.solver.empty()) {
    allocation.emplace(options_.method, AllocationOptions{.model = model_facts(checkpoint),
                                                          .rules = options_.rules,
                                                          .importance = options_.importance.has_value() ||
                                                                        needs_calibration_text(options_.method),
                                                          .fallback = options_.fallback});
    warns_ = allocation->warns();
  } else if (!options_.rules.empty()) {
    fail("method '{}' converts every tensor alike and takes no rules", to_string(options_.method));
  }
  for (const CheckpointTensor& tensor : checkpoint.tensors())
    tensors_.push_back(plan(tensor, allocation ? &*allocation : nullptr));
  if (std::ranges::none_of(tensors_, [](const FileTensor& task) { return task.allocated.has_value(); }))
    fail("{} has no tensor to quantize with {}", checkpoint.source(), to_string(options_.method));
  read_tokenizer();
}

/// GGUF files carry their tokenizer. Where the directory's has no keys, or cannot be used, the weights still can.
void FileQuantizer::read_tokenizer() {
  if (!checkpoint_.config() || checkpoint_.metadata().contains("tokenizer.ggml.model")) return;
  const std::filesystem::path directory = checkpoint_.config()->parent_path();
  if (!has_tokenizer_files(directory)) {
    tokenizer_.note = "the GGUF file gets no tokenizer: the directory has none";
    return;
  }
  const CheckpointTensor* const embedding = checkpoint_.find("token_embd.weight");
  try {
    tokenizer_ = gguf_tokenizer(directory, embedding == nullptr ? 0 : embedding->row_count());
  } catch (const Error& error) {
    tokenizer_.note = fmt::format("the GGUF file gets no tokenizer: {}", error.what());
  }
}

bool FileQuantizer::holds_weights(const CheckpointTensor& tensor) const {
  const bool matrix =
      tensor.dims.size() == 2 || (tensor.dims.size() == 3 && tensor.name.find("_exps") != std::string::npos);
  return matrix && tensor.row_count() > 0 && tensor.row_length() > 0 && (!is_model_ || tensor.name.ends_with("weight"));
}

FileTensor FileQuantizer::plan(const CheckpointTensor& tensor, const Allocation* allocation) const {
  FileTensor task{&tensor, {}, nullptr};
  const MatrixShape shape = shape_of(tensor);
  if (allocation == nullptr) {
    const bool all = options_.method.target == "f32";
    if (tensor.format != nullptr && (all || tensor.dims.size() >= 2) && shape.rows > 0 && shape.cols > 0)
      task.allocated = AllocatedTensor{options_.method, find_format(options_.method.target), {}};
  } else if (holds_weights(tensor)) {
    task.allocated = allocation->of(tensor.name, shape);
  }
  if (task.allocated) {
    if (!tensor.format) (void)tensor.tensor();  // refused before anything is written
    task.stored = options_.dequantized ? find_format("f32") : task.allocated->format;
    if (options_.for_gguf && !task.stored->gguf_type)
      fail(
          "GGUF has no type for {}; with --dequantized the decoded weights are stored as f32 (to measure, not to save "
          "space)",
          task.stored->id);
    if (!options_.dequantized && kept_count(task.allocated->method, 1) > 0)
      fail(
          "method '{}' keeps columns in f16, for which GGUF has no type; with --dequantized the decoded weights are "
          "stored",
          to_string(task.allocated->method));
    return task;
  }
  const bool half = tensor.format && (tensor.format->id == "f16" || tensor.format->id == "bf16");
  if (half && tensor.dims.size() <= 1 && allocation != nullptr) task.stored = find_format("f32");
  if (options_.for_gguf && task.stored == nullptr && tensor.gguf_type == no_gguf_type)
    fail("{}: tensor {} has type {}, which GGUF cannot store", checkpoint_.source(), tensor.name, tensor.type_name);
  return task;
}

Metadata FileQuantizer::metadata() const {
  Metadata metadata = checkpoint_.metadata();
  for (const char* key : {"split.no", "split.count", "split.tensors.count", "general.file_type",
                          "general.quantization_version", "quantize.imatrix.file", "quantize.imatrix.dataset",
                          "quantize.imatrix.entries_count", "quantize.imatrix.chunks_count"})
    metadata.erase(key);
  for (const auto& [key, value] : checkpoint_.metadata().values())  // of the packed checkpoint that it was
    if (key.starts_with("quantization.")) metadata.erase(key);
  for (const auto& [key, value] : tokenizer_.entries) metadata.set(key, value);
  if (const auto type = file_type_of(options_.dequantized ? "f32" : options_.method.target))
    metadata.set("general.file_type", MetadataScalar(*type));
  metadata.set("general.quantization_version", MetadataScalar(quantization_version));
  if (options_.importance) set_importance_keys(metadata, *options_.importance);
  return metadata;
}

TensorData FileQuantizer::encode(const FileTensor& task, MatrixView weights, std::span<const float> mean_square) const {
  LayerCalibration calibration;
  calibration.mean_square = mean_square;
  return quantize_tensor(task.allocated->method, task.tensor->name, weights, calibration, options_.threads);
}

void FileQuantizer::use(TensorMap made, TensorMap outside) {
  for (FileTensor& task : tensors_) {
    const auto found = made.find(task.tensor->name);
    if (found == made.end()) continue;
    const auto& format = found->second.view().format;
    const bool keeps_columns = task.allocated && kept_count(task.allocated->method, 1) > 0;  // decoded
    if (task.allocated && !keeps_columns && task.allocated->format->id != format->id)
      fail("tensor '{}' was made as {}, and is to be stored as {}", task.tensor->name, format->id,
           task.allocated->format->id);
    if (!task.stored || !task.allocated) task.stored = format;
  }
  made_ = std::move(made);
  use_outside(std::move(outside));
}

void FileQuantizer::use_outside(TensorMap outside) {
  while (!outside.empty()) {
    auto entry = outside.extract(outside.begin());
    const Tensor& made = entry.mapped().view();
    const auto task = std::ranges::find(tensors_, made.name, [](const FileTensor& each) { return each.tensor->name; });
    if (task != tensors_.end() && task->allocated) {
      sources_.insert(std::move(entry));
      continue;
    }
    if (task == tensors_.end()) {
      added_.push_back({.name = made.name,
                        .dims = {made.cols, made.rows},
                        .gguf_type = *made.format->gguf_type,
                        .type_name = "F32",
                        .bytes = made.bytes,
                        .format = made.format});
      tensors_.push_back({&added_.back(), {}, made.format});
    } else {
      task->stored = made.format;
    }
    made_.insert(std::move(entry));
  }
}

void FileQuantizer::append_made(const FileTensor& task, const Tensor& made, GgufWriter& writer) const {
  task.tensor->release();
  if (made.format->id == task.stored->id) return writer.append(made.name, made.bytes);
  std::vector<float> values(made.weights());  // (rows, cols)
  decode_rows(made, 0, made.rows, values, options_.threads);
  writer.append(made.name, std::as_bytes(std::span(values)));
}

/// In f32: of the file, or as a transform outside of the blocks left it.
std::vector<float> FileQuantizer::source_values(const FileTensor& task) const {
  const auto changed = sources_.find(task.tensor->name);
  const Tensor source = changed == sources_.end() ? task.tensor->tensor() : changed->second.view();
  std::vector<float> values(source.weights());  // (rows, cols)
  decode_rows(source, 0, source.rows, values, options_.threads);
  task.tensor->release();
  return values;
}

const Tensor* FileQuantizer::made(std::string_view name) const {
  const auto found = made_.find(name);
  return found == made_.end() ? nullptr : &found->second.view();
}

ImportanceUse FileQuantizer::importance_use() const {
  return ImportanceUse(options_.importance ? &options_.importance->matrix : nullptr);
}

Tensor FileQuantizer::quantized(const FileTensor& task, ImportanceUse& importance) const {
  const std::string& name = task.tensor->name;
  if (const Tensor* const given = made(name)) return *given;
  if (matrices_of(*task.tensor) != 1) fail("tensor '{}' holds several matrices, expected one", name);
  const std::vector<float> values = source_values(task);
  const MatrixShape shape = shape_of(*task.tensor);
  const std::vector<float> mean_square = importance.of(name, {1, shape.cols}, task.allocated->format->id);
  return shared_tensor(encode(task, {values, shape.rows, shape.cols}, mean_square));
}

void FileQuantizer::append(const FileTensor& task, ImportanceUse& importance, GgufWriter& writer) const {
  if (const auto made = made_.find(task.tensor->name); made != made_.end())
    return append_made(task, made->second.view(), writer);
  std::vector<float> values = source_values(task);  // (rows, cols)
  const std::string& name = task.tensor->name;
  if (!task.allocated) return writer.append(name, std::as_bytes(std::span(values)));
  const std::size_t matrices = matrices_of(*task.tensor), cols = shape_of(*task.tensor).cols;
  const std::size_t rows = shape_of(*task.tensor).rows / matrices;
  const std::vector<float> mean_square = importance.of(name, {matrices, cols}, task.allocated->format->id);
  std::vector<std::byte> bytes;  // of several matrices
  for (std::size_t index = 0; index < matrices; ++index) {
    const auto part = std::span(values).subspan(index * rows * cols, rows * cols);
    const auto columns =
        mean_square.empty() ? std::span<const float>() : std::span(mean_square).subspan(index * cols, cols);
    const TensorData packed = encode(task, {part, rows, cols}, columns);
    if (options_.dequantized) {
      decode_rows(packed.view(), 0, rows, part, options_.threads);
    } else if (matrices == 1) {
      return writer.append(name, packed.view().bytes);
    } else {
      bytes.insert(bytes.end(), packed.view().bytes.begin(), packed.view().bytes.end());
    }
  }
  writer.append(name, options_.dequantized ? std::as_bytes(std::span(values)) : std::span(std::as_const(bytes)));
}

void FileQuantizer::write(const std::filesystem::path& out, const QuantizeProgress& progress) {
  std::vector<GgufTensorInfo> infos;
  std::uint64_t total = 0, done = 0;
  const auto weights_of = [](const FileTensor& task) { return task.tensor->row_count() * task.tensor->row_length(); };
  for (const FileTensor& task : tensors_) {
    infos.push_back(
        {task.tensor->name, task.tensor->dims, task.stored ? *task.stored->gguf_type : task.tensor->gguf_type});
    total = checked_add(total, weights_of(task));
  }
  GgufWriter writer(out, metadata(), infos);
  ImportanceUse importance = importance_use();
  for (const FileTensor& task : tensors_) {
    if (task.stored == nullptr) {
      writer.append(task.tensor->name, task.tensor->make ? task.tensor->tensor().bytes : task.tensor->bytes);
      task.tensor->release();
    } else {
      append(task, importance, writer);
    }
    done += weights_of(task);
    if (progress) progress(done, total, task.tensor->name);
  }
  writer.commit();
  importance_notes_ = importance.notes();
}

std::vector<std::string> FileQuantizer::notes() const {
  std::vector<std::string> notes = importance_notes_;
  if (!tokenizer_.note.empty()) notes.push_back(tokenizer_.note);
  for (const FileTensor& task : tensors_)
    if (task.allocated && task.allocated->other_solver)
      notes.push_back(fmt::format("{}: {}, because the method's solver is for the linear layers", task.tensor->name,
                                  to_string(task.allocated->method)));
  for (const CheckpointTensor& tensor : added_)
    notes.push_back(
        fmt::format("{}: added in f32, because a rotation leaves it no longer tied to the embedding", tensor.name));
  if (!warns_) return notes;
  for (const FileTensor& task : tensors_)
    if (task.allocated && !task.allocated->fallback.empty())
      notes.push_back(fmt::format("{}: {}", task.tensor->name, task.allocated->fallback));
  return notes;
}

}  // namespace quantbench
