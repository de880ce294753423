#include "models/checkpoints/gguf_reader.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <unordered_set>

#include "core/byte_cursor.h"
#include "core/checked.h"
#include "core/utf8.h"
#include "models/checkpoints/file_signature.h"
#include "models/checkpoints/gguf_types.h"
#include "models/checkpoints/gguf_values.h"
#include "models/checkpoints/limits.h"
#include "quantizers/formats/registry.h"

namespace quantbench {
namespace {

// The smallest encodings: a pair is key length, one byte of key, type and one byte of value; a tensor info is name
// length, one byte of name, dimension count, no dimensions, type and offset.
constexpr std::uint64_t least_pair_bytes = 8 + 1 + 4 + 1;
constexpr std::uint64_t least_tensor_info_bytes = 8 + 1 + 4 + 4 + 8;

struct TensorInfo {
  CheckpointTensor tensor;
  std::uint64_t offset = 0;     // from the start of the data section
  std::uint64_t offset_at = 0;  // where in the file the offset is stored
  std::uint64_t size = 0;
};

void check_magic(ByteCursor& cursor, std::span<const std::byte> file) {
  if (cursor.size() >= gguf_magic.size() && cursor.take_text(gguf_magic.size(), "the magic") == gguf_magic) return;
  cursor.fail_at(0, "not a GGUF file: {}", describe_contents(file));
}

std::uint32_t read_version(ByteCursor& cursor) {
  const std::uint64_t at = cursor.position();
  const auto version = cursor.read<std::uint32_t>("the version");
  if (version == 2 || version == 3) return version;
  if (version != 0 && (version & 0xFFFFu) == 0)
    cursor.fail_at(at, "version is 0x{:08x}: a big-endian file, only little-endian ones are read", version);
  if (version == 1) cursor.fail_at(at, "version is 1, expected 2 or 3; convert the file with a current tool");
  cursor.fail_at(at, "version is {}, expected 2 or 3", version);
}

void check_count(const ByteCursor& cursor, std::uint64_t at, std::uint64_t count, std::uint64_t least_bytes,
                 const char* what) {
  if (count > cursor.remaining() / least_bytes)
    cursor.fail_at(at, "{} {} of at least {} bytes each, and the file has {} bytes left", count, what, least_bytes,
                   cursor.remaining());
}

std::string_view read_name(ByteCursor& cursor, const char* what, std::string (*fault)(std::string_view)) {
  const std::uint64_t at = cursor.position();
  const auto length = cursor.read<std::uint64_t>("the length of a name");
  const std::string_view name = cursor.take_text(length, what);
  if (const std::string found = fault(name); !found.empty())
    cursor.fail_at(at, "{} {} {}", what, printable(name), found);
  return name;
}

void read_pair(ByteCursor& cursor, Metadata& metadata) {
  const std::uint64_t key_at = cursor.position();
  std::string key(read_name(cursor, "metadata key", gguf_key_fault));
  if (metadata.contains(key)) cursor.fail_at(key_at, "metadata key {} exists twice", printable(key));
  cursor.set_place("metadata key " + printable(key));
  const std::uint64_t value_at = cursor.position();
  MetadataValue value = read_gguf_value(cursor);
  if (key == gguf_alignment_key)
    if (const std::string fault = gguf_alignment_fault(value); !fault.empty()) cursor.fail_at(value_at, "{}", fault);
  metadata.set(std::move(key), std::move(value));
}

std::vector<std::uint64_t> read_dimensions(ByteCursor& cursor) {
  const std::uint64_t count_at = cursor.position();
  const auto count = cursor.read<std::uint32_t>("the number of dimensions");
  if (count > limits::gguf_dimensions)
    cursor.fail_at(count_at, "{} dimensions, the limit is {}", count, limits::gguf_dimensions);
  std::vector<std::uint64_t> dims;
  for (std::uint32_t axis = 0; axis < count; ++axis) {
    const std::uint64_t at = cursor.position();
    const auto dim = cursor.read<std::int64_t>("a dimension");
    if (dim < 0) cursor.fail_at(at, "dimension {} is {}, expected a number >= 0", axis, dim);
    dims.push_back(static_cast<std::uint64_t>(dim));
  }
  return dims;
}

const GgufType& read_type(ByteCursor& cursor) {
  const std::uint64_t at = cursor.position();
  const auto id = cursor.read<std::uint32_t>("the type");
  const GgufType* type = find_gguf_type(id);
  if (type == nullptr) cursor.fail_at(at, "type id {} is not known{}", id, unknown_gguf_type_hint(id));
  return *type;
}

TensorInfo read_tensor_info(ByteCursor& cursor, std::unordered_set<std::string_view>& names) {
  const std::uint64_t name_at = cursor.position();
  const std::string_view name = read_name(cursor, "tensor name", gguf_tensor_name_fault);
  if (!names.insert(name).second) cursor.fail_at(name_at, "tensor {} exists twice", printable(name));
  cursor.set_place("tensor " + printable(name));
  TensorInfo info;
  info.tensor.name = name;
  const std::uint64_t dims_at = cursor.position();
  info.tensor.dims = read_dimensions(cursor);
  const GgufType& type = read_type(cursor);
  if (info.tensor.row_length() % type.block != 0)
    cursor.fail_at(dims_at, "rows of {} weights, and {} stores multiples of {}", info.tensor.row_length(), type.name,
                   type.block);
  const auto size = gguf_tensor_bytes(type, info.tensor.dims);
  if (!size) cursor.fail_at(dims_at, "dimensions {} overflow", fmt::join(info.tensor.dims, " x "));
  info.size = *size;
  info.tensor.gguf_type = type.id;
  info.tensor.type_name = type.name;
  info.tensor.format = find_gguf_format(type.id);
  info.offset_at = cursor.position();
  info.offset = cursor.read<std::uint64_t>("the data offset");
  return info;
}

void place_tensor(const ByteCursor& cursor, const GgufFile& file, std::span<const std::byte> data, TensorInfo& info) {
  const std::string name = printable(info.tensor.name);
  if (info.offset % file.alignment != 0)
    cursor.fail_at(info.offset_at, "tensor {}: offset {} is not a multiple of the alignment {}", name, info.offset,
                   file.alignment);
  if (info.offset > data.size() || info.size > data.size() - info.offset)
    cursor.fail_at(
        info.offset_at,
        "tensor {}: {} bytes at offset {} of the data section, which has {} bytes; the file may be truncated", name,
        info.size, info.offset, data.size());
  info.tensor.bytes = data.subspan(info.offset, info.size);
}

void check_no_overlap(const ByteCursor& cursor, std::span<const TensorInfo> infos) {
  std::vector<const TensorInfo*> sorted;
  for (const TensorInfo& info : infos)
    if (info.size > 0) sorted.push_back(&info);
  std::ranges::stable_sort(sorted, {}, &TensorInfo::offset);
  for (std::size_t index = 1; index < sorted.size(); ++index) {
    const TensorInfo& before = *sorted[index - 1];
    const TensorInfo& after = *sorted[index];
    if (before.offset + before.size > after.offset)
      cursor.fail_at(after.offset_at, "tensor {}: offset {} lies inside tensor {}, which ends at {}",
                     printable(after.tensor.name), after.offset, printable(before.tensor.name),
                     before.offset + before.size);
  }
}

void place_tensors(ByteCursor& cursor, std::span<const std::byte> bytes, std::vector<TensorInfo> infos,
                   GgufFile& file) {
  cursor.set_place({});
  const std::uint64_t end_of_infos = cursor.position();
  file.data_start = infos.empty() ? end_of_infos : checked_align_up(end_of_infos, file.alignment);
  if (file.data_start > cursor.size())
    cursor.fail_at(end_of_infos, "the data section should start at byte {}, and the file has {} bytes", file.data_start,
                   cursor.size());
  const auto data = bytes.subspan(file.data_start);
  for (TensorInfo& info : infos) place_tensor(cursor, file, data, info);
  check_no_overlap(cursor, infos);
  for (TensorInfo& info : infos) file.tensors.push_back(std::move(info.tensor));
}

}  // namespace

GgufFile parse_gguf(std::span<const std::byte> bytes, const std::string& source) {
  ByteCursor cursor(bytes, source);
  GgufFile file;
  file.metadata = Metadata(source);
  check_magic(cursor, bytes);
  file.version = read_version(cursor);
  const std::uint64_t tensor_count_at = cursor.position();
  const auto tensor_count = cursor.read<std::uint64_t>("the tensor count");
  const std::uint64_t pair_count_at = cursor.position();
  const auto pair_count = cursor.read<std::uint64_t>("the metadata count");
  check_count(cursor, pair_count_at, pair_count, least_pair_bytes, "metadata pairs");
  check_count(cursor, tensor_count_at, tensor_count, least_tensor_info_bytes, "tensors");
  for (std::uint64_t index = 0; index < pair_count; ++index) {
    cursor.set_place(fmt::format("metadata pair {}", index));
    read_pair(cursor, file.metadata);
  }
  file.alignment = file.metadata.contains(gguf_alignment_key) ? file.metadata.unsigned_integer(gguf_alignment_key)
                                                              : gguf_default_alignment;
  check_count(cursor, tensor_count_at, tensor_count, least_tensor_info_bytes, "tensors");
  std::vector<TensorInfo> infos;
  std::unordered_set<std::string_view> names;
  infos.reserve(tensor_count);
  for (std::uint64_t index = 0; index < tensor_count; ++index) {
    cursor.set_place(fmt::format("tensor info {}", index));
    infos.push_back(read_tensor_info(cursor, names));
  }
  place_tensors(cursor, bytes, std::move(infos), file);
  return file;
}

}  // namespace quantbench
