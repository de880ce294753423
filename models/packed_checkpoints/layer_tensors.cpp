#include "models/packed_checkpoints/layer_tensors.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>

#include "core/half.h"

namespace quantbench {
namespace {

template <class T>
T element(const CheckpointTensor& tensor, std::size_t index) {
  T value;
  std::memcpy(&value, tensor.bytes.data() + index * sizeof(T), sizeof(T));
  return value;
}

}  // namespace

StoredShape stored_shape(const CheckpointTensor& tensor) { return {tensor.dims.rbegin(), tensor.dims.rend()}; }

std::string to_text(const StoredShape& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

const CheckpointTensor* LayerTensors::find(std::string_view suffix,
                                           std::initializer_list<std::string_view> types) const {
  const CheckpointTensor* const tensor = checkpoint_.find(fmt::format("{}.{}", prefix_, suffix));
  if (tensor != nullptr && std::ranges::find(types, tensor->type_name) == types.end())
    fail_at(suffix, "type {}, expected {}", tensor->type_name, fmt::join(types, " or "));
  return tensor;
}

const CheckpointTensor& LayerTensors::at(std::string_view suffix, std::initializer_list<std::string_view> types) const {
  if (const CheckpointTensor* const tensor = find(suffix, types)) return *tensor;
  fail("{}: no tensor '{}.{}', which the other tensors of the layer need", checkpoint_.source(), prefix_, suffix);
}

void LayerTensors::check_shape(const CheckpointTensor& tensor, const StoredShape& expected,
                               std::string_view why) const {
  if (stored_shape(tensor) != expected)
    fail("{}: tensor '{}': shape {}, expected {} ({})", checkpoint_.source(), tensor.name,
         to_text(stored_shape(tensor)), to_text(expected), why);
}

StoredShape LayerTensors::matrix_shape(const CheckpointTensor& tensor) const {
  StoredShape shape = stored_shape(tensor);
  if (shape.size() != 2 || shape[0] == 0 || shape[1] == 0)
    fail("{}: tensor '{}': shape {}, expected a matrix", checkpoint_.source(), tensor.name, to_text(shape));
  return shape;
}

float float_at(const CheckpointTensor& tensor, std::size_t index) {
  if (tensor.type_name == "F16") return f16_to_f32(element<std::uint16_t>(tensor, index));
  if (tensor.type_name == "BF16") return bf16_to_f32(element<std::uint16_t>(tensor, index));
  return element<float>(tensor, index);
}

std::int64_t integer_at(const CheckpointTensor& tensor, std::size_t index) {
  if (tensor.type_name == "I8") return element<std::int8_t>(tensor, index);
  if (tensor.type_name == "I16") return element<std::int16_t>(tensor, index);
  if (tensor.type_name == "I32") return element<std::int32_t>(tensor, index);
  return element<std::int64_t>(tensor, index);
}

}  // namespace quantbench
