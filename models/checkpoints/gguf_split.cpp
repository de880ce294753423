#include <algorithm>
#include <iterator>

#include "core/error.h"
#include "core/file.h"
#include "models/checkpoints/file_signature.h"
#include "models/checkpoints/gguf_reader.h"
#include "models/checkpoints/limits.h"

namespace quantbench {
namespace {

constexpr std::string_view number_key = "split.no";
constexpr std::string_view count_key = "split.count";
constexpr std::string_view tensors_key = "split.tensors.count";

/// What the name `<base>-<number>-of-<count>.gguf` says; number is 1-based.
struct PartName {
  std::string base;
  std::uint64_t number = 0;
  std::uint64_t count = 0;
};

/// Reads the five digits that `text` ends with and removes them; none when it does not end so.
std::optional<std::uint64_t> take_trailing_number(std::string_view& text) {
  constexpr std::size_t digits = 5;
  if (text.size() < digits) return std::nullopt;
  std::uint64_t number = 0;
  for (const char digit : text.substr(text.size() - digits)) {
    if (digit < '0' || digit > '9') return std::nullopt;
    number = number * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  text.remove_suffix(digits);
  return number;
}

bool take_suffix(std::string_view& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return false;
  text.remove_suffix(suffix.size());
  return true;
}

std::optional<PartName> parse_part_name(const std::filesystem::path& path) {
  const std::string file_name = path.filename().string();
  std::string_view rest = file_name;
  if (!take_suffix(rest, ".gguf")) return std::nullopt;
  const auto count = take_trailing_number(rest);
  if (!count || !take_suffix(rest, "-of-")) return std::nullopt;
  const auto number = take_trailing_number(rest);
  if (!number || !take_suffix(rest, "-")) return std::nullopt;
  return PartName{std::string(rest), *number, *count};
}

std::filesystem::path part_path(const std::filesystem::path& sibling, const PartName& name, std::uint64_t number) {
  return sibling.parent_path() / fmt::format("{}-{:05}-of-{:05}.gguf", name.base, number, name.count);
}

struct OpenFile {
  MappedFile mapping;
  GgufFile gguf;
};

OpenFile open_file(const std::filesystem::path& path) {
  MappedFile mapping(path);
  GgufFile gguf = parse_gguf(mapping.bytes(), path.string());
  return {std::move(mapping), std::move(gguf)};
}

std::uint64_t declared_count(const Metadata& metadata) {
  if (!metadata.contains(count_key)) return 1;
  const std::uint64_t count = metadata.unsigned_integer(count_key);
  if (count > limits::gguf_shards)
    fail("{}: metadata key '{}' is {}, the limit is {}", metadata.file(), count_key, count, limits::gguf_shards);
  return count;
}

/// The files of one set and what they hold so far.
struct SplitSet {
  Metadata metadata;
  std::vector<CheckpointTensor> tensors;
  std::vector<std::filesystem::path> files;
  std::vector<MappedFile> mappings;
};

void check_part(const Metadata& metadata, const PartName& name, std::uint64_t number) {
  if (const std::uint64_t count = declared_count(metadata); count != name.count)
    fail("{}: metadata key '{}' is {}, and the file names say {}", metadata.file(), count_key, count, name.count);
  if (const std::uint64_t stored = metadata.unsigned_integer(number_key); stored != number - 1)
    fail("{}: metadata key '{}' is {}, expected {} from the file name", metadata.file(), number_key, stored,
         number - 1);
}

void add_part(SplitSet& set, const std::filesystem::path& path, const PartName& name, std::uint64_t number) {
  if (is_absent(path)) fail("{}: part {} of {} of a split checkpoint is missing", path.string(), number, name.count);
  OpenFile part = open_file(path);
  check_part(part.gguf.metadata, name, number);
  if (number == 1) set.metadata = std::move(part.gguf.metadata);
  std::ranges::move(part.gguf.tensors, std::back_inserter(set.tensors));
  set.files.push_back(path);
  set.mappings.push_back(std::move(part.mapping));
}

void finish(SplitSet& set) {
  if (set.metadata.contains(tensors_key)) {
    const std::uint64_t expected = set.metadata.unsigned_integer(tensors_key);
    if (expected != set.tensors.size())
      fail("{}: metadata key '{}' is {}, and the {} parts hold {} tensors", set.metadata.file(), tensors_key, expected,
           set.files.size(), set.tensors.size());
  }
  for (const std::string_view key : {number_key, count_key, tensors_key}) set.metadata.erase(key);
}

Checkpoint checkpoint_of(SplitSet set, const std::filesystem::path& path) {
  const auto mappings = std::make_shared<const std::vector<MappedFile>>(std::move(set.mappings));
  return Checkpoint(std::move(set.metadata), std::move(set.tensors), path.string(), std::move(set.files), mappings, {},
                    mappings);
}

}  // namespace

Checkpoint open_gguf(const std::filesystem::path& path) {
  const std::optional<PartName> name = parse_part_name(path);
  SplitSet set;
  {
    OpenFile file = open_file(path);
    const std::uint64_t count = declared_count(file.gguf.metadata);
    if (count <= 1) {
      if (name && name->count > 1)
        fail("{}: the name says part {} of {}, but the file has no metadata key '{}'", path.string(), name->number,
             name->count, count_key);
      set = {std::move(file.gguf.metadata), std::move(file.gguf.tensors), {path}, {}};
      set.mappings.push_back(std::move(file.mapping));
      finish(set);
      return checkpoint_of(std::move(set), path);
    }
    if (!name)
      fail(
          "{}: part {} of a checkpoint split in {} must be named '<base>-00001-of-{:05}.gguf', or the other parts "
          "cannot be found",
          path.string(), file.gguf.metadata.unsigned_integer(number_key) + 1, count, count);
    if (name->number == 0 || name->number > name->count)
      fail("{}: the name says part {} of {}", path.string(), name->number, name->count);
    check_part(file.gguf.metadata, *name, name->number);
  }
  for (std::uint64_t number = 1; number <= name->count; ++number)
    add_part(set, part_path(path, *name, number), *name, number);
  finish(set);
  return checkpoint_of(std::move(set), path);
}

}  // namespace quantbench
