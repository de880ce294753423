#include "eval/model_quantizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "core/error.h"
#include "models/testing/tiny_llama.h"
#include "quantizers/quantize.h"

namespace quantbench {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;
using testing_support::random_tokens;
using testing_support::tiny_llama;
using testing_support::TinyLlama;

/// Rounds to nearest, and remembers by layer what it was told of the inputs.
class Witness : public Solver {
 public:
  struct Seen {
    std::vector<float> moments, cross, mean_square, limits;
  };

  void check(const Format&, const std::map<std::string, std::string>&) const override {}

  CalibrationNeeds needs(const std::map<std::string, std::string>& options) const override {
    return {.second_moments = true, .cross_moments = options.contains("cross")};
  }

  void quantize(const SolverInput& input, TensorData& out) const override {
    const LayerCalibration& known = input.calibration;
    seen_[out.view().name] = {values(known.second_moments), values(known.cross_moments), values(known.mean_square),
                              values(known.grid_limits)};
    const Method method{.transforms = {}, .solver = "rtn", .target = out.view().format->id, .options = {}};
    out = quantize_tensor(method, out.view().name, input.weights, {}, input.threads);
  }

  std::map<std::string, Seen> take_seen() const { return std::exchange(seen_, {}); }

 private:
  static std::vector<float> values(std::span<const float> span) { return {span.begin(), span.end()}; }
  mutable std::map<std::string, Seen> seen_;
};

const auto witness = std::make_shared<Witness>();
const Register<SolverEntry> registered{"test_witness", {witness, "for tests"}};

class ModelQuantizer : public testing::Test {
 protected:
  static constexpr std::size_t length = 21, count = 130;  // more than one batch

  ModelQuantizer() {
    windows_.tokens = random_tokens(length * count, 37, 5);
    windows_.count = count;
    windows_.length = length;
  }

  BlockwiseTask task(const char* method = "test_witness:int4:g4:sym") const {
    BlockwiseTask task{*model_, weights_, windows_, {}};
    for (const std::string& layer : model_->linear_layers()) task.methods.emplace(layer, parse_method(method));
    return task;
  }

  BlockwiseResult run(const BlockwiseTask& task, const BlockwiseOptions& options) {
    BlockwiseResult result = quantize_blockwise(task, options);
    seen_ = witness->take_seen();
    return result;
  }

  /// The inputs of a layer in a whole forward pass.
  std::vector<float> inputs(const std::string& layer, const Weights& weights) const {
    std::vector<float> all;
    ForwardOptions options;
    options.observer = [&](std::string_view name, MatrixView input) {
      if (name == layer) all.insert(all.end(), input.values.begin(), input.values.end());
    };
    model_->forward(weights, {windows_.tokens, count, length}, options, {});
    return all;
  }

  /// 2/n L'R in f64.
  static std::vector<double> moments(const std::vector<float>& left, const std::vector<float>& right) {
    const std::size_t tokens = length * count, cols = left.size() / tokens;
    std::vector<double> sums(cols * cols);
    for (std::size_t token = 0; token < tokens; ++token)
      for (std::size_t i = 0; i < cols; ++i)
        for (std::size_t j = 0; j < cols; ++j)
          sums[i * cols + j] += 2.0 / static_cast<double>(tokens) * static_cast<double>(left[token * cols + i]) *
                                static_cast<double>(right[token * cols + j]);
    return sums;
  }

  static void expect_near(const std::vector<float>& found, const std::vector<double>& expected,
                          const std::string& what) {
    ASSERT_EQ(found.size(), expected.size()) << what;
    double most = 0;
    for (const double value : expected) most = std::max(most, std::fabs(value));
    for (std::size_t i = 0; i < found.size(); ++i)
      ASSERT_NEAR(static_cast<double>(found[i]), expected[i], 3e-6 * most) << what << " at " << i;
  }

  /// What the model's weights are when a layer is being quantized.
  Weights when_quantizing(const std::string& layer, const BlockwiseResult& result, const CalibrationFlow& flow) const {
    Weights weights = weights_;
    if (!flow.sequential) return weights;
    for (std::size_t block = 0; block < model_->block_count(); ++block) {
      const Weights before = weights;
      for (const InputGroup& group : model_->input_groups(block)) {
        if (std::ranges::find(group.layers, layer) != group.layers.end())
          return flow.true_sequential ? weights : before;
        for (const std::string& name : group.layers) weights[name] = result.tensors.at(name).view();
      }
    }
    return weights;
  }

  Checkpoint checkpoint_ = tiny_llama({.layers = 3});
  std::unique_ptr<const Model> model_ = load_model(checkpoint_);
  Weights weights_ = weights_of(checkpoint_);
  Windows windows_;
  std::map<std::string, Witness::Seen> seen_;
};

TEST_F(ModelQuantizer, EveryFlowGivesTheMomentsOfTheInputsItPromises) {
  for (const CalibrationFlow& flow : {CalibrationFlow{true, false}, {true, true}, {false, false}}) {
    const BlockwiseResult result = run(task(), {.flow = flow, .threads = 2});
    ASSERT_EQ(seen_.size(), 21u);
    for (const auto& [layer, seen] : seen_) {
      const std::vector<float> x = inputs(layer, when_quantizing(layer, result, flow));
      expect_near(seen.moments, moments(x, x), layer);
      EXPECT_TRUE(seen.cross.empty());
    }
    EXPECT_EQ(result.tensors.size(), 21u);
    const auto* const w = reinterpret_cast<const float*>(weights_.at("blk.1.ffn_up.weight").bytes.data());
    const TensorData alone = quantize_tensor(parse_method("absmax:int4:g4"), "w", {{w, 27 * 20}, 27, 20}, {}, 1);
    EXPECT_TRUE(std::ranges::equal(result.tensors.at("blk.1.ffn_up.weight").view().bytes, alone.view().bytes));
  }
}

TEST_F(ModelQuantizer, CrossMomentsPairQuantizedWithOriginalInputs) {
  for (const bool true_sequential : {false, true}) {
    const CalibrationFlow flow{true, true_sequential};
    const BlockwiseResult result = run(task("test_witness:int4:g4:sym:cross"), {.flow = flow});
    for (const auto& [layer, seen] : seen_) {
      const std::vector<float> x = inputs(layer, when_quantizing(layer, result, flow));
      std::vector<float> difference = inputs(layer, weights_);
      for (std::size_t i = 0; i < x.size(); ++i) difference[i] -= x[i];
      expect_near(seen.moments, moments(x, x), layer);
      expect_near(seen.cross, moments(difference, x), layer);
    }
    EXPECT_THAT(seen_["blk.0.attn_q.weight"].cross, testing::Each(0.0f)) << "nothing before it is quantized";
    EXPECT_NE(seen_["blk.1.attn_q.weight"].cross[0], 0);
  }
}

TEST_F(ModelQuantizer, LayersWithoutAMethodStayAndCountAsTheyAre) {
  BlockwiseTask some = task();
  some.methods.erase("blk.0.ffn_up.weight");
  const BlockwiseResult result = run(some, {});
  EXPECT_EQ(result.tensors.size(), 20u);
  Weights weights = weights_;
  for (const auto& [name, tensor] : result.tensors)
    if (name.starts_with("blk.0.")) weights[name] = tensor.view();
  const std::vector<float> x = inputs("blk.1.attn_q.weight", weights);
  expect_near(seen_["blk.1.attn_q.weight"].moments, moments(x, x), "blk.1");
}

TEST_F(ModelQuantizer, BitsDoNotDependOnThreads) {
  const BlockwiseResult one = run(task("test_witness:int4:g4:sym:cross"), {.threads = 1});
  const auto expected = seen_;
  const BlockwiseResult three = run(task("test_witness:int4:g4:sym:cross"), {.threads = 3});
  for (const auto& [layer, seen] : expected) {
    EXPECT_EQ(seen_[layer].moments, seen.moments) << layer;
    EXPECT_EQ(seen_[layer].cross, seen.cross) << layer;
  }
}

/// Scales the inputs of queries, keys and values of every block by powers of two, which changes no bit of what the model
/// computes.
class ScaleAttention {
 public:
  explicit ScaleAttention(std::size_t cols) {
    std::mt19937 random(3);
    for (std::size_t j = 0; j < cols; ++j) scales_.push_back(std::exp2(static_cast<float>(random() % 5) - 2));
  }

  const std::vector<float>& scales() const { return scales_; }

  void operator()(OpenBlock& block) const {
    const InputGroup group = block.model().input_groups(block.index())[0];
    for (const std::string& layer : group.layers) {
      const std::span<float> values = block.edit(layer);
      for (std::size_t i = 0; i < values.size(); ++i) values[i] *= scales_[i % scales_.size()];
      block.set_grid_limits(layer, {static_cast<float>(block.index())});
    }
    const std::span<float> norm = block.edit(group.producer);
    for (std::size_t j = 0; j < norm.size(); ++j) norm[j] /= scales_[j];
  }

 private:
  std::vector<float> scales_;
};

TEST_F(ModelQuantizer, TransformsComeBeforeAllElse) {
  const ScaleAttention scaling(20);
  for (const CalibrationFlow& flow : {CalibrationFlow{true, false}, {false, false}}) {
    BlockwiseOptions options{.flow = flow, .transform = scaling};
    BlockwiseTask only_attention = task();
    std::erase_if(only_attention.methods, [](const auto& entry) { return !entry.first.ends_with("attn_q.weight"); });
    const BlockwiseResult result = run(only_attention, options);
    EXPECT_EQ(result.tensors.size(), 12u) << "queries quantized; keys, values and norms rescaled";
    EXPECT_EQ(seen_["blk.2.attn_q.weight"].limits, std::vector<float>{2});
    const std::vector<float> x = inputs("blk.0.attn_q.weight", weights_);
    std::vector<double> expected = moments(x, x);
    for (std::size_t i = 0; i < 20; ++i)
      for (std::size_t j = 0; j < 20; ++j)
        expected[i * 20 + j] /= static_cast<double>(scaling.scales()[i]) * static_cast<double>(scaling.scales()[j]);
    expect_near(seen_["blk.0.attn_q.weight"].moments, expected, "scaled");
  }
  // Nothing quantized: the same model.
  BlockwiseTask none = task();
  none.methods.clear();
  const BlockwiseResult result = run(none, {.transform = scaling});
  EXPECT_EQ(result.tensors.size(), 12u);
  Weights scaled = weights_;
  for (const auto& [name, tensor] : result.tensors) scaled[name] = tensor.view();
  EXPECT_EQ(inputs("blk.2.ffn_down.weight", scaled), inputs("blk.2.ffn_down.weight", weights_));
}

TEST_F(ModelQuantizer, TransformsSeeTheOriginalInputs) {
  const ScaleAttention scaling(20);
  std::vector<std::vector<float>> streams;
  const auto look = [&](OpenBlock& block) {
    streams.emplace_back();
    for (std::size_t batch = 0; batch < block.inputs().batches(); ++batch) {
      const auto values = block.inputs().values(batch).values();
      streams.back().insert(streams.back().end(), values.begin(), values.end());
    }
    scaling(block);
  };
  run(task(), {.transform = look});
  Matrix stream = model_->embed(weights_, {windows_.tokens, count, length}, {});
  ASSERT_EQ(streams.size(), 3u);
  for (std::size_t block = 0; block < 3; ++block) {
    EXPECT_TRUE(std::ranges::equal(streams[block], stream.values())) << block;
    model_->run_block(block, weights_, {windows_.tokens, count, length}, {}, stream);
  }
}

/// Keeps statistics in memory.
class MemoryStore : public StatisticsStore {
 public:
  std::optional<LayerStatistics> find(const std::string& layer, const CalibrationNeeds&) const override {
    const auto found = kept.find(layer);
    return found == kept.end() ? std::nullopt : std::optional(found->second);
  }
  void save(const std::string& layer, const LayerStatistics& statistics) const override {
    kept.insert_or_assign(layer, statistics);
  }
  mutable std::map<std::string, LayerStatistics> kept;
};

TEST_F(ModelQuantizer, KeptStatisticsAreUsedWhereTheyDoNotDependOnTheMethod) {
  const MemoryStore store;
  run(task(), {.store = &store});
  EXPECT_TRUE(store.kept.empty()) << "sequential";
  run(task(), {.flow = {false, false}, .transform = ScaleAttention(20), .store = &store});
  EXPECT_TRUE(store.kept.empty()) << "transformed";
  const BlockwiseOptions options{.flow = {false, false}, .store = &store};
  run(task(), options);
  const auto expected = seen_;
  EXPECT_EQ(store.kept.size(), 12u) << "one for each group";
  store.kept.erase("blk.1.ffn_gate.weight");  // block 0 must be run again for this one
  store.kept["blk.2.attn_q.weight"].second_moments[0] = -1;
  run(task(), options);
  EXPECT_EQ(store.kept.size(), 12u);
  EXPECT_EQ(seen_["blk.1.ffn_up.weight"].moments, expected.at("blk.1.ffn_up.weight").moments);
  EXPECT_EQ(seen_["blk.2.attn_k.weight"].moments[0], -1);
}

TEST_F(ModelQuantizer, PredictsItsMemory) {
  for (const char* method : {"test_witness:int4:g4:sym", "test_witness:int4:g4:sym:cross", "absmax:int4:g4"}) {
    for (const CalibrationFlow& flow : {CalibrationFlow{true, false}, {true, true}}) {
      const BlockwiseMemory predicted = predict_memory(task(method), flow, false);
      const BlockwiseMemory peak = run(task(method), {.flow = flow}).peak;
      EXPECT_EQ(predicted.streams, peak.streams) << method;
      EXPECT_GE(predicted.statistics, peak.statistics) << method;
      EXPECT_LE(static_cast<double>(predicted.statistics), 1.2 * static_cast<double>(peak.statistics)) << method;
      EXPECT_GE(predicted.weights, peak.weights) << method;
      EXPECT_LE(static_cast<double>(predicted.weights), 1.2 * static_cast<double>(peak.weights)) << method;
    }
  }
  const BlockwiseMemory scaled = predict_memory(task(), {}, true);
  const BlockwiseMemory peak = run(task(), {.transform = ScaleAttention(20)}).peak;
  EXPECT_EQ(scaled.streams, peak.streams);
  EXPECT_GE(scaled.weights, peak.weights);
  const BlockwiseMemory one = predict_memory(task(), {}, false);
  EXPECT_EQ(one.streams, length * count * 20 * 4);
  // Groups of 20, 24, 20 and 27 columns, in f64, each a whole tile; and the largest in f32.
  EXPECT_EQ(one.statistics, 8 * (400 + 576 + 400 + 729) + 20 * 91 + 4 * 729 + 12 * 27);
  EXPECT_EQ(predict_memory(task(), {}, true).streams, 2 * one.streams);
  EXPECT_EQ(predict_memory(task("absmax:int4:g4"), {}, false).streams, 0u);
}

TEST_F(ModelQuantizer, RefusesWhatItCannotDo) {
  EXPECT_THAT(
      [&] {
        run(task("test_witness:int4:g4:sym:cross"), {.flow = {false, false}});
      },
      ThrowsMessage<Error>(HasSubstr("need sequential calibration")));
  EXPECT_THAT(
      [&] {
        run(task(), {.flow = {false, true}});
      },
      ThrowsMessage<Error>(HasSubstr("true_sequential needs sequential")));
  BlockwiseTask foreign = task();
  foreign.methods.emplace("blk.3.attn_q.weight", parse_method("absmax:int4:g4"));
  EXPECT_THAT([&] { run(foreign, {}); }, ThrowsMessage<Error>(HasSubstr("1 of the 22 layers")));
  std::vector<float> norm(20, 1e30f);
  weights_["blk.1.ffn_norm.weight"].bytes = std::as_bytes(std::span(norm));
  EXPECT_THAT([&] { run(task(), {}); }, ThrowsMessage<Error>(HasSubstr("the input of blk.1.ffn_gate.weight")));
}

TEST(ModelQuantizerNeeds, AreThoseOfTheSolver) {
  EXPECT_TRUE(needs_blockwise(parse_method("test_witness:int4:g4:sym")));
  EXPECT_FALSE(needs_blockwise(parse_method("rtn:q4_0")));
  EXPECT_FALSE(needs_blockwise(parse_method("q4_k")));
  EXPECT_FALSE(needs_blockwise(parse_method("f16")));
  EXPECT_TRUE(solver_needs(parse_method("q4_k")).mean_square);
}

}  // namespace
}  // namespace quantbench
