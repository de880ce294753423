#include "eval/transforms/block_scaling.h"

#include <gtest/gtest.h>

#include <cmath>

#include "eval/model_quantizer.h"
#include "eval/quantize_file.h"
#include "eval/testing/tiny_experiment.h"
#include "models/testing/tiny_llama.h"
#include "quantizers/formats/registry.h"
#include "quantizers/transforms/awq.h"
#include "quantizers/transforms/column_scales.h"
#include "quantizers/transforms/rounding.h"

namespace quantbench {
namespace {

using testing_support::random_tokens;
using testing_support::tiny_llama;

class BlockScaling : public testing::TestWithParam<std::uint32_t> {
 protected:
  static constexpr std::size_t length = 17, count = 20;

  BlockScaling() {
    windows_.tokens = random_tokens(length * count, 37, 5);
    windows_.count = count;
    windows_.length = length;
  }

  BlockwiseResult run(const std::string& method, int threads = 2) const {
    BlockwiseTask task{*model_, weights_, windows_, {}};
    for (const std::string& layer : model_->linear_layers()) task.methods.emplace(layer, parse_method(method));
    return quantize_blockwise(task,
                              {.flow = {false, false}, .threads = threads, .transform = block_transform(task.methods)});
  }

  Weights weights_of(const BlockwiseResult& result) const {
    Weights weights = weights_;
    for (const auto& [name, tensor] : result.tensors) weights.insert_or_assign(name, tensor.view());
    return weights;
  }

  std::vector<float> logits(const Weights& weights) const {
    std::vector<float> all;
    model_->forward(weights, {windows_.tokens, count, length}, {}, [&](const LogitsBlock& block) {
      all.insert(all.end(), block.logits.values.begin(), block.logits.values.end());
    });
    return all;
  }

  const Checkpoint checkpoint_ = tiny_llama({.kv_heads = GetParam()});
  const std::unique_ptr<const Model> model_ = load_model(checkpoint_);
  const Weights weights_ = quantbench::weights_of(checkpoint_);
  Windows windows_;
};

TEST_P(BlockScaling, LeavesTheModelWhatItIs) {
  const std::vector<float> expected = logits(weights_);
  for (const char* method : {"awq:f32:alpha=0.5", "smoothquant:f32", "smoothquant+awq:f32:alpha=0.7"}) {
    const BlockwiseResult result = run(method);
    const std::vector<float> found = logits(weights_of(result));
    double error = 0, power = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
      error += std::pow(static_cast<double>(found[i] - expected[i]), 2);
      power += std::pow(static_cast<double>(expected[i]), 2);
    }
    EXPECT_LT(std::sqrt(error / power), 3e-6) << method;
    const std::vector<float> norm = decoded(result.tensors.at("blk.1.attn_norm.weight").view(), 1);
    EXPECT_NE(norm, decoded(weights_.at("blk.1.attn_norm.weight"), 1)) << method;
  }
}

TEST_P(BlockScaling, TellsHowLayersWereScaled) {
  const BlockwiseResult result = run("awq:f32:alpha=0.5");
  for (const std::string& layer : model_->linear_layers()) {
    std::vector<float> weights = decoded(result.tensors.at(layer).view(), 1);
    const Tensor& tensor = weights_.at(layer);
    const auto scales = result.changes.find(layer);
    const bool output = layer.ends_with("attn_output.weight");
    ASSERT_EQ(scales != result.changes.end() && !scales->second.cols.empty(), !output || GetParam() == 4) << layer;
    if (scales == result.changes.end()) continue;
    if (!scales->second.cols.empty()) divide_columns(weights, scales->second.cols);
    for (std::size_t i = 0; i < weights.size() && !scales->second.rows.empty(); ++i)
      weights[i] *= scales->second.rows[i / tensor.cols];
    const std::vector<float> expected = decoded(tensor, 1);
    for (std::size_t i = 0; i < weights.size(); ++i)
      ASSERT_NEAR(weights[i], expected[i], 1e-6f * std::fabs(expected[i]));
  }
}

// The same search, written out for the feed-forward network of the second block: its norm tells the scales.
TEST_P(BlockScaling, AwqTakesTheExponentOfLeastOutputError) {
  const BlockwiseResult result = run("awq:int3:g4");
  const InputGroup group = model_->input_groups(1)[2];
  ASSERT_EQ(group.producer, "blk.1.ffn_norm.weight");
  Matrix input(length * count, 20);
  ForwardOptions options;
  options.observer = [&](std::string_view name, MatrixView seen) {
    if (name == group.layers.front()) std::ranges::copy(seen.values, input.values().begin());
  };
  const TokenBatch batch{windows_.tokens, count, length};
  model_->forward(weights_, batch, options, {});
  std::vector<float> mean(20);
  for (std::size_t i = 0; i < input.values().size(); ++i)
    mean[i % 20] += std::fabs(input.values()[i]) / static_cast<float>(length * count);

  const Matrix expected = model_->group_output(1, 2, weights_, batch, {}, input);
  double least = std::numeric_limits<double>::max();
  std::vector<float> best;
  for (const double alpha : awq_exponents()) {
    const std::vector<float> scales = awq_scales(mean, alpha);
    Weights changed = weights_;
    std::map<std::string, TensorData> kept;
    for (const std::string& layer : group.layers) {
      const Tensor& original = weights_.at(layer);
      std::vector<float> weights = decoded(original, 1);
      multiply_columns(weights, scales);
      weights = rounded(search_rounding(*find_format("int3:g4")), {weights, original.rows, original.cols}, {}, 1);
      divide_columns(weights, scales);
      TensorData data(layer, original.rows, original.cols, find_format("f32"));
      std::memcpy(data.row(0).row, weights.data(), weights.size() * sizeof(float));
      changed.insert_or_assign(layer, kept.emplace(layer, std::move(data)).first->second.view());
    }
    const Matrix found = model_->group_output(1, 2, changed, batch, {}, input);
    double error = 0;
    for (std::size_t i = 0; i < found.values().size(); ++i)
      error += std::pow(static_cast<double>(found.values()[i]) - static_cast<double>(expected.values()[i]), 2);
    if (error < least) best = scales;
    least = std::min(least, error);
  }
  const std::vector<float> before = decoded(weights_.at(group.producer), 1),
                           after = decoded(result.tensors.at(group.producer).view(), 1);
  for (std::size_t i = 0; i < 20; ++i) EXPECT_NEAR(before[i] / after[i], best[i], 1e-5f * best[i]);
  EXPECT_NE(best, std::vector<float>(20, 1.0f)) << "the test means little when nothing is scaled";
}

TEST_P(BlockScaling, ClipsAllButQueriesAndKeys) {
  const BlockwiseResult scaled = run("awq:int2:g4:alpha=0.5"), clipped = run("awq:int2:g4:alpha=0.5:clip");
  for (const std::string& layer : model_->linear_layers()) {
    const bool same = std::ranges::equal(scaled.tensors.at(layer).view().bytes, clipped.tensors.at(layer).view().bytes);
    EXPECT_EQ(same, layer.ends_with("attn_q.weight") || layer.ends_with("attn_k.weight")) << layer;
  }
}

TEST_P(BlockScaling, ThreadsDoNotMatter) {
  const BlockwiseResult one = run("awq:int3:g4:clip:duo", 1), three = run("awq:int3:g4:clip:duo", 3);
  ASSERT_EQ(one.tensors.size(), three.tensors.size());
  for (const auto& [name, tensor] : one.tensors)
    EXPECT_TRUE(std::ranges::equal(tensor.view().bytes, three.tensors.at(name).view().bytes)) << name;
}

TEST_P(BlockScaling, AllColumnsKeptIsTheModelInHalf) {
  const BlockwiseResult result = run("salient:int2:g4:keep=100:by=weight");
  for (const std::string& layer : model_->linear_layers()) {
    const Tensor& tensor = weights_.at(layer);
    const std::vector<float> original = decoded(tensor, 1);
    EXPECT_EQ(decoded(result.tensors.at(layer).view(), 1),
              rounded(parse_method("f16"), {original, tensor.rows, tensor.cols}, {}, 1));
  }
}

TEST(TransformedFile, IsAnOrdinaryModelFile) {
  const Checkpoint checkpoint =
      tiny_llama({.width = 32, .heads = 4, .kv_heads = 4, .head_size = 8, .feed_forward = 64});
  const auto model = load_model(checkpoint);
  const Weights original = weights_of(checkpoint);
  const std::vector<std::int32_t> tokens = random_tokens(10 * 17, 37, 5);
  Windows windows;
  windows.tokens = tokens;
  windows.count = 10;
  windows.length = 17;
  const auto logits = [&](const Model& of, const Weights& weights) {
    std::vector<float> all;
    of.forward(weights, {tokens, 10, 17}, {}, [&](const LogitsBlock& block) {
      all.insert(all.end(), block.logits.values.begin(), block.logits.values.end());
    });
    return all;
  };
  const Method method = parse_method("awq:q8_0:clip");
  BlockwiseTask task{*model, original, windows, {}};
  for (const std::string& layer : model->linear_layers()) task.methods.emplace(layer, method);
  BlockwiseResult result = quantize_blockwise(task, {.transform = block_transform(task.methods)});
  Weights changed = original;
  for (const auto& [name, tensor] : result.tensors) changed.insert_or_assign(name, tensor.view());
  const std::vector<float> expected = logits(*model, changed);

  const testing_support::TemporaryFolder folder;
  QuantizeFileOptions options;
  options.method = method;
  FileQuantizer quantizer(checkpoint, options);
  quantizer.use(std::move(result.tensors));
  quantizer.write(folder / "out.gguf", {});
  const Checkpoint file = open_checkpoint(folder / "out.gguf");
  EXPECT_EQ(file.at("blk.0.attn_q.weight").type_name, "Q8_0");
  EXPECT_EQ(file.at("blk.0.attn_norm.weight").type_name, "F32");
  EXPECT_EQ(file.tensors().size(), checkpoint.tensors().size());
  EXPECT_EQ(logits(*load_model(file), weights_of(file)), expected);
  EXPECT_NE(expected, logits(*model, original));
}

INSTANTIATE_TEST_SUITE_P(KeyValueHeads, BlockScaling, testing::Values(2, 4));

}  // namespace
}  // namespace quantbench
