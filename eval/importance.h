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

}  // namespace quantbench
