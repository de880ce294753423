#include "eval/runner/experiment.h"

#include "core/hash.h"
#include "datasets/dataset_loader.h"
#include "eval/embedded.h"
#include "models/hugging_face/open_model.h"
#include "models/importance/imatrix_file.h"

namespace quantbench {
namespace {

/// config.json is a part of the model: it holds hyper-parameters.
std::string hash_of_files(const Checkpoint& checkpoint) {
  std::vector<std::filesystem::path> files = checkpoint.files();
  if (checkpoint.config()) files.push_back(*checkpoint.config());
  if (files.size() == 1) return sha256_of_file(files[0]);
  Sha256 hash;
  for (const auto& file : files) hash.update(sha256_of_file(file) + "\n");
  return hash.hex();
}

std::string key_of(const LoadedModel& model) {
  return fmt::format("model={}\ntokenizer={}\n", model.sha256, model.tokenizer->sha256());
}

std::string key_of(const LoadedText& text) {
  return fmt::format("text={}\nprotocol={}\nwindows={}\n", text.sha256, text.protocol.name, text.windows.count);
}

}  // namespace

std::string Experiment::text_key() const { return model && evaluation ? key_of(*model) + key_of(*evaluation) : ""; }

std::string Experiment::calibration_key() const {
  return model && calibration ? "calibration\n" + key_of(*model) + key_of(*calibration) : "";
}

std::string Experiment::importance_name() const {
  if (importance) return importance->name;
  return calibration ? calibration->name : "";
}

FileReference file_reference(const std::string& name) {
  return {is_embedded(name) ? name : std::filesystem::path(name).filename().string(), name};
}

LoadedModel load_model_file(const FileReference& reference) {
  LoadedModel loaded;
  loaded.checkpoint = std::make_shared<const Checkpoint>(open_model(model_path(reference.location)));
  const Checkpoint& checkpoint = *loaded.checkpoint;
  loaded.name = reference.name;
  loaded.sha256 = hash_of_files(checkpoint);
  loaded.model = load_model(checkpoint);
  loaded.tokenizer = load_tokenizer(checkpoint);
  loaded.weights = weights_of(checkpoint);
  for (const auto& [name, tensor] : loaded.weights) loaded.parameters += tensor.weights();
  for (const std::string& name : loaded.model->linear_layers()) {
    const auto found = loaded.weights.find(name);
    if (found == loaded.weights.end()) fail("{}: no weights for the linear layer {}", reference.location, name);
    loaded.linear_layers.push_back(found->second);
  }
  return loaded;
}

FileReference text_reference(const std::string& name) {
  if (is_embedded(name)) return {name, name};
  const DatasetName parts = parse_dataset_name(name);
  return {to_string({parts.loader, std::filesystem::path(parts.path).filename().string()}), name};
}

LoadedText load_windows(const DatasetConfig& dataset, const LoadedModel& model) {
  const DatasetName name = parse_dataset_name(dataset.text.location);
  const DatasetLoader& loader = Registry<DatasetLoader>::instance().at(name.loader);
  const Protocol& protocol = dataset.protocol;
  if (loader.cuts_windows && protocol.bos_in_each_window)
    fail("{}: the loader {} cuts windows itself, BOS included; protocol {} would overwrite tokens, use gptq-{}",
         dataset.text.name, name.loader, protocol.name, protocol.window);
  const TextEncoder encoder{[&](std::string_view text) { return model.tokenizer->encode(text); },
                            model.tokenizer->leading_bos()};
  const DatasetTokens loaded = loader.load({text_path(name.path), protocol.window, encoder});
  const auto bos = loader.cuts_windows ? std::nullopt : encoder.leading_bos;
  return {.name = dataset.text.name,
          .sha256 = loaded.sha256,
          .tokens = loaded.tokens.size(),
          .protocol = protocol,
          .windows = cut_windows(loaded.tokens, protocol, bos, dataset.chunks),
          .loader = name.loader == "text" ? "" : name.loader,
          .cuts_windows = loader.cuts_windows};
}

LoadedImportance load_importance(const FileReference& file, const LoadedModel& model) {
  LoadedImportance loaded{file.name, sha256_of_file(file.location), read_importance_matrix(file.location)};
  std::size_t known = 0;
  for (const Tensor& layer : model.linear_layers) {
    try {
      if (!importance_of(loaded.matrix, layer.name, {1, layer.cols}).mean_square.empty()) ++known;
    } catch (const Error& error) {
      fail("{}: {}", file.location, error.what());
    }
  }
  if (known == 0)
    fail("{}: the importance matrix has no entry for any linear layer of {}; it belongs to another model",
         file.location, model.name);
  return loaded;
}

Experiment load_experiment(const Config& config) {
  Experiment experiment;
  if (!config.model) return experiment;
  experiment.model = load_model_file(*config.model);
  for (const auto& dataset : {config.dataset, config.calibration})
    if (dataset && dataset->protocol.window > experiment.model->model->context_length())
      fail("{}: windows of {} tokens are longer than the model's context of {}", experiment.model->name,
           dataset->protocol.window, experiment.model->model->context_length());
  if (config.dataset) experiment.evaluation = load_windows(*config.dataset, *experiment.model);
  if (config.calibration) experiment.calibration = load_windows(*config.calibration, *experiment.model);
  if (config.imatrix) experiment.importance = load_importance(*config.imatrix, *experiment.model);
  return experiment;
}

}  // namespace quantbench
