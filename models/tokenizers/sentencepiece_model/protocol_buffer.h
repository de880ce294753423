// Reading the wire format of protocol buffers, field by field.
#pragma once

#include <bit>
#include <cstdint>
#include <string>

#include "core/byte_cursor.h"

namespace quantbench {

/// One field of a message. Which of the values counts is told by `wire_type`.
struct ProtocolBufferField {
  enum class WireType : std::uint32_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

  std::uint32_t number = 0;
  WireType wire_type = WireType::varint;
  std::uint64_t integer = 0;         // varint, fixed64, fixed32
  std::span<const std::byte> bytes;  // bytes: also text and nested messages
  std::uint64_t place = 0;           // byte of the message where the field begins
};

class ProtocolBufferReader {
 public:
  /// `source` names the message in errors.
  ProtocolBufferReader(std::span<const std::byte> message, std::string source) : cursor_(message, std::move(source)) {}

  bool at_end() const { return cursor_.remaining() == 0; }

  /// Throws Error for a field that is cut off, a number of more than ten bytes, and groups (wire types 3 and 4).
  ProtocolBufferField next() {
    ProtocolBufferField field;
    field.place = cursor_.position();
    const std::uint64_t tag = varint();
    field.number = static_cast<std::uint32_t>(tag >> 3);
    field.wire_type = static_cast<ProtocolBufferField::WireType>(tag & 7);
    switch (field.wire_type) {
      case ProtocolBufferField::WireType::varint:
        field.integer = varint();
        return field;
      case ProtocolBufferField::WireType::fixed64:
        field.integer = cursor_.read<std::uint64_t>("a field of 8 bytes");
        return field;
      case ProtocolBufferField::WireType::bytes:
        field.bytes = cursor_.take(varint(), "a field of bytes");
        return field;
      case ProtocolBufferField::WireType::fixed32:
        field.integer = cursor_.read<std::uint32_t>("a field of 4 bytes");
        return field;
    }
    cursor_.fail_at(field.place, "field {} has wire type {}, expected 0, 1, 2 or 5", field.number, tag & 7);
  }

  /// The values of a field. Throw Error when the wire type is not theirs.
  std::uint64_t integer(const ProtocolBufferField& field) const {
    expect(field, ProtocolBufferField::WireType::varint);
    return field.integer;
  }
  float real(const ProtocolBufferField& field) const {
    expect(field, ProtocolBufferField::WireType::fixed32);
    return std::bit_cast<float>(static_cast<std::uint32_t>(field.integer));
  }
  std::span<const std::byte> bytes(const ProtocolBufferField& field) const {
    expect(field, ProtocolBufferField::WireType::bytes);
    return field.bytes;
  }
  std::string text(const ProtocolBufferField& field) const {
    const auto value = bytes(field);
    return {reinterpret_cast<const char*>(value.data()), value.size()};
  }

  template <class... Args>
  [[noreturn]] void fail_at(const ProtocolBufferField& field, fmt::format_string<Args...> format,
                            Args&&... args) const {
    cursor_.fail_at(field.place, "field {}: {}", field.number, fmt::format(format, std::forward<Args>(args)...));
  }

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
      const auto byte = cursor_.read<std::uint8_t>("a number");
      if (shift < 64) value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    cursor_.fail_at(cursor_.position(), "a number of more than ten bytes");
  }

  void expect(const ProtocolBufferField& field, ProtocolBufferField::WireType type) const {
    if (field.wire_type != type)
      fail_at(field, "wire type {}, expected {}", static_cast<int>(field.wire_type), static_cast<int>(type));
  }

  ByteCursor cursor_;
};

}  // namespace quantbench
