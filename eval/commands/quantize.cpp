#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/checked.h"
#include "eval/command.h"
#include "eval/commands/common_options.h"
#include "eval/commands/terminal.h"
#include "eval/config/rules.h"
#include "eval/embedded.h"
#include "eval/json_text.h"
#include "eval/model_quantizer.h"
#include "eval/packed_output.h"
#include "eval/quantize_file.h"
#include "eval/transforms/block_scaling.h"
#include "eval/transforms/rotation.h"
#include "models/hugging_face/open_model.h"
#include "models/importance/imatrix_file.h"

namespace quantbench {
namespace {

constexpr std::string_view gguf = "gguf";

struct QuantizeArguments {
  std::string model, out, method;
  std::string imatrix, calibration, rules, fallback, format{gguf};
  std::size_t chunks = 0;
  CalibrationFlow flow;
  bool dequantized = false, json = false;
  int threads = 1;
};

void check_target(const Checkpoint& checkpoint, const std::string& out) {
  for (const auto& file : checkpoint.files()) {
    std::error_code ignored;
    if (std::filesystem::equivalent(file, out, ignored))
      fail("{} is the model itself; give another file to write", out);
  }
}

NamedImportance calibrate(const QuantizeArguments& arguments) {
  const LoadedModel model = load_model_file(file_reference(arguments.model));
  const LoadedText text = load_importance_text(model, text_reference(arguments.calibration), 0, arguments.chunks);
  Progress progress("calibration", text.windows.count);
  CalibrationOptions options;
  options.threads = arguments.threads;
  options.progress = [&progress](std::size_t done, std::size_t) { progress.advance_to(done, "chunks"); };
  return {text.name, collect_importance(model, text, options)};
}

std::optional<NamedImportance> importance_for(const QuantizeArguments& arguments) {
  if (!arguments.imatrix.empty())
    return NamedImportance{std::filesystem::path(arguments.imatrix).filename().string(),
                           read_importance_matrix(arguments.imatrix)};
  if (!arguments.calibration.empty()) return calibrate(arguments);
  return std::nullopt;
}

bool quantizes_embedding(const Model& model, const FileQuantizer& quantizer) {
  const auto ends = model.stream_ends();
  return ends && std::ranges::any_of(quantizer.tensors(), [&](const FileTensor& tensor) {
           return tensor.allocated && tensor.tensor->name == ends->embedding;
         });
}

/// The linear layers and what transforms changed, block by block.
BlockwiseResult quantize_blocks(const QuantizeArguments& arguments, const Method& method,
                                const FileQuantizer& quantizer) {
  const LoadedModel model = load_model_file(file_reference(arguments.model));
  check_rotation(*model.model, method, quantizes_embedding(*model.model, quantizer));
  Windows windows;
  if (!arguments.calibration.empty())
    windows = load_importance_text(model, text_reference(arguments.calibration), 0, arguments.chunks).windows;
  BlockwiseTask task{*model.model, model.weights, windows, {}};
  for (const FileTensor& tensor : quantizer.tensors()) {
    const bool linear =
        std::ranges::find(model.linear_layers, tensor.tensor->name, &Tensor::name) != model.linear_layers.end();
    if (tensor.allocated && linear) task.methods.emplace(tensor.tensor->name, tensor.allocated->method);
  }
  Progress progress("quantizing", task.methods.size());
  BlockwiseOptions options;
  options.flow = arguments.flow;
  options.transform = block_transform(task.methods);
  options.transform_outside = outside_transform(task.methods);
  options.threads = arguments.threads;
  options.progress = [&progress](std::size_t done, std::size_t, std::string_view layer) {
    progress.advance_to(done, fmt::format("layers, {}", layer));
  };
  return quantize_blockwise(task, options);
}

void check_calibration(const QuantizeArguments& arguments, const Method& method) {
  const bool blockwise = needs_blockwise(method);
  if (needs_calibration_text(method) && arguments.calibration.empty())
    fail("method '{}' looks at the inputs of the layers: give a text with --calibration", to_string(method));
  if (blockwise && !arguments.imatrix.empty())
    fail("method '{}' changes the inputs that the importance matrix is of; give a text with --calibration instead",
         to_string(method));
  if (!blockwise && arguments.flow != CalibrationFlow{})
    fail("method '{}' is not calibrated block by block; leave the order of calibration out", to_string(method));
}

QuantizeFileOptions options_for(const QuantizeArguments& arguments) {
  QuantizeFileOptions options;
  options.method = parse_method(arguments.method);
  check_method(options.method);
  if (!arguments.rules.empty()) options.rules = load_rules(arguments.rules);
  if (!arguments.fallback.empty()) options.fallback = parse_fallback(arguments.fallback);
  options.dequantized = arguments.dequantized;
  options.for_gguf = arguments.format == gguf;
  options.threads = arguments.threads;
  return options;
}

double mebibytes(std::uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

/// What was written.
struct Summary {
  std::size_t quantized = 0, tensors = 0;
  std::map<std::string, std::size_t> formats;              // of the quantized tensors
  std::vector<std::pair<std::string, std::string>> kept;   // tensor, type
  std::uint64_t weights = 0, bytes = 0, bytes_before = 0;  // of the quantized tensors
  double bits_per_weight() const { return 8 * static_cast<double>(bytes) / static_cast<double>(weights); }
};

/// `packed_bytes`: of the quantized layers as a layout of another program holds them.
Summary summarize(const FileQuantizer& quantizer, std::optional<std::uint64_t> packed_bytes) {
  Summary summary;
  summary.tensors = quantizer.tensors().size();
  for (const FileTensor& task : quantizer.tensors()) {
    if (!task.allocated) {
      const bool widened = task.stored && (!packed_bytes || quantizer.made(task.tensor->name) != nullptr);
      summary.kept.emplace_back(task.tensor->name, widened ? "F32" : task.tensor->type_name);
      continue;
    }
    ++summary.quantized;
    ++summary.formats[task.allocated->format->id];
    summary.weights += task.tensor->row_count() * task.tensor->row_length();
    summary.bytes_before += task.tensor->size_bytes();
    summary.bytes += task.stored->tensor_bytes(task.tensor->row_count(), task.tensor->row_length());
  }
  summary.bytes = packed_bytes.value_or(summary.bytes);
  return summary;
}

std::string text_of(const Summary& summary, const QuantizeArguments& arguments) {
  std::vector<std::string> counts, kept;
  for (const auto& [format, count] : summary.formats) counts.push_back(fmt::format("{} {}", count, format));
  for (const auto& [tensor, type] : summary.kept) kept.push_back(fmt::format("  {} ({})", tensor, type));
  return fmt::format("{}: {} of {} tensors with {} ({}), {:.2f} -> {:.2f} MiB, {:.4f} bits per weight{}\n",
                     arguments.out, summary.quantized, summary.tensors, to_string(parse_method(arguments.method)),
                     fmt::join(counts, ", "), mebibytes(summary.bytes_before), mebibytes(summary.bytes),
                     summary.bits_per_weight(), arguments.dequantized ? " (stored decoded)" : "") +
         (kept.empty() ? "" : fmt::format("not quantized:\n{}\n", fmt::join(kept, "\n")));
}

std::string json_of(const Summary& summary, const QuantizeArguments& arguments, const std::vector<std::string>& notes) {
  nlohmann::ordered_json kept = nlohmann::ordered_json::object();
  for (const auto& [tensor, type] : summary.kept) kept[tensor] = type;
  const nlohmann::ordered_json document{
      {"out", arguments.out},
      {"method", to_string(parse_method(arguments.method))},
      {"tensors", summary.tensors},
      {"quantized_tensors", summary.quantized},
      {"formats", summary.formats},
      {"weights", summary.weights},
      {"bytes_before", summary.bytes_before},
      {"bytes", summary.bytes},
      {"bits_per_weight",
       summary.weights == 0 ? nlohmann::ordered_json() : nlohmann::ordered_json(summary.bits_per_weight())},
      {"stored_decoded", arguments.dequantized},
      {"not_quantized", kept},
      {"notes", notes}};
  return json_text(document);
}

/// In millions of weights: tensors differ too much in size to tell the time that is left.
void write_gguf(const QuantizeArguments& arguments, FileQuantizer& quantizer) {
  std::optional<Progress> progress;
  constexpr std::uint64_t unit = 1'000'000;
  quantizer.write(arguments.out, [&](std::uint64_t done, std::uint64_t total, std::string_view tensor) {
    if (!progress) progress.emplace("quantizing", divide_up(total, unit));
    progress->advance_to(divide_up(done, unit), fmt::format("M weights, {}", tensor));
  });
}

PackedOutputResult write_packed(const PackedOutput& output, const FileQuantizer& quantizer) {
  std::optional<Progress> progress;
  return write_packed_output(output, quantizer, [&](std::size_t done, std::size_t total, std::string_view tensor) {
    if (!progress) progress.emplace("quantizing", total);
    progress->advance_to(done, fmt::format("tensors, {}", tensor));
  });
}

std::optional<PackedOutput> packed_output(const QuantizeArguments& arguments, const Checkpoint& checkpoint) {
  if (arguments.format == gguf) return std::nullopt;
  if (arguments.dequantized) fail("--dequantized is for GGUF files; leave --format {} out", arguments.format);
  return PackedOutput{checkpoint, model_path(arguments.model), parse_packed_layout(arguments.format), arguments.out};
}

void check_packed(const PackedOutput& packed, const QuantizeArguments& arguments, const QuantizeFileOptions& options) {
  if (rotates(options.method))
    fail("method '{}' rotates the embedding and the output projection, which --format {} does not write",
         to_string(options.method), arguments.format);
  check_packed_output(packed, FileQuantizer(packed.model, options));
}

int quantize(const QuantizeArguments& arguments) {
  QuantizeFileOptions options = options_for(arguments);
  check_calibration(arguments, options.method);
  const bool blockwise = needs_blockwise(options.method);
  const Checkpoint checkpoint = open_model(model_path(arguments.model));
  check_target(checkpoint, arguments.out);
  const std::optional<PackedOutput> packed = packed_output(arguments, checkpoint);
  if (packed) check_packed(*packed, arguments, options);
  if (!blockwise) options.importance = importance_for(arguments);
  FileQuantizer quantizer(checkpoint, std::move(options));
  if (blockwise) {
    BlockwiseResult made = quantize_blocks(arguments, parse_method(arguments.method), quantizer);
    quantizer.use(std::move(made.tensors), std::move(made.outside));
  }
  std::vector<std::string> notes;
  std::optional<std::uint64_t> packed_bytes;
  if (packed) {
    PackedOutputResult result = write_packed(*packed, quantizer);
    notes = std::move(result.notes);
    packed_bytes = result.layer_bytes;
  } else {
    write_gguf(arguments, quantizer);
  }
  std::ranges::copy(quantizer.notes(), std::back_inserter(notes));
  for (const std::string& note : notes) fmt::print(stderr, "note: {}\n", note);
  const Summary summary = summarize(quantizer, packed_bytes);
  print_text(arguments.json ? json_of(summary, arguments, notes) : text_of(summary, arguments));
  return 0;
}

std::function<int()> declare(CommandOptions& options) {
  auto arguments = std::make_shared<QuantizeArguments>();
  options.add("MODEL", arguments->model, "GGUF or safetensors file, directory, or an embedded model").required();
  options.add("OUT", arguments->out, "GGUF file to write, or directory; appears only when it is complete").required();
  options.add("--method", arguments->method, "method id (quantbench list methods, quantbench list mixes)").required();
  const DeclaredOption imatrix =
      options.add("--imatrix", arguments->imatrix, "importance matrix (imatrix.gguf, imatrix.dat)");
  const DeclaredOption calibration = options
                                         .add("--calibration", arguments->calibration,
                                              "text: what methods that calibrate look at; of others the importance")
                                         .excludes(imatrix);
  options.add("--chunks", arguments->chunks, "chunks of the calibration text, from its start (default: all)")
      .in_range(1, 1 << 30)
      .needs(calibration);
  const DeclaredOption original =
      options.add_flag("!--original-inputs", arguments->flow.sequential,
                       "calibrate each block on what it gets from original blocks, not from quantized ones");
  options
      .add_flag("--true-sequential", arguments->flow.true_sequential,
                "calibrate layers within a block on what they get from its quantized layers, too")
      .excludes(original);
  options.add("--rules", arguments->rules, "YAML list of {tensor: REGEX, format: ID}; the first match wins");
  options.add("--fallback", arguments->fallback,
              "rows that do not fit the format: error (default for a format), warn (default for mixes) or allow");
  options.add_flag("--dequantized", arguments->dequantized,
                   "store the decoded weights as f32, for formats that GGUF lacks");
  options
      .add("--format", arguments->format,
           "gguf, or of a Hugging Face directory: gptq, gptq_v2, awq, compressed-tensors (docs/packed_checkpoints.md)")
      .shows_default();
  options.add_flag("--json", arguments->json, "print the summary as JSON");
  add_threads_option(options, arguments->threads);
  options.footer(
      "A format quantizes the linear layers: matrices but for embeddings, norms, routers and the output head. A mix\n"
      "quantizes embedding and output head, too (docs/mixes.md). The methods f16 and bf16 convert every matrix, f32 "
      "every\n"
      "tensor. Vectors become f32, all else is copied. Names, metadata and tokenizer are kept.\n\n"
      "Examples:\n"
      "  quantbench quantize model-f16.gguf model-q4_0.gguf --method rtn:q4_0\n"
      "  quantbench quantize model-f16.gguf model-q4_k_m.gguf --method q4_k_m --imatrix imatrix.gguf\n"
      "  quantbench quantize embedded:stories int4.gguf --method gptq:int4:g128 --dequantized \\\n"
      "    --calibration embedded:stories/calibration\n"
      "  quantbench quantize embedded:stories int3.gguf --method zero_point:int3:g64 --dequantized\n"
      "  quantbench quantize llama-dir/ llama-gptq/ --method gptq:int4:g128 --format gptq --calibration text.txt");
  return [arguments] { return quantize(*arguments); };
}

const Register<Command> registered{
    "quantize", {"Quantize a model into a GGUF file, or a GPTQ, AWQ or compressed-tensors checkpoint", declare}};

}  // namespace
}  // namespace quantbench
