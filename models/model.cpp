#include "models/model.h"

#include "core/error.h"
#include "core/suggest.h"

namespace quantbench {

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
