#include "eval/transforms/rotation.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "eval/quantize_file.h"
#include "eval/runner/runner.h"
#include "eval/testing/tiny_experiment.h"
#include "eval/transforms/block_scaling.h"
#include "eval/transforms/lone_layer.h"
#include "models/testing/tiny_llama.h"
#include "quantizers/formats/registry.h"
#include "quantizers/transforms/rounding.h"

namespace quantbench {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;
using testing_support::random_tokens;
using testing_support::tiny_llama;
using testing_support::TinyLlama;

constexpr std::size_t length = 17, count = 12;

Windows windows_of(std::size_t windows) {
  Windows result;
  result.tokens = random_tokens(length * windows, 37, 5);
  result.count = windows;
  result.length = length;
  return result;
}

struct TinyModel {
  explicit TinyModel(const TinyLlama& options) : checkpoint(tiny_llama(options)) {}

  BlockwiseResult run(const std::string& method, const Weights& from, int threads = 2,
                      std::size_t windows = count) const {
    const Windows text = windows_of(windows);
    BlockwiseTask task{*model, from, text, {}};
    for (const std::string& layer : model->linear_layers()) task.methods.emplace(layer, parse_method(method));
    return quantize_blockwise(task, {.threads = threads,
                                     .transform = block_transform(task.methods),
                                     .transform_outside = outside_transform(task.methods)});
  }
  BlockwiseResult run(const std::string& method, int threads = 2, std::size_t windows = count) const {
    return run(method, weights, threads, windows);
  }

  Weights with(const BlockwiseResult& result) const {
    Weights changed = weights;
    for (const auto* tensors : {&result.tensors, &result.outside})
      for (const auto& [name, tensor] : *tensors) changed.insert_or_assign(name, tensor.view());
    return changed;
  }

  std::vector<float> logits(const Weights& of) const {
    std::vector<float> all;
    model->forward(of, {random_tokens(length * 3, 37, 6), 3, length}, {}, [&](const LogitsBlock& block) {
      all.insert(all.end(), block.logits.values.begin(), block.logits.values.end());
    });
    return all;
  }

  const Checkpoint checkpoint;
  const std::unique_ptr<const Model> model = load_model(checkpoint);
  const Weights weights = weights_of(checkpoint);
};

/// Of the largest of `expected`.
double largest_difference(const std::vector<float>& found, const std::vector<float>& expected) {
  double most = 0, largest = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    most = std::max(most, std::fabs(static_cast<double>(found[i]) - static_cast<double>(expected[i])));
    largest = std::max(largest, std::fabs(static_cast<double>(expected[i])));
  }
  return most / largest;
}

class RotatedModel : public testing::TestWithParam<TinyLlama> {
 protected:
  const TinyModel tiny_{GetParam()};
};

TEST_P(RotatedModel, ComputesTheSame) {
  const std::vector<float> expected = tiny_.logits(tiny_.weights);
  for (const char* method : {"hadamard:f32", "hadamard:f32:seed=7", "hadamard+awq:f32:alpha=0.5",
                             "hadamard+smoothquant+awq:f32:alpha=0.5"}) {
    const BlockwiseResult result = tiny_.run(method);
    const double difference = largest_difference(tiny_.logits(tiny_.with(result)), expected);
    EXPECT_LT(difference, 1e-5) << method;
    RecordProperty(method, fmt::format("{:.1e}", difference));
    for (const std::string& layer : tiny_.model->linear_layers())
      EXPECT_NE(decoded(result.tensors.at(layer).view(), 1), decoded(tiny_.weights.at(layer), 1)) << layer;
  }
}

TEST_P(RotatedModel, NormsAreOnesAndTheOutputHasWeightsOfItsOwn) {
  const BlockwiseResult result = tiny_.run("hadamard:f32");
  for (const auto& [name, tensor] : tiny_.with(result))
    if (name.ends_with("norm.weight")) {
      EXPECT_EQ(decoded(tensor, 1), std::vector<float>(GetParam().width, 1.0f)) << name;
    }
  EXPECT_TRUE(result.outside.contains("output.weight"));
  EXPECT_EQ(tiny_.weights.contains("output.weight"), !GetParam().tied);
  EXPECT_EQ(result.outside.size(), 3u);
}

// What is known about inputs is known about those of the rotated model: its layers are quantized as if it had been the model.
TEST_P(RotatedModel, IsCalibratedLikeAnyModel) {
  const BlockwiseResult rotated = tiny_.run("hadamard:f32:seed=2");
  const Weights weights = tiny_.with(rotated);
  for (const char* solver : {"gptq:int4:g4", "search:int4:g4:sym", "awq:int4:g4", "gptq:int4:g4:asymmetric=0.25"}) {
    const BlockwiseResult found = tiny_.run(fmt::format("hadamard+{}:seed=2", solver));
    const BlockwiseResult expected = tiny_.run(solver, weights);
    for (const std::string& layer : tiny_.model->linear_layers())
      EXPECT_TRUE(std::ranges::equal(found.tensors.at(layer).view().bytes, expected.tensors.at(layer).view().bytes))
          << solver << ' ' << layer;
  }
}

TEST_P(RotatedModel, TellsHowLayersWereChanged) {
  for (const char* method : {"hadamard:f32", "hadamard+awq:f32:alpha=0.5"}) {
    const BlockwiseResult result = tiny_.run(method);
    for (const auto& [name, tensor] : tiny_.with(result)) {
      const auto change = result.changes.find(name);
      if (change == result.changes.end() || !tiny_.weights.contains(name)) continue;
      std::vector<float> weights = decoded(tensor, 1);
      change->second.undo({weights, tensor.cols});
      EXPECT_LT(largest_difference(weights, decoded(tiny_.weights.at(name), 1)), 2e-6) << name;
    }
    EXPECT_EQ(result.changes.size(), tiny_.model->linear_layers().size() + 2);
  }
}

TEST_P(RotatedModel, ThreadsDoNotMatter) {
  const BlockwiseResult one = tiny_.run("hadamard+gptq:int3:g4", 1), three = tiny_.run("hadamard+gptq:int3:g4", 3);
  const Weights others = tiny_.with(three);
  for (const auto& [name, tensor] : tiny_.with(one))
    EXPECT_TRUE(std::ranges::equal(tensor.bytes, others.at(name).bytes)) << name;
}

TEST_P(RotatedModel, RoundingNeedsNoText) {
  const BlockwiseResult with_text = tiny_.run("hadamard:int4:g4:sym"),
                        without = tiny_.run("hadamard:int4:g4:sym", 2, 0),
                        search = tiny_.run("hadamard+search:int4:g4:imatrix=off", 2, 0);
  for (const auto& [name, tensor] : with_text.tensors)
    EXPECT_TRUE(std::ranges::equal(tensor.view().bytes, without.tensors.at(name).view().bytes)) << name;
  EXPECT_EQ(with_text.peak.streams, 0u);
  EXPECT_EQ(search.tensors.size(), with_text.tensors.size());
  for (const char* method : {"hadamard+gptq:int4:g4", "hadamard+search:int4:g4", "hadamard+awq:int4:g4"})
    EXPECT_THAT([&] { tiny_.run(method, 2, 0); }, ThrowsMessage<Error>(HasSubstr("needs a calibration text")))
        << method;
}

INSTANTIATE_TEST_SUITE_P(Shapes, RotatedModel,
                         testing::Values(TinyLlama{}, TinyLlama{.tied = true}, TinyLlama{.kv_heads = 4},
                                         TinyLlama{.width = 22, .heads = 6, .kv_heads = 1, .head_size = 14},
                                         TinyLlama{.width = 32, .kv_heads = 1, .head_size = 8, .tied = true}),
                         [](const auto& shape) {
                           const TinyLlama& tiny = shape.param;
                           return fmt::format("width{}_heads{}of{}_{}", tiny.width, tiny.heads, tiny.kv_heads,
                                              tiny.tied ? "tied" : "untied");
                         });

double largest_over_rms(const std::vector<float>& values) {
  double largest = 0, squares = 0;
  for (const float value : values) {
    largest = std::max(largest, std::fabs(static_cast<double>(value)));
    squares += static_cast<double>(value) * static_cast<double>(value);
  }
  return largest / std::sqrt(squares / static_cast<double>(values.size()));
}

/// Of normally distributed numbers 3.
double kurtosis(const std::vector<float>& values) {
  double squares = 0, fourths = 0;
  for (const float value : values) {
    const double square = static_cast<double>(value) * static_cast<double>(value);
    squares += square;
    fourths += square * square;
  }
  return fourths * static_cast<double>(values.size()) / (squares * squares);
}

// Columns that read, rows that write the same two places of the stream are large, as in models with outlier features.
TEST(RotatedWeights, OutliersAreSpread) {
  const TinyModel tiny(TinyLlama{.width = 64, .head_size = 16, .feed_forward = 96});
  Weights weights = tiny.weights;
  std::map<std::string, TensorData> planted;
  for (const std::string& layer : tiny.model->linear_layers()) {
    const Tensor& original = weights.at(layer);
    std::vector<float> values = decoded(original, 1);
    const bool writes = layer.ends_with("attn_output.weight") || layer.ends_with("ffn_down.weight");
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::size_t place = writes ? i / original.cols : i % original.cols;
      if (place == 5 || place == 40) values[i] *= 20;
    }
    TensorData data(layer, original.rows, original.cols, find_format("f32"));
    std::memcpy(data.row(0).row, values.data(), values.size() * sizeof(float));
    weights.insert_or_assign(layer, planted.emplace(layer, std::move(data)).first->second.view());
  }
  const BlockwiseResult rotated = tiny.run("hadamard:f32", weights);
  for (const std::string& layer : tiny.model->linear_layers()) {
    const std::vector<float> before = decoded(weights.at(layer), 1),
                             after = decoded(rotated.tensors.at(layer).view(), 1);
    EXPECT_LT(largest_over_rms(after), 0.6 * largest_over_rms(before)) << layer;
    EXPECT_GT(kurtosis(before), 20) << layer;
    EXPECT_LT(kurtosis(after), 6) << layer;
  }
}

std::set<std::string> names_of(const Checkpoint& checkpoint) {
  std::set<std::string> names;
  for (const CheckpointTensor& tensor : checkpoint.tensors()) names.insert(tensor.name);
  return names;
}

class RotatedFile : public testing::TestWithParam<bool> {};

TEST_P(RotatedFile, IsAnOrdinaryModelFile) {
  const TinyModel tiny(TinyLlama{.width = 32, .head_size = 8, .feed_forward = 64, .tied = GetParam()});
  BlockwiseResult result = tiny.run("hadamard+gptq:q8_0");
  const std::vector<float> expected = tiny.logits(tiny.with(result));
  EXPECT_LT(largest_difference(expected, tiny.logits(tiny.weights)), 0.05);

  const testing_support::TemporaryFolder folder;
  QuantizeFileOptions options;
  options.method = parse_method("hadamard+gptq:q8_0");
  FileQuantizer quantizer(tiny.checkpoint, options);
  quantizer.use(std::move(result.tensors), std::move(result.outside));
  quantizer.write(folder / "out.gguf", {});
  EXPECT_EQ(quantizer.notes().size(), GetParam() ? 1u : 0u);
  const Checkpoint file = open_checkpoint(folder / "out.gguf");
  std::set<std::string> names = names_of(tiny.checkpoint);
  names.insert("output.weight");
  EXPECT_EQ(names_of(file), names);
  EXPECT_EQ(file.at("blk.0.attn_q.weight").type_name, "Q8_0");
  EXPECT_EQ(file.at("token_embd.weight").type_name, "F32");
  EXPECT_EQ(tiny.logits(weights_of(file)), expected);
  std::vector<float> of_the_file;
  load_model(file)->forward(
      weights_of(file), {random_tokens(length * 3, 37, 6), 3, length}, {}, [&](const LogitsBlock& block) {
        of_the_file.insert(of_the_file.end(), block.logits.values.begin(), block.logits.values.end());
      });
  EXPECT_EQ(of_the_file, expected);
}

INSTANTIATE_TEST_SUITE_P(TiedOrNot, RotatedFile, testing::Bool());

TEST(RotatedFile, AMixStoresTheRotatedEmbeddingInItsType) {
  const TinyModel tiny(TinyLlama{.width = 32, .head_size = 8, .feed_forward = 64});
  const Method method = parse_method("hadamard:mix:q8_0");
  const testing_support::TemporaryFolder folder;
  QuantizeFileOptions options;
  options.method = method;
  FileQuantizer quantizer(tiny.checkpoint, options);
  BlockwiseResult result = tiny.run("hadamard:q8_0");
  const std::vector<float> rotated = decoded(result.outside.at("token_embd.weight").view(), 1);
  quantizer.use(std::move(result.tensors), std::move(result.outside));
  quantizer.write(folder / "out.gguf", {});
  const Checkpoint file = open_checkpoint(folder / "out.gguf");
  EXPECT_EQ(file.at("token_embd.weight").type_name, "Q8_0");
  EXPECT_LT(largest_difference(decoded(file.at("token_embd.weight").tensor(), 1), rotated), 0.01);
  EXPECT_LT(largest_difference(tiny.logits(weights_of(file)), tiny.logits(tiny.weights)), 0.1);
}

// Errors are those of the original weights, although other numbers were rounded: those of columns that a norm weighs little are
// larger, and count as little.
TEST(RotatedCells, HaveFiguresLikeOthers) {
  const testing_support::TinyExperiment tiny(
      "[f32, 'absmax:int8:g32', 'hadamard:int8:g32:sym', 'hadamard:f32', 'hadamard+gptq:int8:g32', "
      "'hadamard:mix:q8_0', 'hadamard+search:int8:g32']");
  RunOptions options;
  options.folder = tiny.folder / "store";
  const RunResult result = run_plan(tiny.config, tiny.experiment, tiny.plan, options);
  EXPECT_EQ(result.failed, 0u);
  const std::vector<CellReport>& cells = result.report.cells;
  const double plain = *cells[1].rmse->weighted_relative;
  EXPECT_NEAR(*cells[2].rmse->weighted_relative, plain, 0.2 * plain);
  EXPECT_LT(cells[3].rmse->relative, 1e-6);
  EXPECT_LT(cells[3].kld->mean, 1e-9);
  for (const CellReport& cell : cells) {
    EXPECT_LT(cell.kld->mean, 1e-3) << cell.method;
    EXPECT_LT(cell.rmse->relative, 0.02) << cell.method;
  }
  EXPECT_EQ(cells[5].tensors.size(), 9u) << "with embedding and output projection, rotated";
  EXPECT_EQ(cells[6].importance, "calibration.txt");
  EXPECT_EQ(tiny.plan.cells[2].blockwise->streams, 0u);
  EXPECT_GT(tiny.plan.cells[4].blockwise->streams, 0u);
}

TEST(RotationCheck, SaysWhatCannotBeDone) {
  const TinyModel tied(TinyLlama{.tied = true}), untied(TinyLlama{});
  const Method method = parse_method("hadamard:mix:q8_0");
  EXPECT_THAT([&] { check_rotation(*tied.model, method, true); },
              ThrowsMessage<Error>(HasSubstr("shares with token_embd.weight")));
  EXPECT_NO_THROW(check_rotation(*tied.model, method, false));
  EXPECT_NO_THROW(check_rotation(*untied.model, method, true));
  EXPECT_NO_THROW(check_rotation(*tied.model, parse_method("awq:mix:q8_0"), true));
  EXPECT_THAT([] { TinyModel(TinyLlama{.width = 1031}).run("hadamard:f32", 1, 0); },
              ThrowsMessage<Error>(HasSubstr("no rotation of 1031 columns")));
}

TEST(RotatedLayer, IsQuantizedInTheRotatedSpace) {
  constexpr std::size_t rows = 24, cols = 40, tokens = 100;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> weights(rows * cols), inputs(tokens * cols);
  for (float& value : weights) value = normal(random);
  for (float& value : inputs) value = normal(random);
  const auto statistics_of = [&](const std::vector<float>& x) {
    LayerSums sums(cols, {.second_moments = true});
    sums.add({x, tokens, cols}, tokens, 1);
    return sums.statistics();
  };
  const auto quantize = [&](const char* method) {
    const LayerStatistics statistics = statistics_of(inputs);
    return quantize_lone_layer(parse_method(method), {{weights, rows, cols}, {inputs, tokens, cols}, statistics.view()},
                               2);
  };
  EXPECT_LT(largest_difference(quantize("hadamard:f32").weights(2), weights), 1e-6);
  EXPECT_LT(largest_difference(quantize("hadamard+awq:f32:alpha=0.5").weights(2), weights), 1e-6);
  const std::vector<float> found = quantize("hadamard+gptq:int3:g8:seed=4").weights(1);

  const Rotation rotation(cols, 4 * 1'000'003);
  rotate_columns(rotation, {weights, cols});
  rotate_columns(rotation, {inputs, cols});
  std::vector<float> expected = quantize("gptq:int3:g8").weights(1);
  rotate_columns(rotation, {expected, cols}, Direction::back);
  std::size_t different =
      0;  // H is rotated in one and summed in the other: a weight between two levels may go either way
  for (std::size_t i = 0; i < expected.size(); ++i)
    if (std::fabs(found[i] - expected[i]) > 1e-5f) ++different;
  EXPECT_LE(different, expected.size() / 20);
}

}  // namespace
}  // namespace quantbench
