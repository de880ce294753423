// For tests: files put together byte by byte, independent of the writers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "core/error.h"

namespace quantbench {

class FileBytes {
 public:
  template <class T>
  FileBytes& number(T value) {
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    text_.append(bytes, sizeof(T));
    return *this;
  }
  FileBytes& text(std::string_view raw) {
    text_ += raw;
    return *this;
  }
  /// A GGUF string: u64 length, then the bytes.
  FileBytes& string(std::string_view value) { return number(static_cast<std::uint64_t>(value.size())).text(value); }
  FileBytes& zeros(std::size_t count) { return text(std::string(count, '\0')); }
  FileBytes& align(std::size_t alignment) { return zeros((alignment - text_.size() % alignment) % alignment); }
  FileBytes& gguf_header(std::uint64_t tensors, std::uint64_t pairs) {
    return text("GGUF").number(std::uint32_t{3}).number(tensors).number(pairs);
  }

  const std::string& str() const { return text_; }

 private:
  std::string text_;
};

inline std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

inline std::string safetensors_bytes(std::string_view header, std::string_view data = {}) {
  return FileBytes().string(header).text(data).str();
}

/// The message of the Error that `action` throws; "" when it throws none.
inline std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace quantbench
