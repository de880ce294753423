#include "models/checkpoints/safetensors_writer.h"

#include <cstdint>
#include <nlohmann/json.hpp>

#include "core/checked.h"
#include "core/file.h"
#include "core/utf8.h"

namespace quantbench {
namespace {

using nlohmann::ordered_json;

constexpr const char* metadata_member = "__metadata__";
constexpr std::size_t data_alignment = 8;

void check_matrix(const std::filesystem::path& path, const NamedMatrix& tensor) {
  const auto& [name, matrix] = tensor;
  if (name.empty() || name == metadata_member || name.find('\0') != std::string::npos || !is_utf8(name))
    fail("cannot write {}: {} cannot be the name of a tensor", path.string(), printable(name));
  if (matrix.values.size() != checked_multiply(matrix.rows, matrix.cols))
    fail("cannot write {}: tensor {} is {} x {} but has {} values", path.string(), printable(name), matrix.rows,
         matrix.cols, matrix.values.size());
}

std::string header_of(const std::filesystem::path& path, std::span<const NamedMatrix> matrices,
                      const std::map<std::string, std::string>& metadata) {
  ordered_json header = ordered_json::object();
  if (!metadata.empty()) header[metadata_member] = metadata;
  std::uint64_t begin = 0;
  for (const NamedMatrix& tensor : matrices) {
    check_matrix(path, tensor);
    if (header.contains(tensor.name))
      fail("cannot write {}: two tensors are named {}", path.string(), printable(tensor.name));
    const std::uint64_t end = checked_add<std::uint64_t>(begin, tensor.matrix.values.size_bytes());
    header[tensor.name] = {
        {"dtype", "F32"}, {"shape", {tensor.matrix.rows, tensor.matrix.cols}}, {"data_offsets", {begin, end}}};
    begin = end;
  }
  std::string text = header.dump();
  text.resize(checked_align_up(text.size(), data_alignment), ' ');
  return text;
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, std::span<const NamedMatrix> matrices,
                       const std::map<std::string, std::string>& metadata) {
  for (const auto& [key, value] : metadata)
    if (!is_utf8(key) || !is_utf8(value))
      fail("cannot write {}: metadata {} is not UTF-8", path.string(), printable(key));
  const std::string header = header_of(path, matrices, metadata);
  const std::uint64_t length = header.size();
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(header);
  for (const NamedMatrix& tensor : matrices) file.write(std::as_bytes(tensor.matrix.values));
  file.commit();
}

}  // namespace quantbench
