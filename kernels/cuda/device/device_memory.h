// Memory, streams and events of a CUDA device, freed with their owners. Throws Error, which says what was asked, when a call fails.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

namespace quantbench::gpu {

/// Bytes on the current device, aligned to 256. A few more than asked for can be read, as loads of whole words do
/// (thread_lanes.h).
class DeviceMemory {
 public:
  DeviceMemory() = default;
  explicit DeviceMemory(std::size_t bytes);
  /// With a copy of these bytes of the host.
  explicit DeviceMemory(std::span<const std::byte> bytes);

  std::byte* data() const { return bytes_.get(); }
  template <class T>
  T* as() const {
    return reinterpret_cast<T*>(bytes_.get());
  }
  std::size_t size() const { return size_; }

  /// Copies to `offset`; the call returns when that is done.
  void write(std::size_t offset, std::span<const std::byte> bytes) const;
  /// All of it, when the device has done what it was asked before.
  void read(std::span<std::byte> bytes) const;

 private:
  struct Free {
    void operator()(std::byte* bytes) const { cudaFree(bytes); }
  };
  std::unique_ptr<std::byte, Free> bytes_;
  std::size_t size_ = 0;
};

class Stream {
 public:
  Stream();
  cudaStream_t get() const { return stream_.get(); }
  void wait() const;

 private:
  struct Destroy {
    void operator()(cudaStream_t stream) const { cudaStreamDestroy(stream); }
  };
  std::unique_ptr<std::remove_pointer_t<cudaStream_t>, Destroy> stream_;
};

class Event {
 public:
  Event();
  void record(const Stream& stream) const;
  /// Until what was recorded is done; at once when nothing was.
  void wait() const;
  /// Of the device, between two events that were recorded in one stream. Waits for this one.
  double seconds_since(const Event& earlier) const;

 private:
  struct Destroy {
    void operator()(cudaEvent_t event) const { cudaEventDestroy(event); }
  };
  std::unique_ptr<std::remove_pointer_t<cudaEvent_t>, Destroy> event_;
};

}  // namespace quantbench::gpu
