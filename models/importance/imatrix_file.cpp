#include "models/importance/imatrix_file.h"

#include <cmath>
#include <cstring>

#include "core/byte_cursor.h"
#include "core/checked.h"
#include "core/file.h"
#include "core/utf8.h"
#include "models/checkpoints/file_signature.h"
#include "models/checkpoints/gguf_reader.h"
#include "models/checkpoints/gguf_writer.h"

namespace quantbench {
namespace {

constexpr std::string_view sums_suffix = ".in_sum2", old_sums_suffix = ".sums", counts_suffix = ".counts";
constexpr std::string_view plain_sums_suffix = ".in_sum";  // sums of x: not used
constexpr const char* type_key = "general.type";
constexpr const char* datasets_key = "imatrix.datasets";
constexpr const char* chunk_count_key = "imatrix.chunk_count";
constexpr const char* chunk_size_key = "imatrix.chunk_size";
constexpr std::uint32_t f32_type = 0;

void check_values(std::span<const float> values, std::size_t cols, const std::string& place) {
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!std::isfinite(values[i]) || values[i] < 0)
      fail("{}, column {}{}: the value is {}, expected a finite number of at least 0", place, i % cols,
           values.size() == cols ? "" : fmt::format(" of matrix {}", i / cols), values[i]);
}

/// The values of an f32 tensor; in files nothing is aligned for certain.
std::vector<float> values_of(const CheckpointTensor& tensor, const std::string& source) {
  if (tensor.gguf_type != f32_type)
    fail("{}: tensor {} is of type {}, expected F32", source, printable(tensor.name), tensor.type_name);
  std::vector<float> values(tensor.bytes.size() / sizeof(float));
  if (values.empty()) fail("{}: tensor {} is empty", source, printable(tensor.name));
  std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  check_values(values, tensor.row_length(), fmt::format("{}: tensor {}", source, printable(tensor.name)));
  return values;
}

using TensorsByName = std::map<std::string_view, const CheckpointTensor*>;

ImportanceEntry entry_of(const std::string& name, const CheckpointTensor& sums, const TensorsByName& tensors,
                         const std::string& source) {
  const std::string counts_name = name + std::string(counts_suffix);
  const auto counts = tensors.find(counts_name);
  if (counts == tensors.end())
    fail("{}: tensor {} has no tensor {}", source, printable(sums.name), printable(counts_name));
  ImportanceEntry entry{values_of(sums, source), values_of(*counts->second, source)};
  if (entry.counts.size() != sums.row_count())
    fail("{}: tensor {} has {} values, expected {} as {} has rows", source, printable(counts_name), entry.counts.size(),
         sums.row_count(), printable(sums.name));
  return entry;
}

std::optional<std::string> weight_name(std::string_view tensor) {
  for (const std::string_view suffix : {sums_suffix, old_sums_suffix})
    if (tensor.size() > suffix.size() && tensor.ends_with(suffix))
      return std::string(tensor.substr(0, tensor.size() - suffix.size()));
  return std::nullopt;
}

void check_known(const CheckpointTensor& tensor, const TensorsByName& tensors, const std::string& source) {
  if (weight_name(tensor.name) || tensor.name.ends_with(plain_sums_suffix)) return;
  const std::string_view base = std::string_view(tensor.name).substr(0, tensor.name.rfind('.'));
  const auto has = [&](std::string_view suffix) { return tensors.contains(std::string(base) + std::string(suffix)); };
  if (!tensor.name.ends_with(counts_suffix) || !(has(sums_suffix) || has(old_sums_suffix)))
    fail("{}: tensor {} does not belong to an importance matrix (NAME{} with NAME{})", source, printable(tensor.name),
         sums_suffix, counts_suffix);
}

std::uint32_t number_or_zero(const Metadata& metadata, const char* key) {
  return metadata.contains(key) ? checked_cast<std::uint32_t>(metadata.unsigned_integer(key), key) : 0;
}

std::string read_name(ByteCursor& cursor) {
  constexpr std::int32_t longest = 255;
  const std::uint64_t at = cursor.position();
  const auto length = cursor.read<std::int32_t>("the length of a name");
  if (length < 1 || length > longest)
    cursor.fail_at(at, "the length of a name is {}, expected 1 to {}", length, longest);
  const std::string_view name = cursor.take_text(static_cast<std::uint64_t>(length), "a name");
  if (!is_utf8(name) || name.find('\0') != std::string_view::npos)
    cursor.fail_at(at, "the name {} is not text", printable(name));
  return std::string(name);
}

ImportanceEntry read_entry(ByteCursor& cursor) {
  const std::uint64_t calls_at = cursor.position();
  const auto calls = cursor.read<std::int32_t>("the number of calls");
  if (calls < 0) cursor.fail_at(calls_at, "the number of calls is {}, expected at least 0", calls);
  const std::uint64_t count_at = cursor.position();
  const auto count = cursor.read<std::int32_t>("the number of values");
  if (count < 1) cursor.fail_at(count_at, "the number of values is {}, expected at least 1", count);
  const std::uint64_t values_at = cursor.position();
  const auto bytes = cursor.take(static_cast<std::uint64_t>(count) * sizeof(float), "the values");
  ImportanceEntry entry;
  entry.sums_of_squares.resize(static_cast<std::size_t>(count));
  std::memcpy(entry.sums_of_squares.data(), bytes.data(), bytes.size());
  for (std::size_t i = 0; i < entry.sums_of_squares.size(); ++i)
    if (const float value = entry.sums_of_squares[i]; !std::isfinite(value) || value < 0)
      cursor.fail_at(values_at + i * sizeof(float),
                     "column {}: the value is {}, expected a finite number of at least 0", i, value);
  entry.counts = {calls > 0 ? static_cast<float>(calls) : 1.0f};  // without calls the values are the means themselves
  return entry;
}

void read_trailer(ByteCursor& cursor, ImportanceMatrix& matrix) {
  const std::uint64_t chunks_at = cursor.position();
  const auto chunks = cursor.read<std::int32_t>("the number of chunks");
  if (chunks < 0) cursor.fail_at(chunks_at, "the number of chunks is {}, expected at least 0", chunks);
  matrix.chunk_count = static_cast<std::uint32_t>(chunks);
  const std::uint64_t length_at = cursor.position();
  const auto length = cursor.read<std::int32_t>("the length of the text's path");
  if (length < 0) cursor.fail_at(length_at, "the length of the text's path is {}, expected at least 0", length);
  const std::string_view path = cursor.take_text(static_cast<std::uint64_t>(length), "the text's path");
  if (!path.empty()) matrix.datasets.emplace_back(path);
  if (cursor.remaining() > 0) cursor.fail_at(cursor.position(), "{} bytes after the end", cursor.remaining());
}

bool has_imatrix_type(std::span<const std::byte> file, const std::string& source) {
  const GgufFile gguf = parse_gguf(file, source);
  return gguf.metadata.contains(type_key) && gguf.metadata.text(type_key) == "imatrix";
}

/// What a .dat file must begin with; everything else is left to its reader.
bool begins_like_dat(std::span<const std::byte> file) {
  constexpr std::int32_t most_entries = 1 << 20, longest_name = 255;
  if (file.size() < 3 * sizeof(std::int32_t)) return false;
  std::int32_t head[2];
  std::memcpy(head, file.data(), sizeof head);
  return head[0] >= 1 && head[0] <= most_entries && head[1] >= 1 && head[1] <= longest_name;
}

}  // namespace

ImportanceMatrix parse_imatrix_gguf(std::span<const std::byte> bytes, const std::string& source) {
  const GgufFile file = parse_gguf(bytes, source);
  const std::string type = file.metadata.contains(type_key) ? file.metadata.text(type_key) : "";
  if (type != "imatrix")
    fail("{}: not an importance matrix: {} is {}, expected \"imatrix\"", source, type_key,
         type.empty() ? "missing" : printable(type));
  TensorsByName tensors;
  for (const CheckpointTensor& tensor : file.tensors) tensors.emplace(tensor.name, &tensor);
  ImportanceMatrix matrix;
  for (const CheckpointTensor& tensor : file.tensors) {
    check_known(tensor, tensors, source);
    const auto name = weight_name(tensor.name);
    if (!name) continue;
    if (!matrix.entries.emplace(*name, entry_of(*name, tensor, tensors, source)).second)
      fail("{}: tensor {}: {} has both {} and {}", source, printable(tensor.name), printable(*name), sums_suffix,
           old_sums_suffix);
  }
  if (matrix.entries.empty()) fail("{}: the importance matrix has no entries", source);
  if (file.metadata.contains(datasets_key)) matrix.datasets = file.metadata.texts(datasets_key);
  matrix.chunk_count = number_or_zero(file.metadata, chunk_count_key);
  matrix.chunk_size = number_or_zero(file.metadata, chunk_size_key);
  return matrix;
}

ImportanceMatrix parse_imatrix_dat(std::span<const std::byte> file, const std::string& source) {
  ByteCursor cursor(file, source);
  const auto count = cursor.read<std::int32_t>("the number of entries");
  if (count < 1) cursor.fail_at(0, "the number of entries is {}, expected at least 1", count);
  ImportanceMatrix matrix;
  for (std::int32_t index = 0; index < count; ++index) {
    cursor.set_place(fmt::format("entry {} of {}", index, count));
    const std::uint64_t at = cursor.position();
    std::string name = read_name(cursor);
    cursor.set_place("tensor " + printable(name));
    ImportanceEntry entry = read_entry(cursor);
    if (!matrix.entries.emplace(std::move(name), std::move(entry)).second) cursor.fail_at(at, "the entry exists twice");
  }
  cursor.set_place({});
  if (cursor.remaining() > 0) read_trailer(cursor, matrix);
  return matrix;
}

ImportanceMatrix read_importance_matrix(const std::filesystem::path& path) {
  const MappedFile file(path);
  if (kind_of(file.bytes()) == FileKind::gguf) return parse_imatrix_gguf(file.bytes(), path.string());
  if (!begins_like_dat(file.bytes()))
    fail("{}: not an importance matrix: {}; expected imatrix.gguf or imatrix.dat", path.string(),
         describe_contents(file.bytes()));
  return parse_imatrix_dat(file.bytes(), path.string());
}

bool is_importance_matrix(const std::filesystem::path& path) {
  try {
    if (!std::filesystem::is_regular_file(path)) return false;
    const MappedFile file(path);
    const FileKind kind = kind_of(file.bytes());
    if (kind == FileKind::gguf) return has_imatrix_type(file.bytes(), path.string());
    return kind == FileKind::other && begins_like_dat(file.bytes());
  } catch (const std::exception&) {  // whoever opens it will say what is wrong
    return false;
  }
}

void write_importance_matrix(const std::filesystem::path& path, const ImportanceMatrix& matrix) {
  Metadata metadata(path.string());
  metadata.set(type_key, MetadataScalar(std::string("imatrix")));
  metadata.set(datasets_key, MetadataArray(matrix.datasets));
  metadata.set(chunk_count_key, MetadataScalar(matrix.chunk_count));
  metadata.set(chunk_size_key, MetadataScalar(matrix.chunk_size));
  std::vector<GgufTensorInfo> infos;
  for (const auto& [name, entry] : matrix.entries) {
    const std::uint64_t matrices = entry.counts.size();
    infos.push_back({name + std::string(sums_suffix), {entry.sums_of_squares.size() / matrices, matrices}, f32_type});
    infos.push_back({name + std::string(counts_suffix), {1, matrices}, f32_type});
  }
  GgufWriter writer(path, metadata, infos);
  for (const auto& [name, entry] : matrix.entries) {
    writer.append(name + std::string(sums_suffix), std::as_bytes(std::span(entry.sums_of_squares)));
    writer.append(name + std::string(counts_suffix), std::as_bytes(std::span(entry.counts)));
  }
  writer.commit();
}

}  // namespace quantbench
