#include "models/model.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/suggest.h"
#include "quantizers/allocation/tensor_role.h"

namespace quantbench {
namespace {

template <class Body>
void for_each_of_block(const Weights& weights, std::size_t block, const Body& body) {
  const std::string prefix = fmt::format("blk.{}.", block);
  for (auto found = weights.lower_bound(prefix); found != weights.end() && found->first.starts_with(prefix); ++found)
    body(found->first, found->second);
}

}  // namespace

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
    if (tensor.format) weights.emplace(tensor.name, tensor.unloaded_tensor());
  }
  return weights;
}

Weights loaded_block(const Weights& weights, std::size_t block) {
  Weights of_block;
  for_each_of_block(weights, block, [&](const std::string& name, const Tensor& tensor) {
    of_block.emplace_hint(of_block.end(), name, loaded(tensor));
  });
  return of_block;
}

void release_block(const Weights& weights, std::size_t block) {
  for_each_of_block(weights, block, [](const std::string&, const Tensor& tensor) { release(tensor); });
}

void release_outside(const Weights& weights) {
  for (const auto& [name, tensor] : weights)
    if (!layer_of(name)) release(tensor);
}

}  // namespace quantbench
