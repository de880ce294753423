// Writes a Hugging Face directory whose linear layers are packed as GPTQ, AWQ or compressed-tensors have them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "models/checkpoints/checkpoint.h"
#include "models/packed_checkpoints/packed_config.h"
#include "models/packed_checkpoints/stored_tensor.h"

namespace quantbench {

/// A layer takes the place of the tensor `<name>.weight` of the original.
struct LayerToPack {
  std::string name;  // as in the original: "model.layers.0.self_attn.q_proj"
  PackedShape shape;
  std::function<PackedLayer()> make;  // called once; has this shape
};

/// A tensor takes the place of that of the same name.
struct TensorToReplace {
  std::string name;
  std::function<std::vector<float>()> make;  // in the order of the original; stored in f32
};

struct PackedCheckpointPlan {
  PackedLayout layout = PackedLayout::gptq;
  std::vector<LayerToPack> layers;
  std::vector<TensorToReplace> replaced;
  PackedConfigOptions config;
  std::uint64_t shard_bytes = 5'000'000'000;  // at most, but for tensors that are larger
};

/// Called before each tensor of the original, with how many are done and its name.
using PackProgress = std::function<void(std::size_t done, std::size_t total, std::string_view name)>;

/// What can be refused is: a layer or tensor that the original does not have, or of another shape; what the layout cannot hold;
/// a directory that is not free.
void check_plan(const Checkpoint& original, const PackedCheckpointPlan& plan, const std::filesystem::path& out);

/// Of all layers, in the file.
std::uint64_t packed_bytes(const PackedCheckpointPlan& plan);

/// `original` is a safetensors checkpoint as it is, in its directory. The new directory has its tensors (packed, replaced, or the
/// same bytes), in shards with an index where one file would be too large; config.json with quantization_config, for GPTQ and AWQ
/// also quantize_config.json or quant_config.json; and copies of all other files but weights: tokenizer, generation_config.json ...
/// It appears whole or not at all. Throws Error.
void write_packed_checkpoint(const Checkpoint& original, const PackedCheckpointPlan& plan,
                             const std::filesystem::path& out, const PackProgress& progress = {});

}  // namespace quantbench
