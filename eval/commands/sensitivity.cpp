#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>

#include "core/file.h"
#include "eval/command.h"
#include "eval/commands/common_options.h"
#include "eval/commands/terminal.h"
#include "eval/embedded.h"
#include "eval/importance.h"
#include "eval/sensitivity/measure.h"
#include "quantizers/formats/registry.h"

namespace quantbench {
namespace {

struct SensitivityArguments {
  std::string model, text, out, method, probe;
  std::vector<std::string> formats;
  std::size_t chunks = 0, divergence_chunks = 16;
  bool probe_only = false, fresh = false;
  int threads = 1;
};

std::vector<std::string> canonical(const std::vector<std::string>& formats) {
  std::vector<std::string> ids;
  for (const std::string& format : formats) {
    const std::string id = find_format(format)->id;
    if (std::ranges::find(ids, id) == ids.end()) ids.push_back(id);
  }
  return ids;
}

std::string probe_of(const SensitivityArguments& arguments, const std::vector<std::string>& formats) {
  if (arguments.probe.empty()) return formats[formats.size() / 2];
  std::string id = find_format(arguments.probe)->id;
  if (std::ranges::find(formats, id) == formats.end())
    fail("the probe {} is none of the formats {}", id, fmt::join(formats, ", "));
  return id;
}

/// What an earlier, perhaps interrupted call left in the file.
std::vector<TensorSensitivity> known_tensors(const SensitivityArguments& arguments, const SensitivityTask& task) {
  if (arguments.fresh || !std::filesystem::exists(arguments.out)) return {};
  Sensitivity known = read_sensitivity(arguments.out);
  if (known.origin != origin_of(task))
    fail("{} was measured with another model, text, number of chunks, method or version; give another --out or --fresh",
         arguments.out);
  return std::move(known.tensors);
}

std::string number(const std::optional<double>& value) { return value ? fmt::format("{:.3f}", *value) : "-"; }

std::string summary(const Sensitivity& sensitivity, const std::string& out) {
  std::string text = fmt::format("{}: {} tensors, noise floor {:.2g} nats\n", out, sensitivity.tensors.size(),
                                 sensitivity.noise_floor);
  text += fmt::format("\n{:<38} {:>5}  {:>8}  {:>8}  {:>8}  {:>13}\n", "estimate against measured divergence", "pairs",
                      "Spearman", "Pearson", "of logs", "within format");
  for (const EstimateCorrelation& each : correlate_estimates(sensitivity))
    text += fmt::format("{:<38} {:>5}  {:>8}  {:>8}  {:>8}  {:>13}\n", each.estimate, each.pairs, number(each.spearman),
                        number(each.pearson), number(each.pearson_of_logarithms), number(each.spearman_within_format));
  return text;
}

int sensitivity(const SensitivityArguments& arguments) {
  const std::vector<std::string> formats = canonical(arguments.formats);
  const Method method = parse_method(arguments.method.empty() ? formats.front() : arguments.method);
  check_method(method);
  const std::string probe = probe_of(arguments, formats);
  const LoadedModel model = load_model_file(file_reference(arguments.model));
  const LoadedText text = load_importance_text(model, text_reference(arguments.text), 0, arguments.chunks);
  const SensitivityTask task{.model = model,
                             .text = text,
                             .divergence_windows = std::min(arguments.divergence_chunks, text.windows.count),
                             .method = method,
                             .formats = formats,
                             .probe = probe,
                             .probe_only = arguments.probe_only,
                             .threads = arguments.threads};
  std::vector<TensorSensitivity> known = known_tensors(arguments, task);
  std::optional<Progress> progress;
  SensitivityEvents events;
  // Not after each tensor of a small model: to reach the disk takes longer than a tensor.
  constexpr std::chrono::seconds between_saves(2);
  auto saved = std::chrono::steady_clock::now();
  events.save = [&](const Sensitivity& so_far) {
    if (std::chrono::steady_clock::now() - saved < between_saves) return;
    write_text_atomically(arguments.out, to_json(so_far));
    saved = std::chrono::steady_clock::now();
  };
  events.progress = [&](std::size_t done, std::size_t total, std::string_view tensor) {
    if (!progress) progress.emplace("sensitivity", total);
    progress->advance_to(done, fmt::format("formats of tensors, {}", tensor));
  };
  const Sensitivity result = measure_sensitivity(task, std::move(known), events);
  progress.reset();
  write_text_atomically(arguments.out, to_json(result));
  print_text(summary(result, arguments.out));
  return 0;
}

std::function<int()> declare(CommandOptions& options) {
  auto arguments = std::make_shared<SensitivityArguments>();
  add_model_option(options, arguments->model);
  options.add("--text", arguments->text, "calibration text: importance, moments and divergences are taken from it")
      .required();
  options.add("--formats", arguments->formats, "formats to choose from, separated by commas")
      .required()
      .comma_separated();
  options.add("--out", arguments->out, "JSON file to write; a call that was interrupted goes on from it").required();
  options.add("--method", arguments->method,
              "method whose solver and options quantize (default: the first format as a method)");
  options.add("--chunks", arguments->chunks, "chunks of the text for importance and moments (default: all)").positive();
  options.add("--kld-chunks", arguments->divergence_chunks, "the first of them for divergences (default 16)")
      .positive();
  options.add("--probe", arguments->probe, "format that scales the second-order estimate (default: the middle one)");
  options.add_flag("--probe-only", arguments->probe_only,
                   "measure the divergence of the probe alone: one forward pass for each tensor");
  options.add_flag("--fresh", arguments->fresh, "measure again what the file has");
  add_threads_option(options, arguments->threads);
  options.footer(
      "Quantizes one tensor at a time and measures the KL divergence from the unquantized model "
      "(docs/sensitivity.md).\n\n"
      "Examples:\n"
      "  quantbench sensitivity model-f16.gguf --text calibration.txt --formats q2_k,q3_k,q4_k,q5_k,q6_k --out s.json\n"
      "  quantbench allocate s.json --budget 3.5 --rules-out rules.yaml\n"
      "  quantbench quantize model-f16.gguf out.gguf --method q3_k --calibration calibration.txt --rules rules.yaml");
  return [arguments] { return sensitivity(*arguments); };
}

const Register<Command> registered{"sensitivity",
                                   {"Measure what quantizing each tensor alone costs, for each format", declare}};

}  // namespace
}  // namespace quantbench
