// What all cells of a run share: the model, the evaluation windows and the calibration windows, loaded once and hashed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "datasets/windows.h"
#include "eval/config/config.h"
#include "models/importance/importance_matrix.h"
#include "models/model.h"
#include "models/tokenizers/tokenizer.h"

namespace quantbench {

struct LoadedModel {
  std::shared_ptr<const Checkpoint> checkpoint;  // keeps the bytes of the weights
  std::string name;
  std::string sha256;  // of the file; of several files: of their hashes in order
  std::uint64_t parameters = 0;
  std::unique_ptr<const Model> model;
  std::unique_ptr<const Tokenizer> tokenizer;
  Weights weights;
  std::vector<Tensor> linear_layers;  // in model order: what quantizers act on
};

struct LoadedText {
  std::string name;
  std::string sha256;
  std::size_t tokens = 0;
  Protocol protocol;
  Windows windows;
  std::string loader = {};    // empty: a text file as it is
  bool cuts_windows = false;  // by the loader, which puts BOS where the published recipe has it
};

/// An importance matrix from a file.
struct LoadedImportance {
  std::string name;
  std::string sha256;
  ImportanceMatrix matrix;
};

struct Experiment {
  std::optional<LoadedModel> model;
  std::optional<LoadedText> evaluation;
  std::optional<LoadedText> calibration;
  std::optional<LoadedImportance> importance;  // goes before the calibration as what encoders weight by

  /// One line each for all that determines predictions of the unquantized model: model, text, tokenizer, protocol,
  /// windows.
  std::string text_key() const;
  /// The same for the calibration statistics. Empty without calibration.
  std::string calibration_key() const;
  /// What encoders weight by: the file or the calibration text. Empty: nothing.
  std::string importance_name() const;
};

/// A model named on the command line.
FileReference file_reference(const std::string& name);
/// A text named on the command line, which may have a loader in front (dataset_loader.h).
FileReference text_reference(const std::string& name);

/// Throws Error.
LoadedModel load_model_file(const FileReference& reference);
LoadedText load_windows(const DatasetConfig& dataset, const LoadedModel& model);
/// Throws Error also when the matrix has an entry of another size than the model's tensor, or none of the model's layers.
LoadedImportance load_importance(const FileReference& file, const LoadedModel& model);
Experiment load_experiment(const Config& config);

}  // namespace quantbench
