// Reading binary files front to back when nothing in them can be trusted: every length is compared with the bytes that
// are left before it is used, and every error says in which file, at which byte and in which field it happened.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/error.h"

namespace quantbench {

static_assert(std::endian::native == std::endian::little, "file fields are read as little-endian in place");

class ByteCursor {
 public:
  /// `source` names the file in messages.
  ByteCursor(std::span<const std::byte> bytes, std::string source) : bytes_(bytes), source_(std::move(source)) {}

  std::uint64_t position() const { return position_; }
  std::uint64_t size() const { return bytes_.size(); }
  std::uint64_t remaining() const { return bytes_.size() - position_; }
  const std::string& source() const { return source_; }

  /// Part of all messages until it is set anew, e.g. "tensor 'output'"; empty for none.
  void set_place(std::string place) { place_ = std::move(place); }

  /// The next little-endian number. `field` names it in messages.
  template <class T>
  requires std::is_arithmetic_v<T> T read(std::string_view field) {
    T value;
    std::memcpy(&value, take(sizeof(T), field).data(), sizeof(T));
    return value;
  }

  std::span<const std::byte> take(std::uint64_t count, std::string_view field) {
    if (count > remaining())
      fail_at(position_, "{} needs {} bytes, and the file has {} left", field, count, remaining());
    const auto taken = bytes_.subspan(position_, count);
    position_ += count;
    return taken;
  }

  std::string_view take_text(std::uint64_t count, std::string_view field) {
    const auto taken = take(count, field);
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }

  /// Throws Error: "FILE: byte OFFSET: PLACE: message".
  template <class... Args>
  [[noreturn]] void fail_at(std::uint64_t offset, fmt::format_string<Args...> format, Args&&... args) const {
    const std::string message = fmt::format(format, std::forward<Args>(args)...);
    fail("{}: byte {}: {}{}{}", source_, offset, place_, place_.empty() ? "" : ": ", message);
  }

 private:
  std::span<const std::byte> bytes_;
  std::string source_;
  std::string place_;
  std::size_t position_ = 0;
};

}  // namespace quantbench
