#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "core/matmul/matmul_f32.h"
#include "eval/command.h"
#include "eval/commands/common_options.h"
#include "eval/commands/terminal.h"
#include "eval/layer_statistics.h"
#include "eval/metrics/weight_error.h"
#include "eval/transforms/lone_layer.h"
#include "kernels/cpu/decode.h"
#include "models/checkpoints/checkpoint.h"
#include "models/checkpoints/safetensors_writer.h"
#include "quantizers/formats/registry.h"
#include "quantizers/transforms/quantize_transformed.h"

namespace quantbench {
namespace {

struct LayerArguments {
  std::string weights, activations, original_activations, method, out, json;
  int threads = 1;
  int repeat = 0;
};

struct OwnedMatrix {
  std::vector<float> values;
  std::size_t rows = 0, cols = 0;
  MatrixView view() const { return {values, rows, cols}; }
};

OwnedMatrix decode_matrix(const Tensor& tensor, int threads) {
  OwnedMatrix matrix{std::vector<float>(tensor.weights()), tensor.rows, tensor.cols};
  decode_rows(tensor, 0, tensor.rows, matrix.values, threads);
  return matrix;
}

OwnedMatrix read_matrix(const std::string& path, const std::string& name, int threads) {
  const Checkpoint checkpoint = open_checkpoint(path);
  const CheckpointTensor& stored = checkpoint.at(name);
  if (stored.dims.size() != 2) fail("{}: tensor '{}' has {} dimensions, expected 2", path, name, stored.dims.size());
  OwnedMatrix matrix = decode_matrix(stored.tensor(), threads);
  if (matrix.values.empty()) fail("{}: tensor '{}' is empty", path, name);
  for (std::size_t index = 0; index < matrix.values.size(); ++index)
    if (!std::isfinite(matrix.values[index]))
      fail("{}: tensor '{}' holds {} at row {}, column {}", path, name, matrix.values[index], index / matrix.cols,
           index % matrix.cols);
  return matrix;
}

/// What the method looks at, from the activations themselves.
LayerStatistics statistics_of(const LayerArguments& arguments, const Method& method, const OwnedMatrix& x) {
  const CalibrationNeeds needs = calibration_needs(method);
  OwnedMatrix original;
  if (needs.cross_moments) {
    if (arguments.original_activations.empty())
      fail("method '{}' looks at the inputs in the original model, too: give them with --original-activations",
           to_string(method));
    original = read_matrix(arguments.original_activations, "x", arguments.threads);
  }
  LayerSums sums(x.cols, needs);
  sums.add(x.view(), original.view(), x.rows, arguments.threads);
  return sums.statistics();
}

/// Frobenius norm of x w^T. x: (tokens, inputs), w: (outputs, inputs)
double output_norm(const OwnedMatrix& x, const OwnedMatrix& w, int threads) {
  std::vector<float> outputs(x.rows * w.rows);  // (tokens, outputs)
  matmul_f32({.a = x.values.data(),
              .a_stride = x.cols,
              .b = w.values.data(),
              .b_stride = w.cols,
              .c = outputs.data(),
              .c_stride = w.rows,
              .m = x.rows,
              .n = w.rows,
              .k = x.cols},
             threads);
  double sum = 0;
  for (const float output : outputs) sum += static_cast<double>(output) * static_cast<double>(output);
  return std::sqrt(sum);
}

// ||x (W - W')^T|| / ||x W^T||; a difference of the weights first loses less than a difference of the outputs.
double output_relative_error(const OwnedMatrix& x, const OwnedMatrix& original, const OwnedMatrix& quantized,
                             int threads) {
  OwnedMatrix difference = original;
  for (std::size_t index = 0; index < difference.values.size(); ++index)
    difference.values[index] -= quantized.values[index];
  const double error = output_norm(x, difference, threads);
  if (error == 0) return 0;
  const double norm = output_norm(x, original, threads);
  if (norm == 0) fail("the layer's output is zero for all activations: its relative error is not defined");
  return error / norm;
}

/// What one quantization took. The processor time of all threads tells more than the wall clock on a busy machine.
struct QuantizeTimes {
  std::vector<double> seconds, processor_seconds;
};

template <class Quantize>
QuantizeTimes time_quantization(int repeat, const Quantize& quantize) {
  QuantizeTimes times;
  for (int round = 0; round < repeat; ++round) {
    const auto start = std::chrono::steady_clock::now();
    const std::clock_t processor_start = std::clock();
    quantize();
    const std::clock_t processor_end = std::clock();
    times.seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    times.processor_seconds.push_back(static_cast<double>(processor_end - processor_start) / CLOCKS_PER_SEC);
  }
  return times;
}

int quantize_layer(const LayerArguments& arguments) {
  const Method method = parse_method(arguments.method);
  check_method(method);
  const OwnedMatrix weight = read_matrix(arguments.weights, "weight", arguments.threads);
  const OwnedMatrix x = read_matrix(arguments.activations, "x", arguments.threads);
  if (x.cols != weight.cols)
    fail("{}: 'x' has {} columns, but 'weight' of {} has {}", arguments.activations, x.cols, arguments.weights,
         weight.cols);
  const LayerStatistics statistics = statistics_of(arguments, method, x);
  const auto quantize = [&] {
    return quantize_lone_layer(method, {weight.view(), x.view(), statistics.view()}, arguments.threads);
  };
  const QuantizedLayer quantized = quantize();
  const OwnedMatrix decoded{quantized.weights(arguments.threads), weight.rows, weight.cols};
  const WeightErrorSums error = weight_error(weight.view(), decoded.view(), statistics.mean_square, arguments.threads);

  const std::string id = to_string(method);
  nlohmann::ordered_json result{
      {"method", id},
      {"format", find_format(method.target)->id},
      {"rows", weight.rows},
      {"cols", weight.cols},
      {"tokens", x.rows},
      {"bits_per_weight", 8.0 * static_cast<double>(stored_bytes(method, weight.rows, weight.cols)) /
                              static_cast<double>(weight.values.size())},
      {"relative_rmse", error.relative_rmse()},
      {"weighted_relative_rmse", error.weighted_relative_rmse().value_or(0)},
      {"output_relative_error", output_relative_error(x, weight, decoded, arguments.threads)}};
  for (const ScalingChoice& choice : quantized.choices) result["alpha"].push_back(choice.alpha);
  if (arguments.repeat > 0) {
    const QuantizeTimes times = time_quantization(arguments.repeat, quantize);
    result["quantize_seconds"] = times.seconds;
    result["quantize_processor_seconds"] = times.processor_seconds;
  }
  const NamedMatrix output{"weight", decoded.view()};
  write_safetensors(arguments.out, std::span(&output, 1), {{"quantbench.method", id}});
  if (!arguments.json.empty()) write_text_atomically(arguments.json, result.dump(2) + "\n");
  for (const auto& [name, value] : result.items())
    print_text(fmt::format("{:<24}{}\n", name, value.is_string() ? value.get<std::string>() : value.dump()));
  return 0;
}

std::function<int()> declare(CLI::App& app) {
  auto arguments = std::make_shared<LayerArguments>();
  app.add_option("WEIGHTS", arguments->weights, "safetensors file with the tensor 'weight' (outputs, inputs)")
      ->required();
  app.add_option("--activations", arguments->activations, "safetensors file with the tensor 'x' (tokens, inputs)")
      ->required();
  app.add_option("--original-activations", arguments->original_activations,
                 "the same tokens as they enter the layer in the original model, for methods that look at both");
  app.add_option("--method", arguments->method, "method id (quantbench list methods)")->required();
  app.add_option("--out", arguments->out, "safetensors file to write: 'weight' quantized and decoded, f32")->required();
  app.add_option("--json", arguments->json, "also write the figures to this file");
  app.add_option("--repeat", arguments->repeat, "quantize N times more and report the seconds of each")
      ->check(CLI::Range(1, 1000000));
  add_threads_option(app, arguments->threads);
  app.footer(
      "Errors (docs/metrics.md): relative_rmse ||W-W'|| / ||W||; weighted_relative_rmse the same with each column "
      "weighted\n"
      "by its mean x^2; output_relative_error the same of the\n"
      "layer's output, ||x(W-W')^T|| / ||xW^T||.\n\n"
      "Example:\n  quantbench layer w.safetensors --activations x.safetensors --method absmax:int4:g128 --out "
      "q.safetensors");
  return [arguments] { return quantize_layer(*arguments); };
}

const Register<Command> registered{"layer", {"Quantize one linear layer and measure weight and output error", declare}};

}  // namespace
}  // namespace quantbench
