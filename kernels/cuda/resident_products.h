// Products of a forward pass on a device: each weight matrix is uploaded once, packed as it is, and stays there.
//
// Where the device has no room for all weights, some are uploaded again at each use. The one that was used last makes room for the
// next: a forward pass uses all weights in turn, so that this one is needed again after all others. (Rejected: the least recently used
// one, which is the very next to be needed; with it nothing would be found on the device.)
#pragma once

#include <list>
#include <memory>

#include "kernels/cuda/product_device.h"
#include "kernels/weight_products.h"

namespace quantbench {

struct ResidentLimits {
  std::size_t weight_bytes = 0;   // of all weights on the device
  std::size_t working_bytes = 0;  // of a product; rows of activations that need more are multiplied in parts
};

/// Of the memory that is free: an eighth, at most 1 GiB, for products, as much again for nobody, and the rest for weights.
ResidentLimits resident_limits(const ProductDevice& device);

struct ResidentFigures {
  std::size_t uploads = 0, uploaded_bytes = 0;
  std::size_t evictions = 0;
  std::size_t resident_bytes = 0;  // now
};

/// Weights are known by format, shape and Tensor::source; without a source by where their bytes are and Tensor::owner. So bytes of an owner
/// are not taken for others that lie at the same place after it is gone. Bytes without either must stay as they are for as long as
/// the object lives: make one for each evaluation.
class ResidentProducts : public WeightProducts {
 public:
  /// op: the product, one of runs_on_gpu. matmul_int8 of formats without integer levels is matvec, as on the CPU. The device outlives the
  /// object.
  ResidentProducts(ProductDevice& device, Op op, const ResidentLimits& limits)
      : device_(device), op_(op), limits_(limits) {}
  ResidentProducts(ProductDevice& device, Op op) : ResidentProducts(device, op, resident_limits(device)) {}

  /// Throws Error also for a weight matrix that has no room on the device even alone.
  void multiply(MatrixView input, const Tensor& weight, std::span<float> output) override;

  const ResidentFigures& figures() const { return figures_; }

 private:
  struct Resident {
    std::size_t rows = 0, cols = 0;
    std::shared_ptr<const Format> format;
    const std::byte* place = nullptr;    // in memory of the host; nothing is read there
    std::weak_ptr<const void> identity;  // source or owner, which are not kept
    bool identified = false;             // by one of them
    std::unique_ptr<DeviceWeights> on_device;

    bool is(const Tensor& weight) const;
    bool is_gone() const { return identified && identity.expired(); }
  };

  const DeviceWeights& resident(const Tensor& weight);
  void make_room(const Tensor& weight);
  void drop(std::list<Resident>::iterator entry);
  std::size_t rows_at_once(Op op, const Tensor& weight, std::size_t rows) const;

  ProductDevice& device_;
  Op op_;
  ResidentLimits limits_;
  std::list<Resident> residents_;  // the one that was used last is first
  ResidentFigures figures_;
};

}  // namespace quantbench
