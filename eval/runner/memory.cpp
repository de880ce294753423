#include "eval/runner/memory.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "eval/forward_windows.h"
#include "quantizers/allocation/tensor_role.h"
#include "quantizers/transforms/quantize_transformed.h"

namespace quantbench {
namespace {

/// The program with its libraries and tables, and the buffers of threads: measured on a model of a few kilobytes.
constexpr std::uint64_t program_bytes = std::uint64_t{32} << 20;
/// Of a token in the metadata, in the tokenizer and in its lookup tables.
constexpr std::uint64_t bytes_of_token = 400;
/// Of a block of logits that a model hands out (Model::logits), at most; one row where that is larger.
constexpr std::uint64_t logits_block_bytes = std::uint64_t{16} << 20;

using Names = std::set<std::string, std::less<>>;

std::uint64_t bytes_of(const Tensor& tensor) { return tensor.format->tensor_bytes(tensor.rows, tensor.cols); }

/// TensorData lies in pages of 2 MiB from two of them on (core/large_pages.h).
std::uint64_t with_whole_pages(std::uint64_t bytes) {
  constexpr std::uint64_t page = std::uint64_t{2} << 20;
  return bytes < 2 * page ? bytes : (bytes + page - 1) / page * page;
}

/// Tensors that the cell makes and holds.
struct Made {
  Names names;
  std::uint64_t bytes = 0, largest = 0;  // of the largest: in f32 beside the original
};

Made made_by(const PlannedCell& cell) {
  Made made;
  for (const TensorTask& task : cell.allocation.tasks) {
    if (keeps_original(task)) continue;
    const Tensor& original = task.original;
    made.names.insert(original.name);
    made.bytes += with_whole_pages(stored_bytes(task.allocated.method, original.rows, original.cols));
    made.largest = std::max(made.largest, original.weights() * sizeof(float) + bytes_of(original));
  }
  return made;
}

/// Of the model's own tensors that are in memory at a time: the largest block, and all that belongs to none. Those of `without`
/// are not read.
std::uint64_t model_bytes(const LoadedModel& model, const Names& without) {
  std::map<std::optional<std::size_t>, std::uint64_t> blocks;  // of no block: outside
  for (const auto& [name, tensor] : model.weights)
    if (!without.contains(name)) blocks[layer_of(name)] += bytes_of(tensor);
  const std::uint64_t outside = std::exchange(blocks[std::nullopt], 0);
  std::uint64_t largest = 0;
  for (const auto& [block, bytes] : blocks) largest = std::max(largest, bytes);
  return outside + largest;
}

std::uint64_t largest_width(const LoadedModel& model) {
  std::size_t widest = model.model->width();
  for (const Tensor& layer : model.linear_layers) widest = std::max({widest, layer.rows, layer.cols});
  return widest;
}

/// Between the layers of a block, and before the logits: at most six matrices of the model's width, or three of that and two of
/// the feed-forward network's.
std::uint64_t activation_bytes(const LoadedModel& model, const Windows& windows) {
  const std::uint64_t tokens =
      std::min<std::uint64_t>(std::max(tokens_per_batch, windows.length), windows.count * windows.length);
  const std::uint64_t width = model.model->width();
  return tokens * sizeof(float) * std::max(6 * width, 3 * width + 2 * largest_width(model));
}

/// Blocks of the model's logits and of the base's.
std::uint64_t logits_bytes(const LoadedModel& model, const Windows& windows) {
  const std::uint64_t row = model.model->vocabulary_size() * sizeof(float);
  return 2 * std::clamp(windows.length * row, row, std::max(row, logits_block_bytes));
}

std::uint64_t evaluating_bytes(const MemoryTask& task, const Made& made) {
  if (!task.experiment.evaluation) return 0;
  const LoadedModel& model = *task.experiment.model;
  const Windows& windows = task.experiment.evaluation->windows;
  return made.bytes + model_bytes(model, made.names) + stream_bytes(*model.model, windows) +
         activation_bytes(model, windows) + logits_bytes(model, windows);
}

/// One tensor in f32 beside all that are quantized already.
std::uint64_t quantizing_bytes(const MemoryTask& task, const Made& made) {
  const std::uint64_t alone = made.bytes + made.largest;
  if (!task.cell.blockwise || !task.experiment.calibration) return alone;
  const LoadedModel& model = *task.experiment.model;
  const std::uint64_t solver = 2 * made.largest;  // of GPTQ: changed weights and errors of a layer
  return std::max(alone, solver + task.cell.blockwise->total() + model_bytes(model, {}) +
                             activation_bytes(model, task.experiment.calibration->windows));
}

}  // namespace

std::uint64_t predicted_peak_bytes(const MemoryTask& task) {
  const std::uint64_t vocabulary = bytes_of_token * task.experiment.model->model->vocabulary_size();
  const Made made = made_by(task.cell);
  return program_bytes + vocabulary + std::max(quantizing_bytes(task, made), evaluating_bytes(task, made));
}

}  // namespace quantbench
