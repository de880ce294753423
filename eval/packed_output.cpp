#include "eval/packed_output.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "core/suggest.h"
#include "eval/environment.h"
#include "kernels/cpu/decode.h"
#include "models/model.h"

namespace quantbench {
namespace {

constexpr std::string_view weight_suffix = ".weight";

/// The tensor's name in the original file.
const std::string& original_name(const CheckpointTensor& tensor) {
  return tensor.origin ? tensor.origin->name : tensor.name;
}

std::string layer_name(const CheckpointTensor& tensor) {
  const std::string& name = original_name(tensor);
  if (!name.ends_with(weight_suffix) || tensor.dims.size() != 2)
    fail("tensor '{}' is not the weight matrix of a linear layer, which alone can be packed", name);
  return name.substr(0, name.size() - weight_suffix.size());
}

/// The layer with its rows as they were in the original.
PackedLayer in_original_order(PackedLayer layer, const std::shared_ptr<const TensorOrigin>& origin) {
  if (!origin || origin->row_order.empty()) return layer;
  const auto place = std::make_shared<std::vector<std::uint32_t>>(origin->row_order.size());
  for (std::uint32_t row = 0; row < place->size(); ++row) (*place)[origin->row_order[row]] = row;
  layer.read_codes = [read = layer.read_codes, place](std::size_t row, std::span<std::uint8_t> codes) {
    read((*place)[row], codes);
  };
  layer.scale = [read = layer.scale, place](std::size_t row, std::size_t group) { return read((*place)[row], group); };
  layer.zero = [read = layer.zero, place](std::size_t row, std::size_t group) { return read((*place)[row], group); };
  return layer;
}

/// The numbers of a tensor that a transform changed, as they would be in the original.
std::vector<float> original_values(const Tensor& made, const CheckpointTensor& tensor) {
  std::vector<float> values(made.weights());
  decode_rows(made, 0, made.rows, values, 1);
  if (!tensor.origin) return values;
  for (float& value : values) value -= tensor.origin->added;
  const std::vector<std::uint32_t>& order = tensor.origin->row_order;
  if (order.empty()) return values;
  std::vector<float> ordered(values.size());
  const std::size_t size = values.size() / order.size();
  for (std::size_t row = 0; row < order.size(); ++row)
    std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(row * size), size,
                ordered.begin() + static_cast<std::ptrdiff_t>(order[row] * size));
  return ordered;
}

class Planner {
 public:
  Planner(const PackedOutput& output, const FileQuantizer& quantizer, ImportanceUse& importance)
      : output_(output), quantizer_(quantizer), importance_(importance) {}

  PackedCheckpointPlan plan() {
    PackedCheckpointPlan plan;
    plan.layout = output_.layout;
    plan.config.writer = "quantbench:" + quantbench_version();
    const std::vector<std::string> linear = load_model(output_.model)->linear_layers();
    const std::set<std::string, std::less<>> linear_layers(linear.begin(), linear.end());
    for (const FileTensor& task : quantizer_.tensors()) {
      const CheckpointTensor& tensor = *task.tensor;
      if (tensor.name == "output.weight") plan.config.output_layer = layer_name(tensor);
      if (task.allocated)
        add_layer(task, linear_layers.contains(tensor.name), plan);
      else if (const Tensor* const made = quantizer_.made(tensor.name))
        add_replaced(tensor, *made, plan);
      else if (linear_layers.contains(tensor.name))
        plan.config.kept_layers.push_back(layer_name(tensor));
    }
    return plan;
  }

 private:
  void add_layer(const FileTensor& task, bool is_linear, PackedCheckpointPlan& plan) {
    const CheckpointTensor& tensor = *task.tensor;
    if (!is_linear && tensor.name != "output.weight")
      fail("tensor '{}' is to be quantized, and {} holds linear layers and the output projection only", tensor.name,
           to_string(output_.layout));
    LayerToPack layer;
    layer.name = layer_name(tensor);
    const Tensor* const made = quantizer_.made(tensor.name);
    layer.shape = made != nullptr
                      ? layer_of(*made).shape
                      : shape_of(tensor.name, *task.allocated->format, tensor.row_count(), tensor.row_length());
    layer.make = [this, &task] {
      return in_original_order(layer_of(quantizer_.quantized(task, importance_)), task.tensor->origin);
    };
    plan.layers.push_back(std::move(layer));
  }

  void add_replaced(const CheckpointTensor& tensor, const Tensor& made, PackedCheckpointPlan& plan) {
    if (tensor.origin && tensor.origin->transposed)
      fail("tensor '{}' was changed, and is transposed in the original", tensor.name);
    plan.replaced.push_back({original_name(tensor), [&tensor, &made] { return original_values(made, tensor); }});
  }

  const PackedOutput& output_;
  const FileQuantizer& quantizer_;
  ImportanceUse& importance_;
};

/// The safetensors files as they are.
Checkpoint original_files(const PackedOutput& output) {
  if (!output.model.config())
    fail("{}: not a Hugging Face directory (config.json, safetensors), and a {} checkpoint is made of one",
         output.path.string(), to_string(output.layout));
  if (output.model.metadata().contains("quantization.layout"))
    fail("{}: its layers are packed already ({}); give the original model", output.path.string(),
         output.model.metadata().text("quantization.layout"));
  return open_checkpoint(output.path);
}

}  // namespace

PackedLayout parse_packed_layout(const std::string& name) {
  const std::vector<PackedLayout> written = {PackedLayout::gptq, PackedLayout::gptq_v2, PackedLayout::awq,
                                             PackedLayout::compressed_tensors};
  std::vector<std::string> names;
  for (const PackedLayout layout : written) {
    if (to_string(layout) == name) return layout;
    names.emplace_back(to_string(layout));
  }
  fail("--format {}: expected {}{}", name, fmt::join(names, ", "), suggestion(name, names));
}

void check_packed_output(const PackedOutput& output, const FileQuantizer& quantizer) {
  const Checkpoint original = original_files(output);
  ImportanceUse importance = quantizer.importance_use();
  check_plan(original, Planner(output, quantizer, importance).plan(), output.out);
}

PackedOutputResult write_packed_output(const PackedOutput& output, const FileQuantizer& quantizer,
                                       const PackProgress& progress) {
  const Checkpoint original = original_files(output);
  ImportanceUse importance = quantizer.importance_use();
  Planner planner(output, quantizer, importance);
  const PackedCheckpointPlan plan = planner.plan();
  write_packed_checkpoint(original, plan, output.out, progress);
  return {packed_bytes(plan), importance.notes()};
}

}  // namespace quantbench
