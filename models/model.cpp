#include "models/model.h"

#include "core/error.h"
#include "core/suggest.h"

namespace quantbench {

std::vector<std::string> Model::linear_layers() const {
  std::vector<std::string> names;
  for (std::size_t block = 0; block < block_count(); ++block) {
    for (const InputGroup& group : input_groups(block))
      names.insert(names.end(), group.layers.begin(), group.layers.end());
  }
  return names;
}

void Model::forward(const Weights& weights, const TokenBatch& batch, const ForwardOptions& options,
                    const LogitsSink& sink) const {
  Matrix stream = embed(weights, batch, options);
  if (stream.rows() == 0) return;
  for (std::size_t block = 0; block < block_count(); ++block) run_block(block, weights, batch, options, stream);
  if (sink || (options.observer && options.observe_output)) logits(weights, batch, options, stream, sink);
}

std::unique_ptr<const Model> load_model(const Checkpoint& checkpoint) {
  const std::string name = checkpoint.metadata().text("general.architecture");
  const auto& architectures = Registry<Architecture>::instance();
  if (!architectures.contains(name))
    fail("{}: unknown architecture '{}' (key general.architecture){}", checkpoint.source(), name,
         suggestion(name, architectures.names()));
  return architectures.at(name).load(checkpoint);
}

Weights weights_of(const Checkpoint& checkpoint) {
  Weights weights;
  for (const CheckpointTensor& tensor : checkpoint.tensors()) {
    if (tensor.format) weights.emplace(tensor.name, tensor.tensor());
  }
  return weights;
}

}  // namespace quantbench
