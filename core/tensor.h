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

struct Tensor;

/// Where a tensor lies that is not kept in memory: in a mapped file, as it is or in another form.
class TensorSource {
 public:
  virtual ~TensorSource() = default;
  /// The tensor with its bytes: views of the file, or made anew and owned by what is returned. Throws Error.
  virtual Tensor load() const = 0;
  /// Says that the file's bytes are not needed for now: the memory that they take is given back until they are read again.
  virtual void release() const = 0;
};

/// A view; the bytes belong to someone else and outlive it, unless `owner` keeps them. A vector is a matrix of one row. For a
/// linear layer rows = outputs and cols = inputs; each row is contiguous.
struct Tensor {
  std::string name;
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::shared_ptr<const Format> format;
  std::span<const std::byte> bytes;        // format->tensor_bytes(rows, cols)
  std::shared_ptr<const void> owner = {};  // of the bytes; may be null
  /// May be null. Where it is given, `bytes` may be empty: `loaded` has them.
  std::shared_ptr<const TensorSource> source = {};

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
      : bytes_(format->tensor_bytes(rows, cols)), view_{std::move(name), rows, cols, std::move(format), {}, {}, {}} {
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

inline bool is_loaded(const Tensor& tensor) {
  return !tensor.bytes.empty() || tensor.source == nullptr || tensor.weights() == 0;
}

/// The tensor with its bytes in memory for as long as the result lives.
inline Tensor loaded(const Tensor& tensor) { return is_loaded(tensor) ? tensor : tensor.source->load(); }

/// Says that the tensor's bytes are not needed for now.
inline void release(const Tensor& tensor) {
  if (tensor.source) tensor.source->release();
}

/// A row-major f32 matrix view. (rows, cols)
struct MatrixView {
  std::span<const float> values;
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::span<const float> row(std::size_t index) const { return values.subspan(index * cols, cols); }
};

}  // namespace quantbench
