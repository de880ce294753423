#include "models/packed_checkpoints/packed_config.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace quantbench {
namespace {

using nlohmann::ordered_json;

/// How layers are quantized, apart from their sizes.
using Way = std::tuple<int, std::size_t, bool, bool, bool>;

Way way_of(const PackedShape& shape) {
  return {shape.bits, shape.group, shape.scale_per_tensor, shape.symmetric, shape.act_order};
}

struct Ways {
  std::map<Way, std::vector<const NamedShape*>> layers;

  explicit Ways(std::span<const NamedShape> all) {
    for (const NamedShape& each : all) layers[way_of(each.shape)].push_back(&each);
  }
  const std::vector<const NamedShape*>& most_common() const {
    return std::ranges::max_element(layers, {}, [](const auto& way) { return way.second.size(); })->second;
  }
};

std::int64_t group_size(const PackedShape& shape) {
  return shape.group == 0 ? -1 : checked_cast<std::int64_t>(shape.group);
}

/// An expression that matches this name alone.
std::string expression_of(const std::string& name) {
  std::string expression = "^";
  for (const char c : name) {
    if (std::string_view("\\.^$|()[]{}*+?").find(c) != std::string_view::npos) expression += '\\';
    expression += c;
  }
  return expression + "$";
}

ordered_json dynamic_rules(const Ways& ways, const std::vector<std::string>& kept_layers) {
  ordered_json rules = ordered_json::object();
  for (const std::string& layer : kept_layers) rules["-:" + expression_of(layer)] = ordered_json::object();
  for (const auto& [way, layers] : ways.layers) {
    if (&layers == &ways.most_common()) continue;
    for (const NamedShape* each : layers)
      rules["+:" + expression_of(each->layer)] = {{"bits", each->shape.bits},
                                                  {"group_size", group_size(each->shape)},
                                                  {"sym", each->shape.symmetric},
                                                  {"desc_act", each->shape.act_order}};
  }
  return rules;
}

ordered_json gptq_config(PackedLayout layout, std::span<const NamedShape> all, const PackedConfigOptions& options) {
  const Ways ways(all);
  const PackedShape& shape = ways.most_common().front()->shape;
  ordered_json config = {
      {"quant_method", "gptq"},
      {"bits", shape.bits},
      {"group_size", group_size(shape)},
      {"sym", shape.symmetric},
      {"desc_act", shape.act_order},
      {"checkpoint_format", to_string(layout)},
      {"pack_dtype", "int32"},
      {"lm_head", std::ranges::any_of(all, [&](const auto& each) { return each.layer == options.output_layer; })},
      {"meta", {{"quantizer", {options.writer}}}}};
  const ordered_json rules = dynamic_rules(ways, options.kept_layers);
  if (!rules.empty()) config["dynamic"] = rules;
  return config;
}

/// zero_point says that the zero points are in the file, which they are for symmetric layers, too.
ordered_json awq_config(std::span<const NamedShape> all, const PackedConfigOptions& options) {
  const Ways ways(all);
  if (ways.layers.size() > 1)
    fail("an AWQ checkpoint has one group size for all layers, and '{}' and '{}' differ",
         ways.layers.begin()->second.front()->layer, std::next(ways.layers.begin())->second.front()->layer);
  const PackedShape& shape = all.front().shape;
  ordered_json kept = options.kept_layers.empty() ? ordered_json() : ordered_json(options.kept_layers);
  return {{"quant_method", "awq"}, {"bits", shape.bits}, {"group_size", group_size(shape)},
          {"zero_point", true},    {"version", "gemm"},  {"modules_to_not_convert", std::move(kept)}};
}

ordered_json weights_of(const PackedShape& shape) {
  const bool groups = shape.group != 0;
  return {{"num_bits", shape.bits},
          {"type", "int"},
          {"symmetric", shape.symmetric},
          {"strategy", shape.scale_per_tensor ? "tensor"
                       : groups               ? "group"
                                              : "channel"},
          {"group_size", groups ? ordered_json(group_size(shape)) : ordered_json()},
          {"actorder", shape.act_order ? ordered_json("group") : ordered_json()},
          {"dynamic", false}};
}

ordered_json compressed_tensors_config(std::span<const NamedShape> all, const PackedConfigOptions& options) {
  const Ways ways(all);
  ordered_json groups = ordered_json::object();
  for (const auto& [way, layers] : ways.layers) {
    std::vector<std::string> targets = {"Linear"};
    if (ways.layers.size() > 1) {
      targets.clear();
      for (const NamedShape* each : layers) targets.push_back(each->layer);
    }
    groups["group_" + std::to_string(groups.size())] = {{"targets", targets},
                                                        {"weights", weights_of(layers.front()->shape)},
                                                        {"input_activations", nullptr},
                                                        {"output_activations", nullptr}};
  }
  std::vector<std::string> ignored = options.kept_layers;
  if (std::ranges::find(all, options.output_layer, &NamedShape::layer) == all.end())
    ignored.push_back(options.output_layer);
  return {{"quant_method", "compressed-tensors"},
          {"format", "pack-quantized"},
          {"quantization_status", "compressed"},
          {"config_groups", groups},
          {"ignore", ignored},
          {"kv_cache_scheme", nullptr},
          {"global_compression_ratio", nullptr}};
}

}  // namespace

ordered_json quantization_config(PackedLayout layout, std::span<const NamedShape> layers,
                                 const PackedConfigOptions& options) {
  if (layers.empty()) fail("no layer to pack");
  switch (layout) {
    case PackedLayout::gptq:
    case PackedLayout::gptq_v2:
      return gptq_config(layout, layers, options);
    case PackedLayout::awq:
      return awq_config(layers, options);
    case PackedLayout::compressed_tensors:
      return compressed_tensors_config(layers, options);
    case PackedLayout::awq_gemv:
    case PackedLayout::awq_gemv_fast:
      break;
  }
  fail("the layout {} is read, and not written; write awq", to_string(layout));
}

}  // namespace quantbench
