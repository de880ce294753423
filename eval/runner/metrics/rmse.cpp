// Reconstruction error of the weights, per tensor and over all of them together.
#include <algorithm>

#include "eval/metrics/weight_error.h"
#include "eval/runner/cell_context.h"
#include "eval/runner/metric.h"

namespace quantbench {
namespace {

TensorReport describe(const Tensor& tensor, const WeightErrorSums& sums) {
  TensorReport report;
  report.name = tensor.name;
  report.format = tensor.format->id;
  report.rows = tensor.rows;
  report.cols = tensor.cols;
  report.bits_per_weight = tensor.format->bits_per_weight(tensor.rows, tensor.cols);
  report.relative_rmse = sums.relative_rmse();
  report.rmse = sums.rmse();
  report.max_abs_error = sums.max_abs_error;
  report.cosine = sums.cosine();
  report.weighted_relative_rmse = sums.weighted_relative_rmse();
  return report;
}

void measure(CellContext& context, CellReport& cell) {
  const std::vector<Tensor>& originals = context.experiment().model->linear_layers;
  WeightErrorSums all;
  for (std::size_t i = 0; i < originals.size(); ++i) {
    const Tensor& quantized = context.quantized_layers()[i].view();
    const LayerCalibration calibration = context.calibration_of(quantized.name);
    const WeightErrorSums sums = weight_error(originals[i], quantized, calibration.mean_square, context.threads());
    cell.tensors.push_back(describe(quantized, sums));
    all.add(sums);
  }
  cell.rmse = RmseReport{all.relative_rmse(), all.rmse(), all.weighted_relative_rmse()};
}

const Register<Metric> registered{
    "rmse", {.summary = "relative and absolute RMSE of the weights, per tensor and overall", .measure = &measure}};

}  // namespace
}  // namespace quantbench
