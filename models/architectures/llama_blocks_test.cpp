// The forward pass in pieces: blocks, the inputs that layers share, and what may be scaled in between.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "core/error.h"
#include "models/model.h"
#include "models/testing/tiny_llama.h"

namespace quantbench {
namespace {

using testing_support::random_tokens;
using testing_support::tiny_llama;
using testing_support::TinyLlama;

/// A tiny model, a batch for it, and weights that may be changed.
struct Bench {
  explicit Bench(TinyLlama options = {})
      : checkpoint(tiny_llama(options)),
        model(load_model(checkpoint)),
        weights(weights_of(checkpoint)),
        tokens(random_tokens(3 * 17, options.vocabulary, 8)),
        batch{tokens, 3, 17} {}

  Checkpoint checkpoint;
  std::unique_ptr<const Model> model;
  Weights weights;
  std::vector<std::int32_t> tokens;
  TokenBatch batch;
  std::map<std::string, TensorData> changed;  // what entries of `weights` were replaced by

  std::span<float> writable(const std::string& name) {
    if (!changed.contains(name)) {
      const Tensor& original = weights.at(name);
      TensorData copy(name, original.rows, original.cols, original.format);
      std::memcpy(copy.row(0).row, original.bytes.data(), original.bytes.size());
      weights[name] = changed.emplace(name, std::move(copy)).first->second.view();
    }
    return {reinterpret_cast<float*>(changed.at(name).row(0).row), weights.at(name).weights()};
  }

  std::vector<float> logits() const {
    std::vector<float> all;
    model->forward(weights, batch, {}, collect_into(all));
    return all;
  }

  static LogitsSink collect_into(std::vector<float>& all) {
    return [&all](const LogitsBlock& block) {
      all.insert(all.end(), block.logits.values.begin(), block.logits.values.end());
    };
  }

  /// The input of a linear layer in a forward pass.
  Matrix input_of(const std::string& layer) const {
    Matrix found;
    ForwardOptions options;
    options.observer = [&](std::string_view name, MatrixView input) {
      if (name != layer) return;
      found = Matrix(input.rows, input.cols);
      std::ranges::copy(input.values, found.values().begin());
    };
    model->forward(weights, batch, options, {});
    return found;
  }
};

/// As InputGroup documents it.
void scale(Bench& bench, const InputGroup& group, std::span<const float> producer_scales) {
  for (const std::string& layer : group.layers) {
    const std::span<float> values = bench.writable(layer);
    const std::size_t cols = group.producer_rows.size();
    for (std::size_t index = 0; index < values.size(); ++index)
      values[index] *= producer_scales[group.producer_rows[index % cols]];
  }
  const std::span<float> values = bench.writable(group.producer);
  const std::size_t length = values.size() / producer_scales.size();  // of a row; 1 for a norm
  for (std::size_t index = 0; index < values.size(); ++index) values[index] /= producer_scales[index / length];
}

std::size_t producer_outputs(const Bench& bench, const InputGroup& group) {
  const Tensor& weight = bench.weights.at(group.producer);
  return group.kind == ProducerKind::norm ? weight.cols : weight.rows;
}

TEST(LlamaBlocks, ForwardIsEmbedBlocksAndLogits) {
  const Bench bench;
  std::vector<std::string> names;
  ForwardOptions options;
  options.observer = [&](std::string_view name, MatrixView) { names.emplace_back(name); };
  Matrix stream = bench.model->embed(bench.weights, bench.batch, options);
  ASSERT_EQ(bench.model->block_count(), 2u);
  for (std::size_t block = 0; block < 2; ++block)
    bench.model->run_block(block, bench.weights, bench.batch, options, stream);
  std::vector<float> pieces;
  bench.model->logits(bench.weights, bench.batch, options, stream, Bench::collect_into(pieces));
  EXPECT_EQ(pieces, bench.logits());
  EXPECT_EQ(names, bench.model->linear_layers());
}

TEST(LlamaBlocks, GroupsNameEveryLinearLayerOnceWithTheSharedInput) {
  const Bench bench;
  EXPECT_THAT(bench.model->linear_layers(),
              testing::ElementsAre("blk.0.attn_q.weight", "blk.0.attn_k.weight", "blk.0.attn_v.weight",
                                   "blk.0.attn_output.weight", "blk.0.ffn_gate.weight", "blk.0.ffn_up.weight",
                                   "blk.0.ffn_down.weight", "blk.1.attn_q.weight", "blk.1.attn_k.weight",
                                   "blk.1.attn_v.weight", "blk.1.attn_output.weight", "blk.1.ffn_gate.weight",
                                   "blk.1.ffn_up.weight", "blk.1.ffn_down.weight"));
  for (const InputGroup& group : bench.model->input_groups(1)) {
    const Matrix input = bench.input_of(group.layers.front());
    EXPECT_EQ(group.producer_rows.size(), input.cols());
    for (const std::string& layer : group.layers)
      EXPECT_TRUE(std::ranges::equal(bench.input_of(layer).values(), input.values())) << layer;
    std::vector<std::size_t> uses(producer_outputs(bench, group));
    for (const std::size_t row : group.producer_rows) ++uses.at(row);
    EXPECT_THAT(uses, testing::Each(group.repeats)) << group.producer;
  }
}

// Scales that are powers of two change no bit; others change rounding only.
TEST(LlamaBlocks, ScalesFoldIntoTheProducersOfEveryScalableGroup) {
  for (const TinyLlama& options : {TinyLlama{}, TinyLlama{.heads = 6, .kv_heads = 1}, TinyLlama{.kv_heads = 4}}) {
    for (const bool powers : {true, false}) {
      Bench bench(options);
      const std::vector<float> expected = bench.logits();
      std::mt19937 random(4);
      std::uniform_real_distribution<float> uniform(-2, 2);
      for (std::size_t block = 0; block < bench.model->block_count(); ++block) {
        for (const InputGroup& group : bench.model->input_groups(block)) {
          ASSERT_TRUE(group.scalable);
          std::vector<float> scales(producer_outputs(bench, group));
          for (float& s : scales) s = std::exp2(powers ? std::round(uniform(random)) : uniform(random));
          scale(bench, group, scales);
        }
      }
      const std::vector<float> scaled = bench.logits();
      if (powers) {
        EXPECT_EQ(scaled, expected);
      } else {
        EXPECT_NE(scaled, expected);
        for (std::size_t i = 0; i < scaled.size(); ++i) ASSERT_NEAR(scaled[i], expected[i], 5e-5);
      }
    }
  }
}

TEST(LlamaBlocks, UnequalScalesOfRepeatedColumnsDoNotFold) {
  Bench bench;
  const std::vector<float> expected = bench.logits();
  const InputGroup group = bench.model->input_groups(0)[1];
  ASSERT_EQ(group.repeats, 2u);
  ASSERT_EQ(group.producer_rows[0], group.producer_rows[6]);  // heads 0 and 1 of size 6 share a value head
  const std::span<float> output = bench.writable("blk.0.attn_output.weight");
  for (std::size_t row = 0; row < 20; ++row) output[row * 24] *= 2;
  for (float& value : bench.writable("blk.0.attn_v.weight").first(20)) value /= 2;
  EXPECT_NE(bench.logits(), expected);
}

// The residual stream after a block is the one before it plus what both modules give.
TEST(LlamaBlocks, GroupOutputsAddUpToTheBlock) {
  const Bench bench;
  const ForwardOptions options{.threads = 2};
  const Matrix before = bench.model->embed(bench.weights, bench.batch, options);
  Matrix after = before;
  bench.model->run_block(0, bench.weights, bench.batch, options, after);
  const auto output = [&](std::size_t group, const char* layer) {
    return bench.model->group_output(0, group, bench.weights, bench.batch, options, bench.input_of(layer));
  };
  const Matrix attended = output(0, "blk.0.attn_q.weight"), fed = output(2, "blk.0.ffn_gate.weight");
  for (std::size_t i = 0; i < after.values().size(); ++i)
    ASSERT_EQ(after.values()[i], before.values()[i] + attended.values()[i] + fed.values()[i]);
  EXPECT_TRUE(std::ranges::equal(output(1, "blk.0.attn_output.weight").values(), attended.values()));
  EXPECT_TRUE(std::ranges::equal(output(3, "blk.0.ffn_down.weight").values(), fed.values()));
}

TEST(LlamaBlocks, RefusesBadCalls) {
  const Bench bench;
  Matrix stream(50, 20), input(51, 20);
  const auto throws = [](const auto& call, const char* what) {
    EXPECT_THAT(call, testing::ThrowsMessage<Error>(testing::HasSubstr(what)));
  };
  throws([&] { bench.model->run_block(0, bench.weights, bench.batch, {}, stream); }, "expected 51 x 20");
  throws([&] { bench.model->run_block(2, bench.weights, bench.batch, {}, stream); }, "block 2 of a model of 2");
  throws([&] { (void)bench.model->input_groups(2); }, "block 2 of a model of 2");
  throws([&] { bench.model->group_output(0, 1, bench.weights, bench.batch, {}, input); }, "expected 51 x 24");
  throws([&] { bench.model->group_output(0, 4, bench.weights, bench.batch, {}, input); }, "no input group 4");
  throws([&] { bench.model->logits(bench.weights, bench.batch, {}, stream, {}); }, "expected 51 x 20");
}

}  // namespace
}  // namespace quantbench
