#include <algorithm>
#include <iterator>
#include <set>

#include "core/error.h"
#include "core/file.h"
#include "core/utf8.h"
#include "models/checkpoints/file_signature.h"
#include "models/checkpoints/limits.h"
#include "models/checkpoints/safetensors_reader.h"
#include "models/checkpoints/strict_json.h"

namespace quantbench {
namespace {

using nlohmann::json;

/// A file name that cannot lead out of the directory of the index. Links are followed: download caches use them.
bool is_plain_file_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find_first_of(std::string_view("/\\\0", 3)) == name.npos;
}

std::optional<std::filesystem::path> config_beside(const std::filesystem::path& path) {
  std::filesystem::path config = path.parent_path() / "config.json";
  std::error_code ignored;  // a file that cannot be looked at is as good as absent; whoever needs it will say so
  return std::filesystem::is_regular_file(config, ignored) ? std::optional(config) : std::nullopt;
}

/// What the shards opened so far hold.
struct Shards {
  Metadata metadata;
  std::vector<CheckpointTensor> tensors;
  std::vector<std::filesystem::path> files;
  std::vector<MappedFile> mappings;
};

/// Returns the names of the tensors in the shard.
std::vector<std::string> add_shard(Shards& shards, const std::filesystem::path& path) {
  MappedFile mapping(path);
  SafetensorsFile file = parse_safetensors(mapping.bytes(), path.string());
  std::vector<std::string> names;
  for (const CheckpointTensor& tensor : file.tensors) names.push_back(tensor.name);
  for (auto& [key, value] : file.metadata)
    if (!shards.metadata.contains(key)) shards.metadata.set(key, MetadataScalar(value));
  std::ranges::move(file.tensors, std::back_inserter(shards.tensors));
  shards.files.push_back(path);
  shards.mappings.push_back(std::move(mapping));
  return names;
}

Checkpoint checkpoint_of(Shards shards, const std::filesystem::path& path) {
  const auto mappings = std::make_shared<const std::vector<MappedFile>>(std::move(shards.mappings));
  return Checkpoint(std::move(shards.metadata), std::move(shards.tensors), path.string(), std::move(shards.files),
                    mappings, config_beside(path), mappings);
}

}  // namespace

std::map<std::string, std::string> parse_safetensors_index(std::string_view text, const std::string& source) {
  if (text.size() > limits::safetensors_header_bytes)
    fail("{}: index of {} bytes, the limit is {}", source, text.size(), limits::safetensors_header_bytes);
  const json index = parse_strict_json(text, source);
  const auto found = index.is_object() ? index.find("weight_map") : index.end();
  if (found == index.end() || !found->is_object())
    fail("{}: JSON without an object 'weight_map': not a safetensors index", source);
  std::map<std::string, std::string> weight_map;
  for (const auto& [tensor, file] : found->items()) {
    if (!file.is_string())
      fail("{}: weight_map entry {} is {}, expected a file name", source, printable(tensor), file.type_name());
    const auto& name = file.get_ref<const std::string&>();
    if (!is_plain_file_name(name))
      fail("{}: weight_map entry {} names the file {}; only files beside the index are read", source, printable(tensor),
           printable(name));
    weight_map.emplace(tensor, name);
  }
  return weight_map;
}

Checkpoint open_safetensors(const std::filesystem::path& path) {
  Shards shards;
  shards.metadata = Metadata(path.string());
  add_shard(shards, path);
  return checkpoint_of(std::move(shards), path);
}

Checkpoint open_safetensors_index(const std::filesystem::path& index) {
  std::map<std::string, std::string> weight_map = parse_safetensors_index(read_text(index), index.string());
  std::set<std::string> files;
  for (const auto& [tensor, file] : weight_map) files.insert(file);
  Shards shards;
  shards.metadata = Metadata(index.string());
  for (const std::string& file : files) {
    const std::filesystem::path path = index.parent_path() / file;
    if (is_absent(path)) fail("{}: shard {} is missing", index.string(), path.string());
    for (const std::string& tensor : add_shard(shards, path)) {
      const auto listed = weight_map.find(tensor);
      if (listed == weight_map.end() || listed->second != file)
        fail("{}: shard {} holds tensor {}, which the index {}", index.string(), file, printable(tensor),
             listed == weight_map.end() ? "does not list" : "places in " + listed->second);
      weight_map.erase(listed);
    }
  }
  if (!weight_map.empty())
    fail("{}: tensor {} is not in shard {}", index.string(), printable(weight_map.begin()->first),
         weight_map.begin()->second);
  return checkpoint_of(std::move(shards), index);
}

}  // namespace quantbench
