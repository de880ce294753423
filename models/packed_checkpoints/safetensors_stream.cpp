#include "models/packed_checkpoints/safetensors_stream.h"

#include <nlohmann/json.hpp>

#include "core/utf8.h"

namespace quantbench {
namespace {

constexpr const char* metadata_member = "__metadata__";
constexpr std::size_t data_alignment = 8;

}  // namespace

SafetensorsStream::SafetensorsStream(const std::filesystem::path& path, std::span<const StoredTensor> announced)
    : path_(path), file_(path) {
  nlohmann::ordered_json header = {{metadata_member, {{"format", "pt"}}}};
  std::uint64_t begin = 0;
  for (const StoredTensor& tensor : announced) {
    if (tensor.name.empty() || !is_utf8(tensor.name) || header.contains(tensor.name))
      fail("cannot write {}: a tensor named {}, which is empty, not UTF-8 or taken", path.string(),
           printable(tensor.name));
    const std::uint64_t bytes = tensor.size_bytes(), end = checked_add(begin, bytes);
    header[tensor.name] = {{"dtype", tensor.type}, {"shape", tensor.shape}, {"data_offsets", {begin, end}}};
    expected_.push_back({tensor.name, bytes});
    begin = end;
  }
  std::string text = header.dump();
  text.resize(checked_align_up(text.size(), data_alignment), ' ');
  const std::uint64_t length = text.size();
  file_.write(std::as_bytes(std::span(&length, 1)));
  file_.write(text);
}

void SafetensorsStream::append(const std::string& name, std::span<const std::byte> bytes) {
  if (appended_ == expected_.size() || expected_[appended_].name != name || expected_[appended_].bytes != bytes.size())
    fail("cannot write {}: tensor {} of {} bytes was not announced in this place", path_.string(), printable(name),
         bytes.size());
  file_.write(bytes);
  ++appended_;
}

void SafetensorsStream::commit() {
  if (appended_ != expected_.size())
    fail("cannot write {}: {} of {} tensors are missing", path_.string(), expected_.size() - appended_,
         expected_.size());
  file_.commit();
}

}  // namespace quantbench
