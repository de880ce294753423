#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "eval/command.h"
#include "eval/commands/common_options.h"
#include "eval/commands/terminal.h"
#include "eval/embedded.h"
#include "kernels/cpu/decode.h"
#include "models/checkpoints/checkpoint.h"
#include "models/checkpoints/gguf_writer.h"
#include "quantizers/formats/registry.h"
#include "quantizers/quantize.h"

namespace quantbench {
namespace {

struct QuantizeArguments {
  std::string model, out, method;
  std::string imatrix, calibration, rules;
  bool dequantized = false;
  int threads = 1;
};

constexpr std::uint32_t quantization_version = 2;

/// The value of `general.file_type` that names a format; readers take it as information only. Source: the list of file
/// types in the GGUF specification.
const std::map<std::string, std::uint32_t>& file_types() {
  static const std::map<std::string, std::uint32_t> all = {{"f32", 0},  {"f16", 1},  {"q4_0", 2}, {"q4_1", 3},
                                                           {"q8_0", 7}, {"q5_0", 8}, {"q5_1", 9}, {"bf16", 32}};
  return all;
}

/// The linear layers by name: matrices `*.weight` that are neither an embedding, a norm, a router nor the output head.
bool is_linear_layer(const CheckpointTensor& tensor) {
  if (tensor.dims.size() != 2 || !tensor.name.ends_with(".weight") || tensor.name == "output.weight") return false;
  constexpr std::array<std::string_view, 9> other = {"embd", "embed",    "wte",         "wpe", "lm_head",
                                                     "norm", "gate_inp", "token_types", "rope"};
  return std::ranges::none_of(other,
                              [&](std::string_view part) { return tensor.name.find(part) != std::string::npos; });
}

/// What happens to one tensor.
struct Step {
  const CheckpointTensor* tensor;
  std::shared_ptr<const Format> quantized;  // null: copied as it is
  std::shared_ptr<const Format> stored;     // `quantized`, or f32 when its decoded weights are stored
};

class ModelQuantizer {
 public:
  explicit ModelQuantizer(const QuantizeArguments& arguments)
      : arguments_(arguments),
        method_(parse_method(arguments.method)),
        checkpoint_(open_checkpoint(model_path(arguments.model))) {
    check_method(method_);
    for (const auto& file : checkpoint_.files()) {
      std::error_code ignored;
      if (std::filesystem::equivalent(file, arguments.out, ignored))
        fail("{} is the model itself; give another file to write", arguments.out);
    }
    for (const CheckpointTensor& tensor : checkpoint_.tensors()) steps_.push_back(plan(tensor));
    if (std::ranges::none_of(steps_, [](const Step& step) { return step.quantized != nullptr; }))
      fail("{} has no linear layer to quantize", checkpoint_.source());
  }

  void write() {
    GgufWriter writer(arguments_.out, metadata(), infos());
    Progress progress("quantizing", steps_.size());
    for (const Step& step : steps_) {
      write_tensor(step, writer);
      progress.step(step.tensor->name);
    }
    writer.commit();
  }

  std::string summary() const {
    std::vector<std::string> kept;
    std::uint64_t weights = 0, bytes = 0, before = 0;
    for (const Step& step : steps_) {
      const Tensor tensor{step.tensor->name, step.tensor->row_count(), step.tensor->row_length(), nullptr, {}};
      if (step.quantized == nullptr) {
        kept.push_back(fmt::format("  {} ({})", step.tensor->name, step.tensor->type_name));
        continue;
      }
      weights += tensor.weights();
      before += step.tensor->bytes.size();
      bytes += step.stored->tensor_bytes(tensor.rows, tensor.cols);
    }
    const double bits = 8 * static_cast<double>(bytes) / static_cast<double>(weights);
    return fmt::format("{}: {} of {} tensors with {}, {:.2f} -> {:.2f} MiB, {:.4f} bits per weight{}\n", arguments_.out,
                       steps_.size() - kept.size(), steps_.size(), to_string(method_), mebibytes(before),
                       mebibytes(bytes), bits, arguments_.dequantized ? " (stored decoded)" : "") +
           (kept.empty() ? "" : fmt::format("kept as they were:\n{}\n", fmt::join(kept, "\n")));
  }

 private:
  static double mebibytes(std::uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

  // A conversion to a float type takes embeddings and the output head too; f32, which loses nothing, takes all.
  bool is_chosen(const CheckpointTensor& tensor) const {
    if (method_.target == "f32") return tensor.format != nullptr;
    if (method_.solver.empty()) return tensor.dims.size() >= 2 && tensor.format != nullptr;
    return is_linear_layer(tensor);
  }

  Step plan(const CheckpointTensor& tensor) const {
    if (!is_chosen(tensor)) {
      if (tensor.gguf_type == no_gguf_type)
        fail("{}: tensor {} has type {}, which GGUF cannot store", checkpoint_.source(), tensor.name, tensor.type_name);
      return {&tensor, nullptr, nullptr};
    }
    (void)tensor.tensor();  // an undecodable type is refused before anything is written
    auto format = allocate_format(method_, tensor.name, tensor.row_count(), tensor.row_length());
    if (arguments_.dequantized) return {&tensor, format, find_format("f32")};
    if (!format->gguf_type)
      fail(
          "GGUF has no type for {}; with --dequantized the decoded weights are stored as f32 (to measure, not to save "
          "space)",
          format->id);
    return {&tensor, format, format};
  }

  std::vector<GgufTensorInfo> infos() const {
    std::vector<GgufTensorInfo> infos;
    for (const Step& step : steps_)
      infos.push_back(
          {step.tensor->name, step.tensor->dims, step.stored ? *step.stored->gguf_type : step.tensor->gguf_type});
    return infos;
  }

  Metadata metadata() const {
    Metadata metadata = checkpoint_.metadata();
    for (const char* key :
         {"split.no", "split.count", "split.tensors.count", "general.file_type", "general.quantization_version"})
      if (metadata.contains(key)) metadata.erase(key);
    const auto type = file_types().find(arguments_.dequantized ? "f32" : method_.target);
    if (type != file_types().end()) metadata.set("general.file_type", MetadataScalar(type->second));
    metadata.set("general.quantization_version", MetadataScalar(quantization_version));
    return metadata;
  }

  void write_tensor(const Step& step, GgufWriter& writer) const {
    if (step.quantized == nullptr) {
      writer.append(step.tensor->name, step.tensor->bytes);
      return;
    }
    const Tensor source = step.tensor->tensor();
    std::vector<float> values(source.weights());  // (rows, cols)
    decode_rows(source, 0, source.rows, values, arguments_.threads);
    const TensorData packed =
        quantize_tensor(method_, source.name, {values, source.rows, source.cols}, {}, arguments_.threads);
    if (step.stored == step.quantized) {
      writer.append(source.name, packed.view().bytes);
    } else {
      decode_rows(packed.view(), 0, source.rows, values, arguments_.threads);
      writer.append(source.name, std::as_bytes(std::span(values)));
    }
  }

  const QuantizeArguments& arguments_;
  Method method_;
  Checkpoint checkpoint_;
  std::vector<Step> steps_;
};

int quantize(const QuantizeArguments& arguments) {
  for (const auto& [value, option] : {std::pair{arguments.imatrix, "--imatrix"},
                                      {arguments.calibration, "--calibration"},
                                      {arguments.rules, "--rules"}})
    if (!value.empty())
      fail("{} is not in this version: every linear layer is quantized alike, without calibration", option);
  ModelQuantizer quantizer(arguments);
  quantizer.write();
  print_text(quantizer.summary());
  return 0;
}

std::function<int()> declare(CLI::App& app) {
  auto arguments = std::make_shared<QuantizeArguments>();
  app.add_option("MODEL", arguments->model, "GGUF or safetensors file, directory, or an embedded model")->required();
  app.add_option("OUT", arguments->out, "GGUF file to write; appears only when it is complete")->required();
  app.add_option("--method", arguments->method, "method id (quantbench list methods)")->required();
  app.add_option("--imatrix", arguments->imatrix, "(planned) importance matrix");
  app.add_option("--calibration", arguments->calibration, "(planned) calibration text");
  app.add_option("--rules", arguments->rules, "(planned) formats by tensor name");
  app.add_flag("--dequantized", arguments->dequantized,
               "store the decoded weights as f32, for formats that GGUF lacks");
  add_threads_option(app, arguments->threads);
  app.footer(
      "Quantized are the linear layers: matrices NAME.weight but for embeddings, norms, routers and the output head. "
      "The\n"
      "methods f16 and bf16 convert every matrix, f32 every tensor. All else is copied. Names and metadata are "
      "kept.\n\n"
      "Examples:\n"
      "  quantbench quantize model-f16.gguf model-q4_0.gguf --method rtn:q4_0\n"
      "  quantbench quantize embedded:stories int3.gguf --method zero_point:int3:g64 --dequantized");
  return [arguments] { return quantize(*arguments); };
}

const Register<Command> registered{"quantize", {"Quantize a model into a GGUF file", declare}};

}  // namespace
}  // namespace quantbench
