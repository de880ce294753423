#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "core/file.h"
#include "eval/command.h"
#include "eval/commands/common_options.h"
#include "eval/commands/terminal.h"
#include "eval/embedded.h"
#include "eval/evaluate.h"
#include "eval/evaluation_device.h"
#include "eval/evaluation_options.h"
#include "eval/metrics/perplexity.h"
#include "eval/model_quantizer.h"
#include "eval/runner/allocate.h"
#include "eval/temporary_file.h"
#include "kernels/cpu/decode.h"
#include "models/checkpoints/safetensors_writer.h"
#include "models/packed_checkpoints/unpack_checkpoint.h"
#include "quantizers/quantize.h"

namespace quantbench {
namespace {

using Json = nlohmann::ordered_json;

struct PerplexityArguments {
  std::string model, text, method, base, json, tokens, compute;
  std::string protocol = "llamacpp-512", device = "cpu";
  std::size_t context = 0, chunks = 0;
  int threads = 1;
};

WindowProgress show_in(Progress& progress) {
  return [&progress](std::size_t done, std::size_t) { progress.advance_to(done, "chunks"); };
}

/// The tensors of a model that the method takes, quantized, with the bytes that `weights` points into.
struct QuantizedWeights {
  std::vector<TensorData> tensors;
  Weights weights;
  std::set<std::string, std::less<>> covered;  // names of `tensors`
};

QuantizedWeights quantize(const LoadedModel& model, const Method& method, int threads) {
  const ModelAllocation allocation = allocate_model(model, method, {});
  if (const std::string substitutes = allocation.substitutes(); !substitutes.empty())
    fmt::print(stderr, "note: {}\n", substitutes);
  QuantizedWeights quantized{{}, model.weights, covered_layers(allocation)};
  Progress progress("quantizing", allocation.tasks.size());
  for (const auto& [tensor, allocated] : allocation.tasks) {
    std::vector<float> values(tensor.weights());  // (rows, cols)
    decode_rows(tensor, 0, tensor.rows, values, threads);
    release(tensor);
    quantized.tensors.push_back(
        quantize_tensor(allocated.method, tensor.name, {values, tensor.rows, tensor.cols}, {}, threads));
    const Tensor& packed = quantized.tensors.back().view();
    quantized.weights.insert_or_assign(packed.name, packed);
    progress.step(tensor.name);
  }
  return quantized;
}

/// The logits of the base model on the same windows, and what they are worth.
struct Base {
  BaseLogits logits;
  double noise_floor;
};

Base evaluate_base(const PerplexityArguments& arguments, const LoadedModel& model, const LoadedText& text,
                   ProductDevice* device, const std::filesystem::path& logits_file) {
  const LoadedModel base = load_model_file(file_reference(arguments.base));
  if (base.tokenizer->sha256() != model.tokenizer->sha256())
    fail("{} and {} have different tokenizers ({} and {}): their predictions cannot be compared", arguments.model,
         arguments.base, model.tokenizer->sha256(), base.tokenizer->sha256());
  Progress progress("base model", text.windows.count);
  EvaluateOptions options;
  options.threads = arguments.threads;
  options.progress = show_in(progress);
  const std::unique_ptr<WeightProducts> products = products_on(device, options.compute);
  options.products = products.get();
  BaseLogits logits = collect_base_logits(*base.model, base.weights, text.windows, text.protocol,
                                          {logits_file, "quantbench perplexity --base"}, options);
  const double floor = noise_floor(*base.model, base.weights, text.windows, text.protocol, logits, arguments.threads);
  return {std::move(logits), floor};
}

Json json_of(const KlDivergence& divergence, double noise_floor) {
  return {{"mean", divergence.mean},
          {"median", divergence.median},
          {"p90", divergence.p90},
          {"p99", divergence.p99},
          {"max", divergence.max},
          {"top1_agreement", divergence.top1_agreement},
          {"rms_probability_difference", divergence.rms_probability_difference},
          {"noise_floor", noise_floor}};
}

std::string text_of(const KlDivergence& divergence, double noise_floor) {
  return fmt::format(
      "KL divergence {:.6g} nats (median {:.3g}, p90 {:.3g}, p99 {:.3g}, max {:.3g}; noise floor {:.2g})\n"
      "same top-1 {:.3f} %, RMS difference of probability {:.3f} %\n",
      divergence.mean, divergence.median, divergence.p90, divergence.p99, divergence.max, noise_floor,
      100 * divergence.top1_agreement, 100 * divergence.rms_probability_difference);
}

struct Measured {
  std::size_t chunks = 0;
  Evaluation evaluation;
  double noise_floor = 0;  // meaningful with a KL divergence
  std::string compute;
  double tokens_per_second = 0;  // of the forward pass with its metrics, scored or not
};

Measured measure(const PerplexityArguments& arguments, const std::optional<Method>& method, const LoadedModel& model,
                 const LoadedText& text) {
  const TemporaryFile logits_file(temporary_path("base_logits"));
  const std::unique_ptr<ProductDevice> device = open_evaluation_device(arguments.device);
  std::optional<Base> base;
  if (!arguments.base.empty()) base = evaluate_base(arguments, model, text, device.get(), logits_file.path());
  std::optional<QuantizedWeights> quantized;
  if (method) quantized = quantize(model, *method, arguments.threads);
  Progress progress("perplexity", text.windows.count);
  EvaluateOptions options;
  options.threads = arguments.threads;
  options.base = base ? &base->logits : nullptr;
  options.progress = show_in(progress);
  if (method) apply_evaluation_options(*method, quantized->covered, options);
  if (!arguments.compute.empty()) options.compute = parse_compute(arguments.compute);
  const std::unique_ptr<WeightProducts> products = products_on(device.get(), options.compute);
  options.products = products.get();
  const Weights& weights = quantized ? quantized->weights : model.weights;
  const auto start = std::chrono::steady_clock::now();
  Evaluation evaluation = evaluate(*model.model, weights, text.windows, text.protocol, options);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return {text.windows.count, std::move(evaluation), base ? base->noise_floor : 0,
          std::string(to_string(options.compute)), static_cast<double>(text.windows.tokens.size()) / seconds};
}

Json json_of(const PerplexityArguments& arguments, const LoadedModel& model, const LoadedText& text,
             const std::optional<Method>& method, const Measured& measured) {
  const Perplexity result = perplexity(measured.evaluation.nll);
  Json document;
  document["model"] = {{"name", model.name}, {"sha256", model.sha256}};
  document["dataset"] = {
      {"name", text.name}, {"sha256", text.sha256}, {"tokens", text.tokens}, {"protocol", text.protocol.name}};
  if (method) document["method"] = to_string(*method);
  document["perplexity"] = {{"value", result.value},
                            {"stderr", result.stderr_},
                            {"tokens", result.tokens},
                            {"protocol", text.protocol.name},
                            {"chunks", measured.chunks}};
  document["compute"] = measured.compute;
  document["device"] = arguments.device;
  document["tokens_per_second"] = measured.tokens_per_second;
  if (measured.evaluation.kl_divergence)
    document["kld"] = json_of(*measured.evaluation.kl_divergence, measured.noise_floor);
  return document;
}

/// What pairs two evaluations of the same text token by token (docs/metrics.md).
void write_tokens(const std::string& path, const Evaluation& evaluation) {
  std::vector<NamedMatrix> matrices{{"nll", {evaluation.nll, 1, evaluation.nll.size()}}};
  if (!evaluation.divergence.empty())
    matrices.push_back({"divergence", {evaluation.divergence, 1, evaluation.divergence.size()}});
  write_safetensors(path, matrices);
}

int run_perplexity(const PerplexityArguments& arguments) {
  const auto context = arguments.context == 0 ? std::nullopt : std::optional<std::size_t>(arguments.context);
  const Protocol protocol = parse_protocol(arguments.protocol, context);
  static_cast<void>(evaluation_device_key(arguments.device));  // before a large model is read
  std::optional<Method> method;
  if (!arguments.method.empty()) {
    method = parse_method(arguments.method);
    check_method(*method);
    if (needs_blockwise(*method))
      fail(
          "method '{}' changes more than single tensors or looks at the inputs of the layers; use quantize (with "
          "--calibration) and measure its file, or run",
          to_string(*method));
  }
  const LoadedModel model = load_model_file(file_reference(arguments.model));
  for (const std::string& note : packing_notes(model.checkpoint->metadata())) fmt::print(stderr, "note: {}\n", note);
  const LoadedText text = load_windows({text_reference(arguments.text), protocol, arguments.chunks}, model);
  if (protocol.window > model.model->context_length())
    fmt::print(stderr, "note: windows of {} tokens are longer than the context of {} that the model was made for\n",
               protocol.window, model.model->context_length());
  const Measured measured = measure(arguments, method, model, text);
  const Perplexity result = perplexity(measured.evaluation.nll);
  print_text(fmt::format("perplexity {:.6f} +- {:.6f} ({}, {} chunks, {} tokens scored)\n", result.value,
                         result.stderr_, protocol.name, measured.chunks, result.tokens));
  if (measured.evaluation.kl_divergence) print_text(text_of(*measured.evaluation.kl_divergence, measured.noise_floor));
  if (!arguments.json.empty())
    write_text_atomically(arguments.json, json_of(arguments, model, text, method, measured).dump(2) + "\n");
  if (!arguments.tokens.empty()) write_tokens(arguments.tokens, measured.evaluation);
  return 0;
}

std::function<int()> declare(CommandOptions& options) {
  auto arguments = std::make_shared<PerplexityArguments>();
  add_model_option(options, arguments->model);
  add_text_option(options, arguments->text);
  options.add("--protocol", arguments->protocol, "llamacpp-512 (default) or gptq-2048 (docs/protocols.md)");
  options.add("--ctx", arguments->context, "tokens per window, instead of the protocol's").positive();
  options.add("--chunks", arguments->chunks, "evaluate only the first N windows").positive();
  options.add("--method", arguments->method, "quantize with this method first (a mix: embedding and output, too)");
  options.add("--base", arguments->base, "also report the KL divergence from this model's predictions");
  options.add("--compute", arguments->compute,
              "exact (default): weights decoded to f32; native: products in integers, bf16: products in "
              "bf16, as runtimes do (docs/kernels.md)");
  options
      .add("--device", arguments->device,
           "cpu (default) or cuda: products with weights on the first CUDA device (docs/kernels_cuda.md)")
      .one_of({"cpu", "cuda"});
  options.add("--json", arguments->json, "also write the figures to this file");
  options.add("--tokens", arguments->tokens,
              "also write the negative log-likelihood (with --base the divergence too) of each scored token to this "
              "safetensors file");
  add_threads_option(options, arguments->threads);
  options.footer(
      "Examples:\n"
      "  quantbench perplexity embedded:stories --text embedded:stories/eval\n"
      "  quantbench perplexity model.gguf --text wiki.test.raw --ctx 512 --chunks 20 --method absmax:int4:g32 --base "
      "model.gguf");
  return [arguments] { return run_perplexity(*arguments); };
}

const Register<Command> registered{"perplexity",
                                   {"Perplexity of a model on a text, and KL divergence from a base", declare}};

}  // namespace
}  // namespace quantbench
