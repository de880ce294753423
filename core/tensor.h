// Tensor: a named view of a matrix stored in some Format. TensorData: the same with its bytes owned.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/format.h"
#include "core/large_pages.h"

namespace quantbench {

/// A view; the bytes belong to someone else and outlive it, unless `owner` keeps them. A vector is a matrix of one row. For a
/// linear layer rows = outputs and cols = inputs; each row is contiguous.
struct Tensor {
  std::string name;
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::shared_ptr<const Format> format;
  std::span<const std::byte> bytes;        // format->tensor_bytes(rows, cols)
  std::shared_ptr<const void> owner = {};  // of the bytes; may be null

  std::size_t weights() const { return rows * cols; }
  RowBytes row(std::size_t index) const {
    return {bytes.data(), bytes.data() + format->header_bytes(rows, cols) + index * format->row_bytes(*format, cols),
            index};
  }
};

/// Owns the bytes that `view` points to.
class TensorData {
 public:
  TensorData() = default;
  /// All bytes zero.
  TensorData(std::string name, std::size_t rows, std::size_t cols, std::shared_ptr<const Format> format)
      : bytes_(format->tensor_bytes(rows, cols)), view_{std::move(name), rows, cols, std::move(format), {}, {}} {
    view_.bytes = bytes_;
  }
  TensorData(TensorData&&) = default;
  TensorData& operator=(TensorData&&) = default;

  const Tensor& view() const { return view_; }
  MutableRowBytes row(std::size_t index) {
    const Format& format = *view_.format;
    return {bytes_.data(),
            bytes_.data() + format.header_bytes(view_.rows, view_.cols) + index * format.row_bytes(format, view_.cols),
            index};
  }

 private:
  LargePages<std::byte> bytes_;
  Tensor view_;
};

/// A view that owns its bytes together with all its copies.
inline Tensor shared_tensor(TensorData data) {
  const auto owned = std::make_shared<const TensorData>(std::move(data));
  Tensor tensor = owned->view();
  tensor.owner = owned;
  return tensor;
}

/// A row-major f32 matrix view. (rows, cols)
struct MatrixView {
  std::span<const float> values;
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::span<const float> row(std::size_t index) const { return values.subspan(index * cols, cols); }
};

}  // namespace quantbench
