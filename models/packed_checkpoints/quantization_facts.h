// What the configuration of a packed checkpoint says: its layout, and how the weights of each layer are quantized.
//
// Source, in the order in which they are looked for: quantize_config.json, quant_config.json, and the member
// quantization_config of config.json. Synonyms: bits, w_bit, wbits; group_size, q_group_size; quant_method, method;
// checkpoint_format, format, version; sym, and zero_point as its negation.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/packed_checkpoints/layer_scheme.h"
#include "quantizers/allocation/tensor_rules.h"

namespace quantbench {

enum class PackedLayout { gptq, gptq_v2, awq, awq_gemv, awq_gemv_fast, compressed_tensors };
/// "gptq", "gptq_v2", "awq", "awq_gemv", "awq_gemv_fast", "compressed-tensors"
std::string_view to_string(PackedLayout layout);

/// What becomes of a v1 zero field of all ones, to which one is to be added: readers of such files disagree.
enum class ZeroOverflow {
  wraps,    // zero point 0, as it was before it was stored less one
  carries,  // zero point 2^bits
};

/// Layers whose name matches are quantized in another way than the others (GPTQ: dynamic).
struct SchemeOverride {
  std::string expression;
  NamePattern pattern;      // the expression at the start of a name
  bool leaves_out = false;  // they are not quantized
  LayerScheme scheme;
};

/// A scheme and the layers it is for (compressed-tensors: config_groups). A target is a layer's name, "re:" and a regular
/// expression, or the class "Linear".
struct SchemeGroup {
  std::string name;
  std::vector<std::string> targets;
  std::vector<NamePattern> patterns;
  LayerScheme scheme;
};

struct QuantizationFacts {
  std::string source;  // file, and member
  PackedLayout layout = PackedLayout::gptq;
  LayerScheme scheme;             // but for compressed-tensors
  std::optional<bool> act_order;  // desc_act
  /// Member zero_point_overflow, "wraps" or "carries": not of other programs, but for those who know how a file was meant.
  ZeroOverflow zero_overflow = ZeroOverflow::wraps;
  std::vector<SchemeOverride> overrides;
  std::vector<SchemeGroup> groups;  // compressed-tensors

  /// Throws Error when it is of no scheme, or of several that differ.
  LayerScheme scheme_of(std::string_view layer) const;
};

/// The configuration of the checkpoint in this directory; nothing when its weights are not quantized. Throws Error for a
/// configuration that is not valid, that contradicts itself, or of a layout that is not read, saying what can be done.
std::optional<QuantizationFacts> find_quantization_facts(const std::filesystem::path& directory);

/// `default_method` is what it is of when it does not say: "gptq", "awq" or nothing.
QuantizationFacts parse_quantization_facts(const nlohmann::json& members, const std::string& source,
                                           std::string_view default_method = "");

}  // namespace quantbench
