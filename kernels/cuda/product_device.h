// What products with weights that stay on a device ask of it. CUDA devices and, in tests, the emulated grid are such devices.
#pragma once

#include <memory>
#include <span>

#include "core/tensor.h"
#include "kernels/cuda/gpu_devices.h"
#include "kernels/kernel.h"

namespace quantbench {

/// Packed weights in the memory of a device, freed with the object. The bytes of the host are not needed any more.
class DeviceWeights {
 public:
  virtual ~DeviceWeights() = default;
};

class ProductDevice {
 public:
  virtual ~ProductDevice() = default;
  virtual const GpuDevice& device() const = 0;
  /// Bytes that are free now.
  virtual std::size_t free_bytes() const = 0;
  /// Throws Error when there is no room.
  virtual std::unique_ptr<DeviceWeights> upload(const Tensor& weights) = 0;
  /// Beside the weights, for a product with this many rows of activations.
  virtual std::size_t working_bytes(Op op, const Tensor& weights, std::size_t rows) const = 0;
  /// y (x.rows, outputs) = x (rows, inputs) w'. `op` is one of runs_on_gpu. A row of y depends on its row of x and the weights alone.
  virtual void multiply(Op op, const DeviceWeights& weights, MatrixView x, std::span<float> y) = 0;
};

/// Throws Error when there is no device, saying why (also in builds without CUDA).
std::unique_ptr<ProductDevice> open_product_device(std::size_t device = 0);

}  // namespace quantbench
