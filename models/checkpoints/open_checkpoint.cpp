#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "core/error.h"
#include "core/file.h"
#include "models/checkpoints/checkpoint.h"
#include "models/checkpoints/file_signature.h"
#include "models/checkpoints/gguf_reader.h"
#include "models/checkpoints/safetensors_reader.h"

namespace quantbench {
namespace {

constexpr std::string_view index_suffix = ".safetensors.index.json";
constexpr std::string_view file_suffix = ".safetensors";

std::vector<std::string> file_names(const std::filesystem::path& directory) {
  std::vector<std::string> names;
  try {
    for (const auto& entry : std::filesystem::directory_iterator(directory))
      names.push_back(entry.path().filename().string());
  } catch (const std::filesystem::filesystem_error& error) {
    fail("{}: cannot list the directory: {}", directory.string(), error.code().message());
  }
  std::ranges::sort(names);
  return names;
}

std::vector<std::string> ending_with(const std::vector<std::string>& names, std::string_view suffix) {
  std::vector<std::string> found;
  std::ranges::copy_if(names, std::back_inserter(found), [&](const auto& name) { return name.ends_with(suffix); });
  return found;
}

[[noreturn]] void fail_no_safetensors(const std::filesystem::path& directory, const std::vector<std::string>& names) {
  if (const auto gguf = ending_with(names, ".gguf"); !gguf.empty())
    fail("{}: a directory without safetensors files; give the path of one of its GGUF files: {}", directory.string(),
         fmt::join(gguf, ", "));
  for (const std::string_view suffix : {".bin", ".pt", ".pth"})
    if (const auto pickles = ending_with(names, suffix); !pickles.empty())
      fail(
          "{}: a directory with PyTorch pickle files only ({}), which can run code when they are loaded and are not "
          "read; convert the model to safetensors",
          directory.string(), fmt::join(pickles, ", "));
  fail("{}: a directory without safetensors files", directory.string());
}

/// An index wins over files that it does not name: several publishers ship the weights a second time as one file.
Checkpoint open_directory(const std::filesystem::path& directory) {
  const std::vector<std::string> names = file_names(directory);
  const std::vector<std::string> indexes = ending_with(names, index_suffix);
  const std::vector<std::string> files = ending_with(names, file_suffix);
  if (indexes.size() == 1) return open_safetensors_index(directory / indexes.front());
  if (indexes.empty() && files.size() == 1) return open_safetensors(directory / files.front());
  if (indexes.empty() && files.empty()) fail_no_safetensors(directory, names);
  fail("{}: which checkpoint is meant? Give the path of one of: {}", directory.string(),
       fmt::join(indexes.empty() ? files : indexes, ", "));
}

}  // namespace

Checkpoint open_checkpoint(const std::filesystem::path& path) {
  std::error_code ignored;  // what cannot be looked at is no directory, and opening it says why
  if (std::filesystem::is_directory(path, ignored)) return open_directory(path);
  const MappedFile file(path);
  switch (kind_of(file.bytes())) {
    case FileKind::gguf:
      return open_gguf(path);
    case FileKind::safetensors:
      return open_safetensors(path);
    case FileKind::json:
      return open_safetensors_index(path);
    case FileKind::other:
      break;
  }
  // The name only decides which reader gets to say what is wrong.
  if (path.extension() == file_suffix) return open_safetensors(path);
  fail("{}: not a checkpoint: {}; expected GGUF or safetensors", path.string(), describe_contents(file.bytes()));
}

}  // namespace quantbench
