// Reads safetensors: one file, or the shards that an index file names. Source: the safetensors format description; the
// rules of its reference reader hold here too (bounded header, tensors that tile the data without hole or overlap, no
// duplicate names), so that a file cannot be two things to two readers.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "models/checkpoints/checkpoint.h"

namespace quantbench {

struct SafetensorsFile {
  std::map<std::string, std::string> metadata;  // `__metadata__`
  std::vector<CheckpointTensor> tensors;  // in the order of their bytes; dims reversed to GGUF order (row length first)
};

/// `source` names the file in messages. Throws Error naming file, tensor or byte, what was found and what was expected.
SafetensorsFile parse_safetensors(std::span<const std::byte> file, const std::string& source);

/// The `weight_map` of an index file: tensor name -> name of the file beside it that holds the tensor. File names with
/// a directory part are an error; other members of the index are ignored.
std::map<std::string, std::string> parse_safetensors_index(std::string_view text, const std::string& source);

/// Maps and parses one file. `__metadata__` becomes text metadata; `config()` is the config.json beside it.
Checkpoint open_safetensors(const std::filesystem::path& path);

/// The same for all shards of an index file. Each tensor must be in exactly the shard that the index says.
Checkpoint open_safetensors_index(const std::filesystem::path& index);

}  // namespace quantbench
