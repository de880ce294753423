// For tests: checkpoints in memory, as if read from a safetensors file, and layers with random parts.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/half.h"
#include "models/checkpoints/safetensors_types.h"
#include "models/packed_checkpoints/stored_tensor.h"
#include "quantizers/formats/integer_rows.h"
#include "quantizers/formats/registry.h"

namespace quantbench::testing_support {

inline Checkpoint stored_checkpoint(std::vector<StoredTensor> stored, const std::string& source = "test.safetensors") {
  const auto owned = std::make_shared<const std::vector<StoredTensor>>(std::move(stored));
  std::vector<CheckpointTensor> tensors;
  for (const StoredTensor& each : *owned) {
    CheckpointTensor tensor;
    tensor.name = each.name;
    tensor.dims = {each.shape.rbegin(), each.shape.rend()};
    tensor.type_name = each.type;
    tensor.gguf_type = find_safetensors_type(each.type)->gguf_type;
    if (tensor.gguf_type != no_gguf_type) tensor.format = find_gguf_format(tensor.gguf_type);
    tensor.bytes = each.bytes;
    tensors.push_back(std::move(tensor));
  }
  return Checkpoint(Metadata(source), std::move(tensors), source, {}, owned);
}

/// Random levels, zero points and positive scales of f16.
inline TensorData random_integers(const std::string& name, std::size_t rows, std::size_t cols, const std::string& id,
                                  unsigned seed = 1) {
  std::mt19937 random(seed);
  TensorData tensor(name, rows, cols, find_format(id));
  const Format& format = *tensor.view().format;
  const auto level = [&] {
    return static_cast<std::int8_t>(std::uniform_int_distribution(format.level_min, format.level_max)(random));
  };
  IntegerRow parts;
  for (std::size_t row = 0; row < rows; ++row) {
    parts.levels.resize(cols);
    parts.scales.resize(format.groups_of_row(cols));
    parts.zeros.resize(parts.scales.size());
    for (std::int8_t& each : parts.levels) each = level();
    for (std::int8_t& each : parts.zeros) each = level();
    for (float& each : parts.scales)
      each = f16_to_f32(f32_to_f16(std::uniform_real_distribution<float>(0.01f, 0.2f)(random)));
    write_integer_row(parts, row, tensor);
  }
  return tensor;
}

/// Like random_integers, of groups of 1 where the columns of a row share `group` scales in a random order.
inline TensorData scattered_integers(const std::string& name, std::size_t rows, std::size_t cols, std::size_t group,
                                     const std::string& kind, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::vector<std::size_t> order(cols);
  for (std::size_t i = 0; i < cols; ++i) order[i] = i;
  std::shuffle(order.begin(), order.end(), random);
  const TensorData plain = random_integers(name, rows, cols, kind + ":g" + std::to_string(group), seed);
  const auto colon = kind.find(':');
  TensorData tensor(name, rows, cols,
                    find_format(kind.substr(0, colon) + ":g1" + (colon == kind.npos ? "" : kind.substr(colon))));
  IntegerRow from, to;
  for (std::size_t row = 0; row < rows; ++row) {
    read_integer_row(plain.view(), row, from);
    to = {from.levels, std::vector<float>(cols), std::vector<std::int8_t>(cols)};
    for (std::size_t i = 0; i < cols; ++i) {
      to.scales[order[i]] = from.scales[i / group];
      to.zeros[order[i]] = from.zeros[i / group];
    }
    write_integer_row(to, row, tensor);
  }
  return tensor;
}

inline std::uint32_t word_at(const StoredTensor& tensor, std::size_t index) {
  std::uint32_t word;
  std::memcpy(&word, tensor.bytes.data() + 4 * index, 4);
  return word;
}

}  // namespace quantbench::testing_support
