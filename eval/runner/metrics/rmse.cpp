// Reconstruction error of the weights, per tensor and over all of them together.
#include <algorithm>
#include <vector>

#include "eval/metrics/rate_distortion.h"
#include "eval/metrics/weight_error.h"
#include "eval/runner/cell_context.h"
#include "eval/runner/metric.h"
#include "quantizers/transforms/quantize_transformed.h"

namespace quantbench {
namespace {

GaussianSource source_of(const WeightErrorSums& sums) { return {sums.weights, sums.rms() * sums.rms()}; }

TensorReport describe(const TensorTask& task, const WeightErrorSums& sums) {
  const Tensor& tensor = task.original;
  TensorReport report;
  report.name = tensor.name;
  report.format = task.allocated.format->id;
  report.rows = tensor.rows;
  report.cols = tensor.cols;
  report.bits_per_weight = 8.0 * static_cast<double>(stored_bytes(task.allocated.method, tensor.rows, tensor.cols)) /
                           static_cast<double>(tensor.weights());
  report.relative_rmse = sums.relative_rmse();
  report.rmse = sums.rmse();
  report.max_abs_error = sums.max_abs_error;
  report.cosine = sums.cosine();
  report.rms = sums.rms();
  const GaussianSource source = source_of(sums);
  report.rate_distortion_db = rate_distortion_db(sums.rmse() * sums.rmse(), {&source, 1}, report.bits_per_weight);
  report.weighted_relative_rmse = sums.weighted_relative_rmse();
  report.fallback = task.allocated.fallback;
  return report;
}

void measure(CellContext& context, CellReport& cell) {
  WeightErrorSums all, weighted;  // weighted: over the tensors whose inputs were calibrated
  std::vector<GaussianSource> sources;
  const std::vector<TensorTask>& tasks = context.allocation().tasks;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const Tensor& quantized = context.quantized_tensors()[i];
    const std::optional<TensorData> restored = context.without_transforms(quantized);
    const LayerCalibration calibration = context.calibration_of(tasks[i].original.name);
    const WeightErrorSums sums = weight_error(tasks[i].original, restored ? restored->view() : quantized,
                                              calibration.mean_square, context.threads());
    release(tasks[i].original);
    cell.tensors.push_back(describe(tasks[i], sums));
    all.add(sums);
    sources.push_back(source_of(sums));
    if (sums.weighted) weighted.add(sums);
  }
  cell.rmse = RmseReport{all.relative_rmse(), all.rmse(), weighted.weighted_relative_rmse(),
                         rate_distortion_db(all.rmse() * all.rmse(), sources, context.allocation().bits_per_weight())};
}

const Register<Metric> registered{
    "rmse",
    {.summary = "relative and absolute RMSE of the weights and dB above the Gaussian bound, per tensor and overall",
     .version = 2,
     .measure = &measure}};

}  // namespace
}  // namespace quantbench
