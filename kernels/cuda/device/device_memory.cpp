#include "kernels/cuda/device/device_memory.h"

#include <fmt/format.h>

#include "core/checked.h"
#include "kernels/cuda/device/cuda_error.h"

namespace quantbench::gpu {
namespace {

constexpr std::size_t padding = 16;

}  // namespace

DeviceMemory::DeviceMemory(std::size_t bytes) : size_(bytes) {
  void* allocated = nullptr;
  check_cuda(cudaMalloc(&allocated, checked_add(bytes, padding)), fmt::format("cudaMalloc of {} bytes", bytes));
  bytes_.reset(static_cast<std::byte*>(allocated));
}

DeviceMemory::DeviceMemory(std::span<const std::byte> bytes) : DeviceMemory(bytes.size()) { write(0, bytes); }

void DeviceMemory::write(std::size_t offset, std::span<const std::byte> bytes) const {
  if (offset > size_ || bytes.size() > size_ - offset)
    fail("{} bytes at {} do not fit {} bytes of device memory", bytes.size(), offset, size_);
  check_cuda(cudaMemcpy(data() + offset, bytes.data(), bytes.size(), cudaMemcpyHostToDevice),
             fmt::format("cudaMemcpy of {} bytes to the device", bytes.size()));
}

void DeviceMemory::read(std::span<std::byte> bytes) const {
  if (bytes.size() != size_) fail("{} bytes asked for of {} bytes of device memory", bytes.size(), size_);
  check_cuda(cudaDeviceSynchronize(), "cudaDeviceSynchronize before a copy from the device");
  check_cuda(cudaMemcpy(bytes.data(), data(), size_, cudaMemcpyDeviceToHost),
             fmt::format("cudaMemcpy of {} bytes from the device", size_));
}

Stream::Stream() {
  cudaStream_t stream = nullptr;
  check_cuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  stream_.reset(stream);
}

void Stream::wait() const { check_cuda(cudaStreamSynchronize(get()), "cudaStreamSynchronize"); }

Event::Event() {
  cudaEvent_t event = nullptr;
  check_cuda(cudaEventCreate(&event), "cudaEventCreate");
  event_.reset(event);
}

void Event::record(const Stream& stream) const {
  check_cuda(cudaEventRecord(event_.get(), stream.get()), "cudaEventRecord");
}

void Event::wait() const { check_cuda(cudaEventSynchronize(event_.get()), "cudaEventSynchronize"); }

double Event::seconds_since(const Event& earlier) const {
  wait();
  float milliseconds = 0;
  check_cuda(cudaEventElapsedTime(&milliseconds, earlier.event_.get(), event_.get()), "cudaEventElapsedTime");
  return static_cast<double>(milliseconds) / 1000;
}

}  // namespace quantbench::gpu
