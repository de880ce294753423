// Copies between memory of the host that the device cannot read by itself and the device, through two pinned buffers: while one is
// transferred, the other one is filled or emptied. Pages of mapped files are read in this way beside the transfer.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "kernels/cuda/device/device_memory.h"

namespace quantbench::gpu {

class Staging {
 public:
  Staging();

  /// Returns when the bytes of the host have been read; they are on the device when the stream is done.
  void to_device(std::byte* to, std::span<const std::byte> from, const Stream& stream);
  /// Of what the stream has written when it comes to it. Returns when all is copied.
  void from_device(std::span<std::byte> to, const std::byte* from, const Stream& stream);

 private:
  static constexpr std::size_t buffer_bytes = std::size_t{8} << 20;

  struct Free {
    void operator()(std::byte* bytes) const { cudaFreeHost(bytes); }
  };
  struct Buffer {
    std::unique_ptr<std::byte, Free> bytes;
    Event transferred;
  };

  Buffer buffers_[2];
};

}  // namespace quantbench::gpu
