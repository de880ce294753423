#include <fmt/format.h>

#include "core/checked.h"
#include "core/error.h"
#include "kernels/cuda/device/cuda_error.h"
#include "kernels/cuda/device/packed_kernels.h"
#include "kernels/cuda/device/staging.h"
#include "kernels/cuda/gpu_session.h"
#include "kernels/cuda/product_device.h"

namespace quantbench::gpu {
namespace {

class UploadedWeights : public DeviceWeights {
 public:
  UploadedWeights(const Tensor& weights, Staging& staging, const Stream& stream)
      : bytes_(weights.bytes.size()), view_(weights) {
    view_.owner.reset();
    view_.source.reset();
    view_.bytes = {bytes_.data(), weights.bytes.size()};
    staging.to_device(bytes_.data(), weights.bytes, stream);
  }
  const Tensor& view() const { return view_; }

 private:
  DeviceMemory bytes_;
  Tensor view_;
};

/// Memory that is kept for the next call.
class GrowingMemory {
 public:
  std::byte* of_size(std::size_t bytes) {
    if (bytes > memory_.size()) {
      memory_ = {};  // before the larger one takes room
      memory_ = DeviceMemory(bytes);
    }
    return memory_.data();
  }

 private:
  DeviceMemory memory_;
};

struct WorkingBytes {
  std::size_t activations, outputs, workspace;
};

WorkingBytes working_bytes_of(Op op, const Tensor& weights, std::size_t rows) {
  return {checked_multiply(checked_multiply(rows, weights.cols), sizeof(float)),
          checked_multiply(checked_multiply(rows, weights.rows), sizeof(float)),
          packed_kernels(*weights.format).workspace_bytes(op, weights, rows)};
}

class CudaProductDevice : public ProductDevice {
 public:
  CudaProductDevice(GpuDevice device, int index) : device_(std::move(device)), index_(index) {}

  const GpuDevice& device() const override { return device_; }

  std::size_t free_bytes() const override {
    std::size_t free = 0, total = 0;
    check_cuda(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
    return free;
  }

  std::unique_ptr<DeviceWeights> upload(const Tensor& weights) override {
    choose_device();
    return std::make_unique<UploadedWeights>(weights, staging_, stream_);
  }

  std::size_t working_bytes(Op op, const Tensor& weights, std::size_t rows) const override {
    const WorkingBytes bytes = working_bytes_of(op, weights, rows);
    return checked_add(checked_add(bytes.activations, bytes.outputs), bytes.workspace);
  }

  void multiply(Op op, const DeviceWeights& weights, MatrixView x, std::span<float> y) override {
    choose_device();
    const Tensor& matrix = static_cast<const UploadedWeights&>(weights).view();
    const WorkingBytes bytes = working_bytes_of(op, matrix, x.rows);
    const DeviceProduct product{reinterpret_cast<float*>(activations_.of_size(bytes.activations)),
                                x.cols,
                                reinterpret_cast<float*>(outputs_.of_size(bytes.outputs)),
                                matrix.rows,
                                x.rows,
                                workspace_.of_size(bytes.workspace)};
    staging_.to_device(activations_.of_size(bytes.activations), std::as_bytes(x.values), stream_);
    packed_kernels(*matrix.format).multiply(op, matrix, product, stream_.get());
    staging_.from_device(std::as_writable_bytes(y), outputs_.of_size(bytes.outputs), stream_);
  }

 private:
  /// The device is chosen for each thread of the host.
  void choose_device() const { check_cuda(cudaSetDevice(index_), fmt::format("cudaSetDevice({})", index_)); }

  GpuDevice device_;
  int index_;
  Stream stream_;
  Staging staging_;
  GrowingMemory activations_, outputs_, workspace_;
};

}  // namespace
}  // namespace quantbench::gpu

namespace quantbench {

std::unique_ptr<ProductDevice> open_product_device(std::size_t device) {
  const int index = checked_cast<int>(device, "device");
  GpuDevice chosen = find_gpu_device(device);
  gpu::check_cuda(cudaSetDevice(index), fmt::format("cudaSetDevice({})", index));
  return std::make_unique<gpu::CudaProductDevice>(std::move(chosen), index);
}

}  // namespace quantbench
