// Tensors in memory as it is on a device: whole words can be read around every byte.
#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <vector>

#include "core/checked.h"
#include "core/tensor.h"
#include "kernels/cuda/device_decode.h"

namespace quantbench::gpu {

class PaddedTensor {
 public:
  explicit PaddedTensor(const Tensor& tensor) : PaddedTensor(tensor.format, tensor.rows, tensor.cols) {
    std::memcpy(words_.data(), tensor.bytes.data(), tensor.bytes.size());
  }

  /// All bit patterns are valid blocks: random bytes reach scales that no encoder writes.
  static PaddedTensor random(std::shared_ptr<const Format> format, std::size_t rows, std::size_t cols,
                             std::uint32_t seed) {
    PaddedTensor tensor(std::move(format), rows, cols);
    std::mt19937 random(seed);
    for (std::uint32_t& word : tensor.words_) word = static_cast<std::uint32_t>(random());
    return tensor;
  }

  /// Sixteen-bit numbers 0, 1, 2, ...
  static PaddedTensor counting(std::shared_ptr<const Format> format, std::size_t rows, std::size_t cols) {
    PaddedTensor tensor(std::move(format), rows, cols);
    for (std::uint32_t i = 0; i < tensor.words_.size(); ++i) tensor.words_[i] = (2 * i + 1) << 16 | (2 * i);
    return tensor;
  }

  const Tensor& view() const { return view_; }

 private:
  PaddedTensor(std::shared_ptr<const Format> format, std::size_t rows, std::size_t cols)
      : words_(divide_up(format->tensor_bytes(rows, cols), sizeof(std::uint32_t))),
        view_{"padded", rows, cols, std::move(format), {}} {
    view_.bytes = std::as_bytes(std::span(words_)).first(view_.format->tensor_bytes(rows, cols));
  }

  std::vector<std::uint32_t> words_;
  Tensor view_;
};

}  // namespace quantbench::gpu
