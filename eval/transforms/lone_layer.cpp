#include "eval/transforms/lone_layer.h"

#include "core/matmul/matmul_f32.h"
#include "eval/layer_statistics.h"
#include "quantizers/formats/registry.h"
#include "quantizers/transforms/clip.h"
#include "quantizers/transforms/column_scales.h"
#include "quantizers/transforms/quantize_transformed.h"
#include "quantizers/transforms/rounding.h"

namespace quantbench {
namespace {

/// Mean over tokens and outputs of (x (w - w')')^2; a difference of the weights first loses less than one of the outputs.
double output_mean_square(MatrixView inputs, MatrixView weights, MatrixView other, int threads) {
  std::vector<float> difference(weights.values.begin(), weights.values.end());
  for (std::size_t i = 0; i < difference.size(); ++i) difference[i] -= other.values[i];
  std::vector<float> outputs(inputs.rows * weights.rows);  // (tokens, outputs)
  matmul_f32({.a = inputs.values.data(),
              .a_stride = inputs.cols,
              .b = difference.data(),
              .b_stride = weights.cols,
              .c = outputs.data(),
              .c_stride = weights.rows,
              .m = inputs.rows,
              .n = weights.rows,
              .k = inputs.cols},
             threads);
  double sum = 0;
  for (const float output : outputs) sum += static_cast<double>(output) * static_cast<double>(output);
  return sum / static_cast<double>(outputs.size());
}

/// The layer in the space that the transforms so far have led to: x / scales and w scales.
class TransformedLayer {
 public:
  TransformedLayer(const LoneLayer& layer, int threads)
      : rows_(layer.weights.rows),
        cols_(layer.weights.cols),
        threads_(threads),
        weights_(layer.weights.values.begin(), layer.weights.values.end()),
        inputs_(layer.inputs.values.begin(), layer.inputs.values.end()),
        calibration_(layer.calibration, std::vector<float>(cols_, 1.0f)) {}

  MatrixView weights() const { return {weights_, rows_, cols_}; }
  MatrixView inputs() const { return {inputs_, inputs_.size() / cols_, cols_}; }
  LayerCalibration calibration() const { return calibration_.view(); }

  void rotate(const Rotation& rotation) {
    rotate_columns(rotation, {weights_, cols_, threads_});
    rotate_columns(rotation, {inputs_, cols_, threads_});
    const LayerCalibration before = calibration_.view();
    LayerSums sums(cols_, {});
    sums.add(inputs(), inputs().rows, threads_);
    const LayerStatistics columns = sums.statistics();
    const std::vector<float> moments = rotated_moments(rotation, before.second_moments),
                             cross = rotated_moments(rotation, before.cross_moments);
    calibration_ = ScaledCalibration({.mean_square = columns.mean_square,
                                      .mean_absolute = columns.mean_absolute,
                                      .max_absolute = columns.max_absolute,
                                      .second_moments = moments,
                                      .cross_moments = cross},
                                     std::vector<float>(cols_, 1.0f));
  }

  void multiply(const std::vector<float>& scales) {
    multiply_columns(weights_, scales);
    divide_columns(inputs_, scales);
    calibration_ = ScaledCalibration(calibration_.view(), scales);
  }

  std::vector<float> clip_limits(const Method& rounding) const {
    const std::vector<float> sample = sampled_tokens(inputs(), clip_tokens);
    return search_clip({.weights = weights(),
                        .rounding = rounding,
                        .inputs = {sample, sample.size() / cols_, cols_},
                        .threads = threads_});
  }

 private:
  /// Q' M Q
  std::vector<float> rotated_moments(const Rotation& rotation, std::span<const float> moments) const {
    std::vector<float> rotated(moments.begin(), moments.end());
    if (rotated.empty()) return rotated;
    rotate_rows(rotation, {rotated, cols_, threads_});
    rotate_columns(rotation, {rotated, cols_, threads_});
    return rotated;
  }

  std::size_t rows_, cols_;
  int threads_;
  std::vector<float> weights_;  // (rows, cols)
  std::vector<float> inputs_;   // (tokens, cols)
  ScaledCalibration calibration_;
};

ScalingChoice choose_scales(const InputScaling& scaling, const TransformedLayer& layer, const Method& method,
                            const Method& rounding, int threads) {
  const auto loss = [&](std::span<const MatrixView> weights) {
    return output_mean_square(layer.inputs(), layer.weights(), weights.front(), threads);
  };
  return scaling.choose({.layers = {layer.weights()},
                         .rounding = {rounding},
                         .calibration = layer.calibration(),
                         .loss = loss,
                         .options = method.options,
                         .threads = threads});
}

}  // namespace

CalibrationNeeds calibration_needs(const Method& method) {
  CalibrationNeeds needs = needs_after_transforms(method);
  for (const std::string& name : method.transforms) {
    const TransformEntry& transform = Registry<TransformEntry>::instance().at(name);
    if (!transform.scaling) continue;
    needs.mean_absolute |= transform.scaling->needs().mean_absolute;
    needs.max_absolute |= transform.scaling->needs().max_absolute;
  }
  return needs;
}

std::vector<float> QuantizedLayer::weights(int threads) const {
  std::vector<float> weights = decoded(stored.view(), threads);
  for (auto choice = choices.rbegin(); choice != choices.rend(); ++choice) divide_columns(weights, choice->scales);
  if (rotation) rotate_columns(*rotation, {weights, stored.view().cols, threads}, Direction::back);
  return weights;
}

QuantizedLayer quantize_lone_layer(const Method& method, const LoneLayer& layer, int threads) {
  check_method(method);
  QuantizedLayer result;
  if (method.transforms.empty()) {
    result.stored = quantize_tensor(method, "weight", layer.weights, layer.calibration, threads, &result.remarks);
    return result;
  }
  const Method rounding = search_rounding(*find_format(method.target));
  TransformedLayer transformed(layer, threads);
  for (const std::string& name : method.transforms) {
    const TransformEntry& transform = Registry<TransformEntry>::instance().at(name);
    if (transform.rotation) {
      result.rotation = transform.rotation({.size = layer.weights.cols}, method.options);
      transformed.rotate(*result.rotation);
    }
    if (!transform.scaling) continue;
    result.choices.push_back(choose_scales(*transform.scaling, transformed, method, rounding, threads));
    transformed.multiply(result.choices.back().scales);
  }
  const std::vector<float> limits =
      clip_of(method) == Clip::off ? std::vector<float>() : transformed.clip_limits(rounding);
  LayerCalibration calibration = transformed.calibration();
  calibration.grid_limits = limits;
  result.stored = quantize_transformed(method, "weight", transformed.weights(), calibration, threads, &result.remarks);
  return result;
}

}  // namespace quantbench
