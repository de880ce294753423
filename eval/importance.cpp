#include "eval/importance.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "core/checked.h"
#include "core/error.h"
#include "datasets/dataset_loader.h"
#include "quantizers/allocation/tensor_role.h"

namespace quantbench {

ImportanceMatrix importance_matrix(const Calibration& calibration, const std::string& dataset, const Windows& windows) {
  ImportanceMatrix matrix;
  matrix.datasets = {dataset};
  matrix.chunk_count = checked_cast<std::uint32_t>(windows.count, "chunks");
  matrix.chunk_size = checked_cast<std::uint32_t>(windows.length, "tokens of a chunk");
  for (const auto& [name, layer] : calibration) {
    ImportanceEntry& entry = matrix.entries[name];
    entry.counts = {static_cast<float>(layer.tokens)};
    for (const float mean : layer.mean_square)
      entry.sums_of_squares.push_back(
          static_cast<float>(static_cast<double>(mean) * static_cast<double>(layer.tokens)));
  }
  return matrix;
}

LoadedText load_importance_text(const LoadedModel& model, const FileReference& text, std::size_t context,
                                std::size_t chunks) {
  constexpr std::size_t usual_context = 512;
  const std::size_t longest = model.model->context_length();
  if (context > longest)
    fail("{}: chunks of {} tokens are longer than the model's context of {}", model.name, context, longest);
  const std::size_t window = context == 0 ? std::min(usual_context, longest) : context;
  const DatasetName name = parse_dataset_name(text.location);
  const bool cut = Registry<DatasetLoader>::instance().at(name.loader).cuts_windows;
  return load_windows({text, parse_protocol(cut ? "gptq" : "llamacpp", window), chunks}, model);
}

ImportanceMatrix collect_importance(const LoadedModel& model, const LoadedText& text,
                                    const CalibrationOptions& options) {
  return importance_matrix(collect_calibration(*model.model, model.weights, text.windows, options), text.name,
                           text.windows);
}

std::vector<float> ImportanceUse::of(const std::string& tensor, TensorColumns shape, const std::string& format_id) {
  if (matrix_ == nullptr) return {};
  TensorImportance importance = importance_of(*matrix_, tensor, shape);
  if (!importance.note.empty()) notes_.push_back(importance.note);
  if (importance.mean_square.empty()) {
    if (requires_importance(format_id) && is_linear(role_of(tensor)))
      fail("tensor '{}': {} needs importance, and the importance matrix has no entry for the tensor", tensor,
           format_id);
    missing_.push_back(tensor);
  }
  return std::move(importance.mean_square);
}

std::vector<std::string> ImportanceUse::notes() const {
  std::vector<std::string> notes = notes_;
  if (!missing_.empty())
    notes.push_back(
        fmt::format("not in the importance matrix, so every column counts the same: {}", fmt::join(missing_, ", ")));
  return notes;
}

}  // namespace quantbench
