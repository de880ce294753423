#include "models/packed_checkpoints/write_packed_checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "core/file.h"
#include "models/checkpoints/strict_json.h"
#include "models/packed_checkpoints/awq_layout.h"
#include "models/packed_checkpoints/compressed_tensors_layout.h"
#include "models/packed_checkpoints/new_directory.h"
#include "models/packed_checkpoints/safetensors_stream.h"

namespace quantbench {
namespace {

using nlohmann::ordered_json;

constexpr std::string_view weight_suffix = ".weight";

std::vector<StoredTensor> announced(PackedLayout layout, const std::string& name, const PackedShape& shape) {
  if (layout == PackedLayout::awq) return awq_tensors(name, shape);
  if (layout == PackedLayout::compressed_tensors) return compressed_tensors_tensors(name, shape);
  return gptq_tensors(name, shape);
}

std::vector<StoredTensor> packed(PackedLayout layout, const std::string& name, const PackedLayer& layer) {
  if (layout == PackedLayout::awq) return pack_awq_layer(name, layer);
  if (layout == PackedLayout::compressed_tensors) return pack_compressed_tensors_layer(name, layer);
  return pack_gptq_layer(name, layer, layout == PackedLayout::gptq ? GptqVersion::v1 : GptqVersion::v2);
}

/// What becomes of one tensor of the original.
struct Task {
  const CheckpointTensor* original = nullptr;
  const LayerToPack* layer = nullptr;
  const TensorToReplace* replacement = nullptr;
  std::vector<StoredTensor> tensors;  // without bytes

  std::uint64_t bytes() const {
    std::uint64_t sum = 0;
    for (const StoredTensor& tensor : tensors) sum = checked_add(sum, tensor.size_bytes());
    return sum;
  }
};

/// For messages: the tensor that a layer or a replacement is for.
const CheckpointTensor& counterpart(const Checkpoint& original, const std::string& name, std::uint64_t weights) {
  const CheckpointTensor& tensor = original.at(name);
  if (tensor.row_count() * tensor.row_length() != weights)
    fail("{}: tensor '{}' has shape {}, and {} weights are to take its place", original.source(), name,
         to_text(stored_shape(tensor)), weights);
  return tensor;
}

std::vector<Task> tasks_of(const Checkpoint& original, const PackedCheckpointPlan& plan) {
  std::map<std::string_view, const LayerToPack*> layers;
  std::map<std::string_view, const TensorToReplace*> replaced;
  for (const LayerToPack& layer : plan.layers) {
    const CheckpointTensor& tensor = counterpart(original, layer.name + std::string(weight_suffix),
                                                 checked_multiply(layer.shape.rows, layer.shape.cols));
    layers.emplace(tensor.name, &layer);
  }
  for (const TensorToReplace& tensor : plan.replaced) replaced.emplace(original.at(tensor.name).name, &tensor);
  std::vector<Task> tasks;
  for (const CheckpointTensor& tensor : original.tensors()) {
    Task task{&tensor, nullptr, nullptr, {}};
    if (const auto layer = layers.find(tensor.name); layer != layers.end()) {
      task.layer = layer->second;
      task.tensors = announced(plan.layout, task.layer->name, task.layer->shape);
    } else {
      const auto replacement = replaced.find(tensor.name);
      if (replacement != replaced.end()) task.replacement = replacement->second;
      task.tensors = {{tensor.name, task.replacement == nullptr ? tensor.type_name : "F32", stored_shape(tensor), {}}};
    }
    tasks.push_back(std::move(task));
  }
  return tasks;
}

std::vector<std::span<const Task>> shards_of(std::span<const Task> tasks, std::uint64_t largest) {
  std::vector<std::span<const Task>> shards;
  std::size_t first = 0;
  std::uint64_t bytes = 0;
  for (std::size_t index = 0; index < tasks.size(); ++index) {
    const std::uint64_t more = tasks[index].bytes();
    if (index > first && bytes + more > largest) {
      shards.push_back(tasks.subspan(first, index - first));
      first = index;
      bytes = 0;
    }
    bytes += more;
  }
  shards.push_back(tasks.subspan(first));
  return shards;
}

std::string shard_name(std::size_t index, std::size_t count) {
  return count == 1 ? "model.safetensors" : fmt::format("model-{:05}-of-{:05}.safetensors", index + 1, count);
}

class Writer {
 public:
  Writer(const Checkpoint& original, const PackedCheckpointPlan& plan, const PackProgress& progress)
      : plan_(plan), progress_(progress), tasks_(tasks_of(original, plan)) {}

  void write_weights(const std::filesystem::path& folder) {
    const auto shards = shards_of(tasks_, plan_.shard_bytes);
    ordered_json weight_map = ordered_json::object();
    std::uint64_t total = 0;
    for (std::size_t index = 0; index < shards.size(); ++index) {
      const std::string name = shard_name(index, shards.size());
      write_shard(folder / name, shards[index]);
      for (const Task& task : shards[index]) {
        for (const StoredTensor& tensor : task.tensors) weight_map[tensor.name] = name;
        total = checked_add(total, task.bytes());
      }
    }
    if (shards.size() == 1) return;
    const ordered_json content = {{"metadata", {{"total_size", total}}}, {"weight_map", weight_map}};
    write_text_atomically(folder / "model.safetensors.index.json", content.dump(2) + "\n");
  }

 private:
  void write_shard(const std::filesystem::path& path, std::span<const Task> tasks) {
    std::vector<StoredTensor> tensors;
    for (const Task& task : tasks) tensors.insert(tensors.end(), task.tensors.begin(), task.tensors.end());
    SafetensorsStream stream(path, tensors);
    for (const Task& task : tasks) {
      if (progress_) progress_(done_++, tasks_.size(), task.original->name);
      append(task, stream);
      task.original->release();
    }
    stream.commit();
  }

  void append(const Task& task, SafetensorsStream& stream) const {
    if (task.layer != nullptr) {
      for (const StoredTensor& tensor : packed(plan_.layout, task.layer->name, task.layer->make()))
        stream.append(tensor.name, tensor.bytes);
    } else if (task.replacement != nullptr) {
      const std::vector<float> values = task.replacement->make();
      stream.append(task.original->name, std::as_bytes(std::span(values)));
    } else {
      stream.append(task.original->name, task.original->bytes);
    }
  }

  const PackedCheckpointPlan& plan_;
  const PackProgress& progress_;
  std::vector<Task> tasks_;
  std::size_t done_ = 0;
};

std::vector<NamedShape> shapes_of(const PackedCheckpointPlan& plan) {
  std::vector<NamedShape> shapes;
  for (const LayerToPack& layer : plan.layers) shapes.push_back({layer.name, layer.shape});
  return shapes;
}

std::filesystem::path folder_of(const Checkpoint& original) {
  if (!original.config()) fail("{}: no config.json beside the model, which the new one needs", original.source());
  return original.config()->parent_path();
}

void write_configs(const Checkpoint& original, const PackedCheckpointPlan& plan, const std::filesystem::path& folder) {
  const ordered_json quantization = quantization_config(plan.layout, shapes_of(plan), plan.config);
  const std::string text = read_text(*original.config());
  (void)parse_strict_json(text, original.config()->string());
  ordered_json config = ordered_json::parse(text);
  config["quantization_config"] = quantization;
  write_text_atomically(folder / "config.json", config.dump(2) + "\n");
  if (plan.layout == PackedLayout::compressed_tensors) return;
  const char* const name = plan.layout == PackedLayout::awq ? "quant_config.json" : "quantize_config.json";
  write_text_atomically(folder / name, quantization.dump(2) + "\n");
}

/// Weights in any form, what is written anew, and hidden files.
bool is_left_out(const std::string& name) {
  constexpr std::array<std::string_view, 11> endings = {".safetensors", ".index.json", ".bin",  ".pt", ".pth", ".gguf",
                                                        ".h5",          ".msgpack",    ".onnx", ".ot", ".ckpt"};
  constexpr std::array<std::string_view, 3> written = {"config.json", "quantize_config.json", "quant_config.json"};
  return name.starts_with(".") || std::ranges::find(written, name) != written.end() ||
         std::ranges::any_of(endings, [&](std::string_view ending) { return name.ends_with(ending); });
}

void copy_other_files(const std::filesystem::path& from, const std::filesystem::path& to) {
  for (const auto& entry : std::filesystem::directory_iterator(from)) {
    const std::string name = entry.path().filename().string();
    if (!entry.is_regular_file() || is_left_out(name)) continue;
    const MappedFile content(entry.path());
    AtomicFile file(to / name);
    file.write(content.bytes());
    file.commit();
  }
}

}  // namespace

void check_plan(const Checkpoint& original, const PackedCheckpointPlan& plan, const std::filesystem::path& out) {
  NewDirectory::check_free(out);
  (void)folder_of(original);
  (void)tasks_of(original, plan);
  (void)quantization_config(plan.layout, shapes_of(plan), plan.config);
}

std::uint64_t packed_bytes(const PackedCheckpointPlan& plan) {
  std::uint64_t sum = 0;
  for (const LayerToPack& layer : plan.layers)
    for (const StoredTensor& tensor : announced(plan.layout, layer.name, layer.shape))
      sum = checked_add(sum, tensor.size_bytes());
  return sum;
}

void write_packed_checkpoint(const Checkpoint& original, const PackedCheckpointPlan& plan,
                             const std::filesystem::path& out, const PackProgress& progress) {
  check_plan(original, plan, out);
  NewDirectory directory(out);
  write_configs(original, plan, directory.path());
  copy_other_files(folder_of(original), directory.path());
  Writer(original, plan, progress).write_weights(directory.path());
  directory.commit();
}

}  // namespace quantbench
