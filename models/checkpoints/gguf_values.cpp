#include "models/checkpoints/gguf_values.h"

#include <algorithm>
#include <array>
#include <type_traits>

#include "core/utf8.h"
#include "models/checkpoints/limits.h"

namespace quantbench {
namespace {

constexpr std::uint32_t array_type_id = 9;
constexpr std::uint32_t last_type_id = 12;
constexpr std::size_t scalar_types = std::variant_size_v<MetadataScalar>;

constexpr std::size_t index_of_id(std::uint32_t id) { return id < array_type_id ? id : id - 1; }

std::string read_string(ByteCursor& cursor) {
  const std::uint64_t at = cursor.position();
  const auto length = cursor.read<std::uint64_t>("the length of a string");
  if (length > limits::gguf_string_bytes)
    cursor.fail_at(at, "string of {} bytes, the limit is {}", length, limits::gguf_string_bytes);
  return std::string(cursor.take_text(length, "a string"));
}

template <class T>
T read_one(ByteCursor& cursor) {
  if constexpr (std::is_same_v<T, std::string>) {
    return read_string(cursor);
  } else if constexpr (std::is_same_v<T, bool>) {
    const std::uint64_t at = cursor.position();
    const auto stored = cursor.read<std::uint8_t>("a bool");
    if (stored > 1) cursor.fail_at(at, "bool is {}, expected 0 or 1", stored);
    return stored == 1;
  } else {
    return cursor.read<T>("a value");
  }
}

template <class T>
MetadataArray read_elements(ByteCursor& cursor, std::uint64_t count) {
  std::vector<T> elements;
  elements.reserve(count);  // bounded by the file: read_array compared the count with the bytes left
  for (std::uint64_t index = 0; index < count; ++index) elements.push_back(read_one<T>(cursor));
  return elements;
}

struct ValueReader {
  MetadataScalar (*scalar)(ByteCursor&);
  MetadataArray (*elements)(ByteCursor&, std::uint64_t count);
  std::uint64_t least_bytes;  // of one element
};

template <std::size_t... index>
constexpr std::array<ValueReader, sizeof...(index)> make_readers(std::index_sequence<index...>) {
  return {ValueReader{[](ByteCursor& cursor) {
                        return MetadataScalar(std::in_place_index<index>,
                                              read_one<std::variant_alternative_t<index, MetadataScalar>>(cursor));
                      },
                      &read_elements<std::variant_alternative_t<index, MetadataScalar>>,
                      std::is_same_v<std::variant_alternative_t<index, MetadataScalar>, std::string>
                          ? sizeof(std::uint64_t)
                          : sizeof(std::variant_alternative_t<index, MetadataScalar>)}...};
}

constexpr auto readers = make_readers(std::make_index_sequence<scalar_types>());

MetadataArray read_array(ByteCursor& cursor) {
  const std::uint64_t type_at = cursor.position();
  const auto type = cursor.read<std::uint32_t>("the element type of an array");
  if (type == array_type_id) cursor.fail_at(type_at, "array of arrays, which is not supported");
  if (type > last_type_id) cursor.fail_at(type_at, "array element type is {}, expected 0 to {}", type, last_type_id);
  const std::uint64_t count_at = cursor.position();
  const auto count = cursor.read<std::uint64_t>("the element count of an array");
  if (count > limits::gguf_array_elements)
    cursor.fail_at(count_at, "array of {} elements, the limit is {}", count, limits::gguf_array_elements);
  const ValueReader& reader = readers[index_of_id(type)];
  if (count > cursor.remaining() / reader.least_bytes)
    cursor.fail_at(count_at, "array of {} elements of at least {} bytes each, and the file has {} bytes left", count,
                   reader.least_bytes, cursor.remaining());
  return reader.elements(cursor, count);
}

template <class T>
void append_one(std::string& out, const T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    append_gguf_string(out, value);
  } else if constexpr (std::is_same_v<T, bool>) {
    append_little_endian(out, static_cast<std::uint8_t>(value ? 1 : 0));
  } else {
    append_little_endian(out, value);
  }
}

void append_array(std::string& out, const MetadataArray& array) {
  append_little_endian(out, element_type_id(array));
  append_little_endian(out, static_cast<std::uint64_t>(array.size()));
  std::visit(
      [&](const auto& values) {
        using T = typename std::decay_t<decltype(values)>::value_type;
        for (std::size_t index = 0; index < values.size(); ++index) append_one<T>(out, values[index]);
      },
      array.elements);
}

}  // namespace

MetadataValue read_gguf_value(ByteCursor& cursor) {
  const std::uint64_t at = cursor.position();
  const auto type = cursor.read<std::uint32_t>("the type of a value");
  if (type > last_type_id) cursor.fail_at(at, "value type is {}, expected 0 to {}", type, last_type_id);
  if (type == array_type_id) return read_array(cursor);
  return readers[index_of_id(type)].scalar(cursor);
}

void append_gguf_string(std::string& out, std::string_view text) {
  append_little_endian(out, static_cast<std::uint64_t>(text.size()));
  out += text;
}

void append_gguf_value(std::string& out, const MetadataValue& value) {
  append_little_endian(out, value_type_id(value));
  if (const auto* array = std::get_if<MetadataArray>(&value)) return append_array(out, *array);
  std::visit([&](const auto& scalar) { append_one(out, scalar); }, std::get<MetadataScalar>(value));
}

std::string gguf_key_fault(std::string_view key) {
  if (key.empty()) return "is empty";
  if (key.size() > limits::gguf_key_bytes)
    return fmt::format("has {} bytes, the limit is {}", key.size(), limits::gguf_key_bytes);
  if (key.find('\0') != std::string_view::npos) return "contains a NUL byte";
  if (!std::ranges::all_of(key, [](char byte) { return static_cast<unsigned char>(byte) < 0x80; }))
    return "is not ASCII";
  return {};
}

std::string gguf_tensor_name_fault(std::string_view name) {
  if (name.empty()) return "is empty";
  if (name.size() > limits::gguf_tensor_name_bytes)
    return fmt::format("has {} bytes, the limit is {}", name.size(), limits::gguf_tensor_name_bytes);
  if (name.find('\0') != std::string_view::npos) return "contains a NUL byte";
  if (!is_utf8(name)) return "is not UTF-8";
  return {};
}

std::string gguf_alignment_fault(const MetadataValue& value) {
  const auto* scalar = std::get_if<MetadataScalar>(&value);
  const auto* alignment = scalar != nullptr ? std::get_if<std::uint32_t>(scalar) : nullptr;
  if (alignment == nullptr) return fmt::format("is of type {}, expected u32", value_type_name(value));
  if (!std::has_single_bit(*alignment) || *alignment > limits::gguf_alignment)
    return fmt::format("is {}, expected a power of two of at most {}", *alignment, limits::gguf_alignment);
  return {};
}

}  // namespace quantbench
