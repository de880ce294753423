#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "core/matmul/matmul_f32.h"
#include "eval/command.h"
#include "eval/commands/common_options.h"
#include "eval/commands/terminal.h"
#include "eval/layer_statistics.h"
#include "eval/metrics/rate_distortion.h"
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
  std::string weights, activations, test_activations, original_activations, method, out, json;
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

/// Activations that fit the layer.
OwnedMatrix read_activations(const std::string& path, const LayerArguments& arguments, const OwnedMatrix& weight) {
  OwnedMatrix x = read_matrix(path, "x", arguments.threads);
  if (x.cols != weight.cols)
    fail("{}: 'x' has {} columns, but 'weight' of {} has {}", path, x.cols, arguments.weights, weight.cols);
  return x;
}

/// What the method asks of the inputs, and mean squares for the errors. original: empty, or the same tokens in the original model.
LayerStatistics statistics_of(const OwnedMatrix& x, const OwnedMatrix& original, const CalibrationNeeds& needs,
                              int threads) {
  LayerSums sums(x.cols, needs);
  sums.add(x.view(), original.view(), x.rows, threads);
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

/// Of the layer's output for some activations.
struct OutputError {
  double layer_error = 0;  // tr((W - W') H (W - W')^T) with H = 2/n x^T x
  double relative = 0;     // ||x (W - W')^T|| / ||x W^T||
};

/// A difference of the weights first loses less than a difference of the outputs.
OutputError output_error(const OwnedMatrix& x, const OwnedMatrix& original, const OwnedMatrix& quantized, int threads) {
  OwnedMatrix difference = original;
  for (std::size_t index = 0; index < difference.values.size(); ++index)
    difference.values[index] -= quantized.values[index];
  const double error = output_norm(x, difference, threads);
  if (error == 0) return {};
  const double norm = output_norm(x, original, threads);
  if (norm == 0) fail("the layer's output is zero for all activations: its relative error is not defined");
  return {2 * error * error / static_cast<double>(x.rows), error / norm};
}

/// What each round of some work took. The processor time of all threads tells more than the wall clock on a busy machine.
struct Times {
  std::vector<double> seconds, processor_seconds;
};

template <class Work>
Times time_rounds(int repeat, const Work& work) {
  Times times;
  for (int round = 0; round < repeat; ++round) {
    const auto start = std::chrono::steady_clock::now();
    const std::clock_t processor_start = std::clock();
    work();
    const std::clock_t processor_end = std::clock();
    times.seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    times.processor_seconds.push_back(static_cast<double>(processor_end - processor_start) / CLOCKS_PER_SEC);
  }
  return times;
}

/// The activations that the arguments name.
struct Activations {
  OwnedMatrix calibration, original, test;  // the last two may be empty
};

Activations read_all_activations(const LayerArguments& arguments, const CalibrationNeeds& needs,
                                 const OwnedMatrix& weight) {
  Activations all{read_activations(arguments.activations, arguments, weight), {}, {}};
  if (needs.cross_moments && arguments.original_activations.empty())
    fail("{} looks at the inputs of the layer in the original model too: name them with --original-activations",
         arguments.method);
  if (!arguments.original_activations.empty())
    all.original = read_activations(arguments.original_activations, arguments, weight);
  if (!arguments.test_activations.empty()) all.test = read_activations(arguments.test_activations, arguments, weight);
  return all;
}

void add_output_errors(nlohmann::ordered_json& result, const Activations& x, const OwnedMatrix& weight,
                       const OwnedMatrix& decoded, int threads) {
  const OutputError calibration = output_error(x.calibration, weight, decoded, threads);
  result["output_relative_error"] = calibration.relative;
  result["layer_error"] = calibration.layer_error;
  if (x.test.values.empty()) return;
  const OutputError test = output_error(x.test, weight, decoded, threads);
  result["test_output_relative_error"] = test.relative;
  result["test_layer_error"] = test.layer_error;
}

int quantize_layer(const LayerArguments& arguments) {
  const Method method = parse_method(arguments.method);
  check_method(method);
  const CalibrationNeeds needs = calibration_needs(method);
  const OwnedMatrix weight = read_matrix(arguments.weights, "weight", arguments.threads);
  const Activations x = read_all_activations(arguments, needs, weight);
  const LayerStatistics statistics = statistics_of(x.calibration, x.original, needs, arguments.threads);
  const auto quantize = [&] {
    return quantize_lone_layer(method, {weight.view(), x.calibration.view(), statistics.view()}, arguments.threads);
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
      {"tokens", x.calibration.rows},
      {"bits_per_weight", 8.0 * static_cast<double>(stored_bytes(method, weight.rows, weight.cols)) /
                              static_cast<double>(weight.values.size())},
      {"relative_rmse", error.relative_rmse()},
      {"weighted_relative_rmse", error.weighted_relative_rmse().value_or(0)}};
  const GaussianSource source{error.weights, error.rms() * error.rms()};
  if (const auto distance = rate_distortion_db(error.rmse() * error.rmse(), {&source, 1}, result["bits_per_weight"]))
    result["rate_distortion_db"] = *distance;
  add_output_errors(result, x, weight, decoded, arguments.threads);
  for (const ScalingChoice& choice : quantized.choices) result["alpha"].push_back(choice.alpha);
  if (!quantized.remarks.empty()) result["remarks"] = quantized.remarks;
  if (arguments.repeat > 0) {
    const Times calibration =
        time_rounds(arguments.repeat, [&] { statistics_of(x.calibration, x.original, needs, arguments.threads); });
    const Times times = time_rounds(arguments.repeat, quantize);
    result["calibration_seconds"] = calibration.seconds;
    result["quantize_seconds"] = times.seconds;
    result["quantize_processor_seconds"] = times.processor_seconds;
  }
  const NamedMatrix output{"weight", decoded.view()};
  write_safetensors(arguments.out, std::span(&output, 1), {{"quantbench.method", id}});
  if (!arguments.json.empty()) write_text_atomically(arguments.json, result.dump(2) + "\n");
  for (const auto& [name, value] : result.items())
    print_text(fmt::format("{:<28}{}\n", name, value.is_string() ? value.get<std::string>() : value.dump()));
  return 0;
}

std::function<int()> declare(CommandOptions& options) {
  auto arguments = std::make_shared<LayerArguments>();
  options.add("WEIGHTS", arguments->weights, "safetensors file with the tensor 'weight' (outputs, inputs)").required();
  options.add("--activations", arguments->activations, "safetensors file with the tensor 'x' (tokens, inputs)")
      .required();
  options.add("--test-activations", arguments->test_activations,
              "safetensors file with another 'x': errors are also measured on these inputs");
  options.add("--original-activations", arguments->original_activations,
              "safetensors file with the 'x' of the same tokens in the original model, for gptq:...:asymmetric=ALPHA");
  options.add("--method", arguments->method, "method id (quantbench list methods)").required();
  options.add("--out", arguments->out, "safetensors file to write: 'weight' quantized and decoded, f32").required();
  options.add("--json", arguments->json, "also write the figures to this file");
  options
      .add("--repeat", arguments->repeat,
           "collect statistics and quantize N times more, and report the seconds of each")
      .in_range(1, 1000000);
  add_threads_option(options, arguments->threads);
  options.footer(
      "Errors (docs/metrics.md): relative_rmse ||W-W'|| / ||W||; weighted_relative_rmse the same with each column "
      "weighted\n"
      "by its mean x^2; output_relative_error the same of the\n"
      "layer's output, ||x(W-W')^T|| / ||xW^T||; layer_error tr((W-W')H(W-W')^T) with H = 2/n x^T x of n tokens;\n"
      "rate_distortion_db above the least error of Gaussian weights at as many bits.\n\n"
      "Example:\n  quantbench layer w.safetensors --activations x.safetensors --method absmax:int4:g128 --out "
      "q.safetensors");
  return [arguments] { return quantize_layer(*arguments); };
}

const Register<Command> registered{"layer", {"Quantize one linear layer and measure weight and output error", declare}};

}  // namespace
}  // namespace quantbench
