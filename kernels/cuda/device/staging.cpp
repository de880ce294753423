#include "kernels/cuda/device/staging.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "kernels/cuda/device/cuda_error.h"

namespace quantbench::gpu {

Staging::Staging() {
  for (Buffer& buffer : buffers_) {
    void* allocated = nullptr;
    check_cuda(cudaMallocHost(&allocated, buffer_bytes), fmt::format("cudaMallocHost of {} bytes", buffer_bytes));
    buffer.bytes.reset(static_cast<std::byte*>(allocated));
  }
}

void Staging::to_device(std::byte* to, std::span<const std::byte> from, const Stream& stream) {
  for (std::size_t done = 0, turn = 0; done < from.size(); done += buffer_bytes, ++turn) {
    const std::span<const std::byte> part = from.subspan(done, std::min(buffer_bytes, from.size() - done));
    Buffer& buffer = buffers_[turn % 2];
    buffer.transferred.wait();
    std::memcpy(buffer.bytes.get(), part.data(), part.size());
    check_cuda(cudaMemcpyAsync(to + done, buffer.bytes.get(), part.size(), cudaMemcpyHostToDevice, stream.get()),
               fmt::format("cudaMemcpyAsync of {} bytes to the device, of {} in all", part.size(), from.size()));
    buffer.transferred.record(stream);
  }
}

void Staging::from_device(std::span<std::byte> to, const std::byte* from, const Stream& stream) {
  const std::size_t parts = (to.size() + buffer_bytes - 1) / buffer_bytes;
  const auto part_of_host = [&](std::size_t part) {
    return to.subspan(part * buffer_bytes, std::min(buffer_bytes, to.size() - part * buffer_bytes));
  };
  for (std::size_t turn = 0; turn <= parts; ++turn) {
    if (turn < parts) {
      Buffer& buffer = buffers_[turn % 2];
      buffer.transferred.wait();  // what a copy to the device may still read
      const std::size_t bytes = part_of_host(turn).size();
      check_cuda(
          cudaMemcpyAsync(buffer.bytes.get(), from + turn * buffer_bytes, bytes, cudaMemcpyDeviceToHost, stream.get()),
          fmt::format("cudaMemcpyAsync of {} bytes from the device, of {} in all", bytes, to.size()));
      buffer.transferred.record(stream);
    }
    if (turn == 0) continue;
    Buffer& filled = buffers_[(turn - 1) % 2];
    filled.transferred.wait();
    const std::span<std::byte> part = part_of_host(turn - 1);
    std::memcpy(part.data(), filled.bytes.get(), part.size());
  }
}

}  // namespace quantbench::gpu
