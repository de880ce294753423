// The tensors of one packed linear layer in a safetensors checkpoint, with their types and shapes checked.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "core/error.h"
#include "models/checkpoints/checkpoint.h"

namespace quantbench {

/// In the order of safetensors files: the last axis is contiguous.
using StoredShape = std::vector<std::uint64_t>;

StoredShape stored_shape(const CheckpointTensor& tensor);
/// "[3, 4]"
std::string to_text(const StoredShape& shape);

class LayerTensors {
 public:
  /// The checkpoint outlives the object.
  LayerTensors(const Checkpoint& checkpoint, std::string prefix)
      : checkpoint_(checkpoint), prefix_(std::move(prefix)) {}

  const std::string& prefix() const { return prefix_; }
  const std::string& source() const { return checkpoint_.source(); }
  std::string place() const { return fmt::format("{}: layer '{}'", source(), prefix_); }
  /// Null when absent. Throws Error unless its type is one of these.
  const CheckpointTensor* find(std::string_view suffix, std::initializer_list<std::string_view> types) const;
  /// Throws Error when it is absent.
  const CheckpointTensor& at(std::string_view suffix, std::initializer_list<std::string_view> types) const;
  /// Throws Error unless it has this shape; `why` says where the numbers come from.
  void check_shape(const CheckpointTensor& tensor, const StoredShape& expected, std::string_view why) const;
  /// Two positive dimensions. Throws Error.
  StoredShape matrix_shape(const CheckpointTensor& tensor) const;

  template <class... Args>
  [[noreturn]] void fail_at(std::string_view suffix, fmt::format_string<Args...> format, Args&&... args) const {
    fail("{}: tensor '{}.{}': {}", checkpoint_.source(), prefix_, suffix,
         fmt::format(format, std::forward<Args>(args)...));
  }

 private:
  const Checkpoint& checkpoint_;
  std::string prefix_;
};

/// Element `index` of a tensor of F16, BF16 or F32.
float float_at(const CheckpointTensor& tensor, std::size_t index);
/// Element `index` of a tensor of I8, I16, I32 or I64.
std::int64_t integer_at(const CheckpointTensor& tensor, std::size_t index);

}  // namespace quantbench
