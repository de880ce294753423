// What a packed checkpoint says about itself: the counterpart of quantization_facts.h.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "models/packed_checkpoints/packed_layer.h"
#include "models/packed_checkpoints/quantization_facts.h"

namespace quantbench {

struct NamedShape {
  std::string layer;  // "model.layers.0.self_attn.q_proj"
  PackedShape shape;
};

struct PackedConfigOptions {
  std::vector<std::string> kept_layers;  // linear layers that stay as they were
  std::string output_layer = "lm_head";  // is one, too, unless it is packed
  std::string writer;                    // "quantbench:0.1.0"
};

/// The member quantization_config. GPTQ names layers that differ from most others under `dynamic`, compressed-tensors has a
/// config group for each way. Throws Error where the configuration cannot say what the layers are: AWQ has one way for all.
nlohmann::ordered_json quantization_config(PackedLayout layout, std::span<const NamedShape> layers,
                                           const PackedConfigOptions& options);

}  // namespace quantbench
