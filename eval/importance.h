// Importance matrices from a model and a text.
#pragma once

#include <string>

#include "eval/calibration.h"
#include "eval/runner/experiment.h"
#include "models/importance/importance_matrix.h"

namespace quantbench {

/// The statistics of `windows` as an importance matrix. `dataset` names the text.
ImportanceMatrix importance_matrix(const Calibration& calibration, const std::string& dataset, const Windows& windows);

/// The text cut as llama.cpp's imatrix tool cuts it: chunks as in the protocol llamacpp-N, the first token of each BOS where
/// the vocabulary asks for it. `context` is N (0: 512, or the model's context where that is shorter), `chunks` how many
/// from the start of the text (0: all). Throws Error.
LoadedText load_importance_text(const LoadedModel& model, const FileReference& text, std::size_t context,
                                std::size_t chunks);

/// Runs the model over all positions of all chunks. Throws Error.
ImportanceMatrix collect_importance(const LoadedModel& model, const LoadedText& text,
                                    const CalibrationOptions& options);

/// Hands out the importance of the tensors of one quantized model, and remembers what is to be told about it.
class ImportanceUse {
 public:
  /// `matrix` outlives the object; null: nothing is weighted.
  explicit ImportanceUse(const ImportanceMatrix* matrix) : matrix_(matrix) {}

  /// (matrices, cols) mean x^2, empty when every column counts the same. Throws Error for an entry of the wrong size, and
  /// when a linear layer is to be stored in a format that needs importance (requires_importance) and has no entry.
  std::vector<float> of(const std::string& tensor, TensorColumns shape, const std::string& format_id);

  /// One line each: entries that are zero, and which tensors had no entry.
  std::vector<std::string> notes() const;

 private:
  const ImportanceMatrix* matrix_;
  std::vector<std::string> notes_, missing_;
};

}  // namespace quantbench
