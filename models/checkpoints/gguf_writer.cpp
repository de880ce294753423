#include "models/checkpoints/gguf_writer.h"

#include <fmt/ranges.h>

#include <unordered_set>

#include "core/checked.h"
#include "core/utf8.h"
#include "models/checkpoints/gguf_types.h"
#include "models/checkpoints/gguf_values.h"
#include "models/checkpoints/limits.h"

namespace quantbench {
namespace {

constexpr std::uint32_t written_version = 3;
constexpr std::uint32_t least_alignment = 8;  // the specification asks for multiples of 8

std::uint64_t alignment_of(const Metadata& metadata, const std::filesystem::path& path) {
  const auto found = metadata.values().find(gguf_alignment_key);
  if (found == metadata.values().end()) return gguf_default_alignment;
  const std::string fault = gguf_alignment_fault(found->second);
  if (!fault.empty()) fail("cannot write {}: metadata key '{}' {}", path.string(), gguf_alignment_key, fault);
  const std::uint64_t alignment = metadata.unsigned_integer(gguf_alignment_key);
  if (alignment < least_alignment)
    fail("cannot write {}: metadata key '{}' is {}, expected at least {}", path.string(), gguf_alignment_key, alignment,
         least_alignment);
  return alignment;
}

void append_pair(std::string& header, const std::string& key, const MetadataValue& value,
                 const std::filesystem::path& path) {
  if (const std::string fault = gguf_key_fault(key); !fault.empty())
    fail("cannot write {}: metadata key {} {}", path.string(), printable(key), fault);
  append_gguf_string(header, key);
  append_gguf_value(header, value);
}

std::uint64_t checked_tensor_bytes(const GgufTensorInfo& info, const std::filesystem::path& path) {
  const std::string name = printable(info.name);
  if (const std::string fault = gguf_tensor_name_fault(info.name); !fault.empty())
    fail("cannot write {}: tensor name {} {}", path.string(), name, fault);
  const GgufType* type = find_gguf_type(info.type);
  if (type == nullptr)
    fail("cannot write {}: tensor {} has type id {}, which GGUF does not know", path.string(), name, info.type);
  if (info.dims.size() > limits::gguf_dimensions)
    fail("cannot write {}: tensor {} has {} dimensions, the limit is {}", path.string(), name, info.dims.size(),
         limits::gguf_dimensions);
  const std::uint64_t row_length = info.dims.empty() ? 1 : info.dims[0];
  if (row_length % type->block != 0)
    fail("cannot write {}: tensor {} has rows of {} weights, and {} stores multiples of {}", path.string(), name,
         row_length, type->name, type->block);
  const auto bytes = gguf_tensor_bytes(*type, info.dims);
  if (!bytes) fail("cannot write {}: tensor {}: {} weights overflow", path.string(), name, fmt::join(info.dims, " x "));
  return *bytes;
}

void append_info(std::string& header, const GgufTensorInfo& info, std::uint64_t offset) {
  append_gguf_string(header, info.name);
  append_little_endian(header, static_cast<std::uint32_t>(info.dims.size()));
  for (const std::uint64_t dim : info.dims) append_little_endian(header, dim);
  append_little_endian(header, info.type);
  append_little_endian(header, offset);
}

}  // namespace

GgufWriter::GgufWriter(std::filesystem::path path, const Metadata& metadata, const std::vector<GgufTensorInfo>& tensors)
    : path_(std::move(path)), file_(path_), alignment_(alignment_of(metadata, path_)) {
  write(plan(metadata, tensors));
  if (!planned_.empty()) pad();
}

std::string GgufWriter::plan(const Metadata& metadata, const std::vector<GgufTensorInfo>& tensors) {
  std::string header(gguf_magic);
  append_little_endian(header, written_version);
  append_little_endian(header, static_cast<std::uint64_t>(tensors.size()));
  append_little_endian(header, static_cast<std::uint64_t>(metadata.values().size()));
  for (const auto& [key, value] : metadata.values()) append_pair(header, key, value, path_);
  std::unordered_set<std::string_view> names;
  std::uint64_t offset = 0;
  for (const GgufTensorInfo& info : tensors) {
    planned_.push_back({info.name, checked_tensor_bytes(info, path_)});
    if (!names.insert(info.name).second) fail("cannot write {}: two tensors are named '{}'", path_.string(), info.name);
    append_info(header, info, offset);
    offset = checked_align_up(checked_add(offset, planned_.back().bytes), alignment_);
  }
  return header;
}

void GgufWriter::write(std::string_view bytes) {
  file_.write(bytes);
  written_ += bytes.size();
}

void GgufWriter::pad() { write(std::string(checked_align_up(written_, alignment_) - written_, '\0')); }

void GgufWriter::append(std::string_view name, std::span<const std::byte> bytes) {
  if (appended_ == planned_.size())
    fail("cannot write {}: tensor {} was not declared", path_.string(), printable(name));
  const Planned& next = planned_[appended_];
  if (name != next.name)
    fail("cannot write {}: tensor {} comes where {} was declared", path_.string(), printable(name),
         printable(next.name));
  if (bytes.size() != next.bytes)
    fail("cannot write {}: tensor {} has {} bytes, expected {}", path_.string(), printable(name), bytes.size(),
         next.bytes);
  file_.write(bytes);
  written_ += bytes.size();
  pad();
  ++appended_;
}

void GgufWriter::commit() {
  if (appended_ != planned_.size())
    fail("cannot write {}: {} of {} tensors were appended", path_.string(), appended_, planned_.size());
  file_.commit();
}

}  // namespace quantbench
