#include "eval/sensitivity/measure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "eval/runner/runner.h"
#include "eval/sensitivity/output_error.h"
#include "eval/testing/tiny_experiment.h"
#include "kernels/cpu/decode.h"
#include "quantizers/quantize.h"

namespace quantbench {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;
using testing_support::TinyExperiment;

const std::string layer = "blk.0.ffn_down.weight";

/// A run that quantizes one layer alone.
TinyExperiment one_layer_alone(const std::string& format) {
  return TinyExperiment(
      "[f32, 'rtn:" + format + ":rules=alone']",
      {"rules={alone: [{tensor: '" + layer + "', format: " + format + "}, {tensor: ., format: keep}]}"});
}

SensitivityTask task_of(const TinyExperiment& tiny, const std::string& method, int threads = 1) {
  return {.model = *tiny.experiment.model,
          .text = *tiny.experiment.evaluation,
          .divergence_windows = tiny.experiment.evaluation->windows.count,
          .method = parse_method(method),
          .formats = {"q4_0", "q8_0"},
          .probe = "q8_0",
          .probe_only = false,
          .threads = threads};
}

const TensorSensitivity& find(const Sensitivity& sensitivity, const std::string& name) {
  for (const TensorSensitivity& tensor : sensitivity.tensors)
    if (tensor.name == name) return tensor;
  throw std::out_of_range(name);
}

TEST(MeasureSensitivity, TheDivergenceIsThatOfARunThatQuantizesTheLayerAlone) {
  const TinyExperiment tiny = one_layer_alone("q4_0");
  RunOptions options;
  options.folder = tiny.folder / "out";
  const RunResult run = run_plan(tiny.config, tiny.experiment, tiny.plan, options);
  const Sensitivity sensitivity = measure_sensitivity(task_of(tiny, "rtn:q4_0"), {}, {});
  const FormatSensitivity& measured = *find(sensitivity, layer).find("q4_0");
  const CellReport& cell = run.report.cells.at(1);
  EXPECT_EQ(cell.tensors.size(), 1U);
  EXPECT_EQ(measured.kld->mean, cell.kld->mean);
  EXPECT_EQ(measured.bytes, cell.size_bytes);
  EXPECT_LT(measured.kld->lower, measured.kld->mean);
  EXPECT_GT(measured.kld->upper, measured.kld->mean);
  const SensitivityTask calibrated{.model = *tiny.experiment.model,
                                   .text = *tiny.experiment.calibration,
                                   .divergence_windows = 1,
                                   .method = parse_method("rtn:q4_0"),
                                   .formats = {"q4_0"},
                                   .probe = "q4_0",
                                   .probe_only = false,
                                   .threads = 1};
  const double diagonal = find(measure_sensitivity(calibrated, {}, {}), layer).find("q4_0")->diagonal_error;
  EXPECT_NEAR(diagonal, std::pow(*cell.tensors[0].weighted_relative_rmse, 2), 1e-9 * diagonal);
}

/// Sum of squares of the outputs that `weights` (rows, cols) make of the layer's inputs, the plain way.
double squared_outputs(const TinyExperiment& tiny, MatrixView weights) {
  double sum = 0;
  ForwardOptions forward;
  forward.observer = [&](std::string_view name, MatrixView input) {
    if (name != layer) return;
    for (std::size_t token = 0; token < input.rows; ++token)
      for (std::size_t row = 0; row < weights.rows; ++row) {
        double output = 0;
        for (std::size_t col = 0; col < weights.cols; ++col)
          output += static_cast<double>(weights.row(row)[col]) * static_cast<double>(input.row(token)[col]);
        sum += output * output;
      }
  };
  const LoadedModel& model = *tiny.experiment.model;
  for_each_batch(tiny.experiment.evaluation->windows, {}, [&](std::size_t, const TokenBatch& batch) {
    model.model->forward(model.weights, batch, forward, {});
  });
  return sum;
}

TEST(MeasureSensitivity, TheFullErrorIsThatOfTheOutputs) {
  const TinyExperiment tiny;
  const Sensitivity sensitivity = measure_sensitivity(task_of(tiny, "rtn:q4_0"), {}, {});
  const Tensor& original = tiny.experiment.model->weights.at(layer);
  std::vector<float> values(original.weights()), rounded(original.weights());
  decode_rows(original, 0, original.rows, values, 1);
  const MatrixView weights{values, original.rows, original.cols};
  const TensorData packed = quantize_tensor(parse_method("rtn:q4_0"), layer, weights, {}, 1);
  decode_rows(packed.view(), 0, original.rows, rounded, 1);
  const std::vector<float> change = difference(weights, {rounded, original.rows, original.cols});
  const double expected =
      squared_outputs(tiny, {change, original.rows, original.cols}) / squared_outputs(tiny, weights);
  EXPECT_NEAR(*find(sensitivity, layer).find("q4_0")->full_error, expected, 1e-4 * expected);
}

TEST(MeasureSensitivity, EveryMatrixHasEveryFormatAndMoreBitsHarmLess) {
  const TinyExperiment tiny;
  const Sensitivity sensitivity = measure_sensitivity(task_of(tiny, "q4_0"), {}, {});
  EXPECT_EQ(sensitivity.tensors.size(), tiny.experiment.model->linear_layers.size() + 2);  // embedding and output
  for (const TensorSensitivity& tensor : sensitivity.tensors) {
    const FormatSensitivity &four = *tensor.find("q4_0"), &eight = *tensor.find("q8_0");
    EXPECT_GT(four.kld->mean, eight.kld->mean) << tensor.name;
    EXPECT_GT(four.diagonal_error, eight.diagonal_error) << tensor.name;
    EXPECT_GT(eight.diagonal_error, 0) << tensor.name;
    EXPECT_LT(four.bytes, eight.bytes);
  }
  EXPECT_FALSE(find(sensitivity, "token_embd.weight").formats[0].full_error);
}

TEST(MeasureSensitivity, ThreadsChangeNothing) {
  const TinyExperiment tiny;
  EXPECT_EQ(to_json(measure_sensitivity(task_of(tiny, "q4_0", 1), {}, {})),
            to_json(measure_sensitivity(task_of(tiny, "q4_0", 3), {}, {})));
}

TEST(MeasureSensitivity, AnInterruptedMeasurementGoesOnFromWhatWasSaved) {
  const TinyExperiment tiny;
  std::vector<Sensitivity> saved;
  SensitivityEvents events;
  events.save = [&](const Sensitivity& so_far) { saved.push_back(so_far); };
  const Sensitivity whole = measure_sensitivity(task_of(tiny, "q4_0"), {}, events);
  ASSERT_EQ(saved.size(), whole.tensors.size());
  std::vector<TensorSensitivity> known = saved.at(2).tensors;
  known[0].formats[0].kld->mean = 123;  // what is known is not measured again
  std::size_t measured = 0;
  events.save = [&](const Sensitivity&) { ++measured; };
  Sensitivity resumed = measure_sensitivity(task_of(tiny, "q4_0"), known, events);
  EXPECT_EQ(measured, whole.tensors.size() - 3);
  EXPECT_EQ(resumed.tensors[0].formats[0].kld->mean, 123);
  resumed.tensors[0].formats[0].kld->mean = whole.tensors[0].formats[0].kld->mean;
  EXPECT_EQ(to_json(resumed), to_json(whole));
}

TEST(MeasureSensitivity, ProbeOnlyMeasuresOneDivergenceForEachTensor) {
  const TinyExperiment tiny;
  SensitivityTask task = task_of(tiny, "q4_0");
  const Sensitivity whole = measure_sensitivity(task, {}, {});
  task.probe_only = true;
  const Sensitivity probed = measure_sensitivity(task, {}, {});
  for (std::size_t i = 0; i < whole.tensors.size(); ++i) {
    const TensorSensitivity &all = whole.tensors[i], &one = probed.tensors[i];
    EXPECT_FALSE(one.find("q4_0")->kld);
    EXPECT_EQ(one.find("q8_0")->kld->mean, all.find("q8_0")->kld->mean);
    EXPECT_EQ(one.estimate(*one.find("q4_0"), "q8_0"), all.estimate(*all.find("q4_0"), "q8_0"));
  }
}

TEST(MeasureSensitivity, TransformsAndRowsThatFitNoFormatAreErrors) {
  const TinyExperiment tiny;
  EXPECT_THAT([&] { measure_sensitivity(task_of(tiny, "awq:int4:g32"), {}, {}); },
              ThrowsMessage<Error>(HasSubstr("transforms change several tensors at once")));
  SensitivityTask task = task_of(tiny, "q4_0");
  task.formats = {"q4_k"};
  EXPECT_THAT([&] { measure_sensitivity(task, {}, {}); }, ThrowsMessage<Error>(HasSubstr("fit none of the formats")));
}

}  // namespace
}  // namespace quantbench
