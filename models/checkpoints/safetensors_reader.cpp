#include "models/checkpoints/safetensors_reader.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "core/byte_cursor.h"
#include "core/suggest.h"
#include "core/utf8.h"
#include "models/checkpoints/file_signature.h"
#include "models/checkpoints/limits.h"
#include "models/checkpoints/safetensors_types.h"
#include "models/checkpoints/strict_json.h"
#include "quantizers/formats/registry.h"

namespace quantbench {
namespace {

using nlohmann::json;

constexpr std::string_view metadata_member = "__metadata__";

struct PlacedTensor {
  CheckpointTensor tensor;
  std::uint64_t begin = 0;  // from the start of the data
  std::uint64_t end = 0;
};

/// The header of one file while it is taken apart.
struct Header {
  const std::string& source;

  template <class... Args>
  [[noreturn]] void fail_at(std::string_view tensor, fmt::format_string<Args...> format, Args&&... args) const {
    fail("{}: tensor {}: {}", source, printable(tensor), fmt::format(format, std::forward<Args>(args)...));
  }
};

std::string_view read_header_text(ByteCursor& cursor, std::span<const std::byte> file) {
  const auto length = cursor.read<std::uint64_t>("the header length");
  if (length > limits::safetensors_header_bytes)
    cursor.fail_at(0, "header of {} bytes, the limit is {}; {}", length, limits::safetensors_header_bytes,
                   describe_contents(file));
  const std::uint64_t at = cursor.position();
  const std::string_view text = cursor.take_text(length, "the header");
  if (!text.starts_with('{')) cursor.fail_at(at, "the header does not start with '{{'; {}", describe_contents(file));
  return text;
}

std::uint64_t read_unsigned(const Header& header, std::string_view tensor, const json& value, const char* what) {
  if (!value.is_number_unsigned())
    header.fail_at(tensor, "{} holds {}, expected whole numbers >= 0", what, printable(value.dump()));
  return value.get<std::uint64_t>();
}

const json& member(const Header& header, std::string_view tensor, const json& entry, const char* name) {
  const auto found = entry.find(name);
  if (found == entry.end()) header.fail_at(tensor, "no member '{}'", name);
  return *found;
}

void check_members(const Header& header, std::string_view tensor, const json& entry) {
  if (!entry.is_object()) header.fail_at(tensor, "is {}, expected an object", entry.type_name());
  // What this reader does not know could change what the bytes mean, so it is not skipped.
  for (const auto& [name, value] : entry.items())
    if (name != "dtype" && name != "shape" && name != "data_offsets")
      header.fail_at(tensor, "unknown member {}", printable(name));
}

const SafetensorsType& read_type(const Header& header, std::string_view tensor, const json& entry) {
  const json& dtype = member(header, tensor, entry, "dtype");
  if (!dtype.is_string()) header.fail_at(tensor, "dtype is {}, expected a string", dtype.type_name());
  const auto& name = dtype.get_ref<const std::string&>();
  const SafetensorsType* type = find_safetensors_type(name);
  if (type == nullptr)
    header.fail_at(tensor, "unknown dtype {}{}", printable(name), suggestion(name, safetensors_type_names()));
  return *type;
}

/// Bytes that the shape takes; checks the products.
std::uint64_t stored_bytes(const Header& header, const CheckpointTensor& tensor, std::uint64_t bits_per_element) {
  if (std::ranges::find(tensor.dims, std::uint64_t{0}) != tensor.dims.end()) return 0;
  std::uint64_t bits = bits_per_element;
  for (const std::uint64_t dim : tensor.dims)
    if (__builtin_mul_overflow(bits, dim, &bits))
      header.fail_at(tensor.name, "shape {} (last axis first) overflows", fmt::join(tensor.dims, " x "));
  if (bits % 8 != 0) header.fail_at(tensor.name, "{} bits do not fill whole bytes", bits);
  return bits / 8;
}

PlacedTensor read_tensor(const Header& header, const std::string& name, const json& entry) {
  if (name.empty() || name.find('\0') != std::string::npos)
    fail("{}: tensor name {} is empty or contains a NUL", header.source, printable(name));
  check_members(header, name, entry);
  const SafetensorsType& type = read_type(header, name, entry);
  PlacedTensor placed;
  placed.tensor.name = name;
  placed.tensor.type_name = type.name;
  placed.tensor.gguf_type = type.gguf_type;
  if (type.gguf_type != no_gguf_type) placed.tensor.format = find_gguf_format(type.gguf_type);
  const json& shape = member(header, name, entry, "shape");
  if (!shape.is_array()) header.fail_at(name, "shape is {}, expected an array", shape.type_name());
  for (const json& dim : shape) placed.tensor.dims.push_back(read_unsigned(header, name, dim, "shape"));
  std::ranges::reverse(placed.tensor.dims);
  const json& offsets = member(header, name, entry, "data_offsets");
  if (!offsets.is_array() || offsets.size() != 2) header.fail_at(name, "data_offsets is not an array of two numbers");
  placed.begin = read_unsigned(header, name, offsets[0], "data_offsets");
  placed.end = read_unsigned(header, name, offsets[1], "data_offsets");
  if (placed.begin > placed.end) header.fail_at(name, "data_offsets [{}, {}] are reversed", placed.begin, placed.end);
  const std::uint64_t bytes = stored_bytes(header, placed.tensor, type.bits);
  if (placed.end - placed.begin != bytes)
    header.fail_at(name, "data_offsets [{}, {}] span {} bytes, and its shape and dtype take {}", placed.begin,
                   placed.end, placed.end - placed.begin, bytes);
  return placed;
}

void read_metadata(const Header& header, const json& members, std::map<std::string, std::string>& metadata) {
  if (!members.is_object())
    fail("{}: {} is {}, expected an object", header.source, metadata_member, members.type_name());
  for (const auto& [key, value] : members.items()) {
    if (!value.is_string())
      fail("{}: {} member {} is {}, expected a string", header.source, metadata_member, printable(key),
           value.type_name());
    metadata.emplace(key, value.get<std::string>());
  }
}

/// The tensors, in the order of their bytes, must cover the data exactly.
void tile(const Header& header, std::span<const std::byte> data, std::vector<PlacedTensor>& placed) {
  std::ranges::stable_sort(placed, {}, [](const PlacedTensor& tensor) { return std::pair(tensor.begin, tensor.end); });
  std::uint64_t expected = 0;
  for (PlacedTensor& tensor : placed) {
    if (tensor.begin != expected)
      header.fail_at(tensor.tensor.name, "its bytes begin at {}, and the bytes before it end at {}", tensor.begin,
                     expected);
    if (tensor.end > data.size())
      header.fail_at(tensor.tensor.name, "its bytes end at {}, and the file has {} bytes of data; it may be truncated",
                     tensor.end, data.size());
    tensor.tensor.bytes = data.subspan(tensor.begin, tensor.end - tensor.begin);
    expected = tensor.end;
  }
  if (expected != data.size())
    fail("{}: {} bytes of data, and the tensors take {}", header.source, data.size(), expected);
}

}  // namespace

SafetensorsFile parse_safetensors(std::span<const std::byte> bytes, const std::string& source) {
  ByteCursor cursor(bytes, source);
  const std::string_view text = read_header_text(cursor, bytes);
  const json members = parse_strict_json(text, source + ": header");
  const Header header{source};
  SafetensorsFile file;
  std::vector<PlacedTensor> placed;
  for (const auto& [name, entry] : members.items()) {
    if (name == metadata_member) {
      read_metadata(header, entry, file.metadata);
    } else {
      placed.push_back(read_tensor(header, name, entry));
    }
  }
  tile(header, bytes.subspan(cursor.position()), placed);
  for (PlacedTensor& tensor : placed) file.tensors.push_back(std::move(tensor.tensor));
  return file;
}

}  // namespace quantbench
