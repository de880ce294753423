#include "models/model_facts.h"

#include <algorithm>

#include "core/error.h"
#include "quantizers/allocation/tensor_role.h"

namespace quantbench {
namespace {

/// The number, or that of the first layer where there is one for each; 0 when the key is absent.
std::size_t first_number(const Metadata& metadata, const std::string& key) {
  const auto found = metadata.values().find(key);
  if (found == metadata.values().end()) return 0;
  if (std::holds_alternative<MetadataScalar>(found->second)) return metadata.unsigned_integer(key);
  const std::vector<std::int64_t> numbers = metadata.integers(key);
  return numbers.empty() ? 0 : static_cast<std::size_t>(std::max<std::int64_t>(numbers.front(), 0));
}

std::size_t layers_by_name(const Checkpoint& checkpoint) {
  std::size_t layers = 0;
  for (const CheckpointTensor& tensor : checkpoint.tensors())
    if (const auto layer = layer_of(tensor.name)) layers = std::max(layers, *layer + 1);
  return layers;
}

const CheckpointTensor* first_of(const Checkpoint& checkpoint, TensorRole role) {
  const auto& tensors = checkpoint.tensors();
  const auto found =
      std::ranges::find_if(tensors, [role](const CheckpointTensor& tensor) { return role_of(tensor.name) == role; });
  return found == tensors.end() ? nullptr : &*found;
}

std::size_t heads_ratio_by_shape(const Checkpoint& checkpoint) {
  const CheckpointTensor* query = first_of(checkpoint, TensorRole::attn_q);
  const CheckpointTensor* key = first_of(checkpoint, TensorRole::attn_k);
  if (query == nullptr || key == nullptr || key->row_count() == 0) return 1;
  return std::max<std::size_t>(query->row_count() / key->row_count(), 1);
}

std::size_t heads_ratio(const Checkpoint& checkpoint, const std::string& prefix) {
  const std::size_t heads = first_number(checkpoint.metadata(), prefix + "attention.head_count");
  const std::size_t kv_heads = first_number(checkpoint.metadata(), prefix + "attention.head_count_kv");
  if (heads == 0) return heads_ratio_by_shape(checkpoint);
  return kv_heads == 0 ? 1 : std::max<std::size_t>(heads / kv_heads, 1);  // absent: as many as query heads
}

}  // namespace

ModelFacts model_facts(const Checkpoint& checkpoint) {
  const Metadata& metadata = checkpoint.metadata();
  ModelFacts facts;
  if (metadata.contains("general.architecture")) facts.architecture = metadata.text("general.architecture");
  const std::string prefix = facts.architecture + ".";
  facts.layers = first_number(metadata, prefix + "block_count");
  if (facts.layers == 0) facts.layers = layers_by_name(checkpoint);
  facts.query_heads_per_kv_head = heads_ratio(checkpoint, prefix);
  facts.experts = first_number(metadata, prefix + "expert_count");
  facts.tied_output = first_of(checkpoint, TensorRole::output) == nullptr;
  return facts;
}

}  // namespace quantbench
