#include "eval/activations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "eval/metrics/log_softmax.h"
#include "eval/runner/runner.h"
#include "eval/testing/tiny_experiment.h"
#include "eval/transforms/block_scaling.h"
#include "quantizers/formats/registry.h"
#include "quantizers/method_catalog.h"
#include "quantizers/transforms/rounding.h"

namespace quantbench {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing_support::random_tokens;
using testing_support::tiny_llama;
using testing_support::TinyExperiment;
using testing_support::TinyLlama;

Matrix matrix(std::size_t rows, std::vector<float> values) {
  Matrix result(rows, values.size() / rows);
  std::ranges::copy(values, result.values().begin());
  return result;
}

std::vector<float> rounded_input(const std::string& kind, std::size_t windows, Matrix input,
                                 const std::string& layer = "w") {
  activation_rounding(kind, {"w"}, 2)(layer, windows, input);
  return {input.values().begin(), input.values().end()};
}

// The largest number is M times a power of two, so that every quotient is exact.
TEST(Activations, LevelsByHand) {
  EXPECT_EQ(rounded_input("int4", 1, matrix(1, {7, -3.5f, 2.5f, 0.4f, -0.6f, -7})),
            (std::vector<float>{7, -4, 2, 0, -1, -7}));
  EXPECT_EQ(rounded_input("int8", 1, matrix(1, {-254, 127, 3, 1, 0.99f, -5})),
            (std::vector<float>{-254, 128, 4, 0, 0, -4}));
  EXPECT_EQ(rounded_input("int8", 1, matrix(1, {0, 0, 0})), (std::vector<float>{0, 0, 0}));
}

TEST(Activations, EachTokenOrWindowHasItsScale) {
  const Matrix input = matrix(4, {7, 3.4f, 70, 34, 0.7f, 0.34f, 700, 340});
  const std::vector<float> by_token = rounded_input("int4", 2, input);
  for (const auto& [index, expected] :
       std::map<std::size_t, float>{{0, 7}, {1, 3}, {2, 70}, {3, 30}, {6, 700}, {7, 300}})
    EXPECT_FLOAT_EQ(by_token[index], expected);
  EXPECT_FLOAT_EQ(by_token[5], 0.3f);
  EXPECT_EQ(rounded_input("int4_tensor", 2, input), (std::vector<float>{10, 0, 70, 30, 0, 0, 700, 300}));
}

TEST(Activations, OtherLayersKeepTheirInputs) {
  EXPECT_EQ(rounded_input("int4", 1, matrix(1, {7, 3.4f}), "other"), (std::vector<float>{7, 3.4f}));
  EXPECT_FALSE(activation_rounding("", {"w"}, 1));
  EXPECT_THROW(rounded_input("int8", 1, matrix(1, {1, NAN})), Error);
  EXPECT_THROW(rounded_input("int8", 1, matrix(1, {1, INFINITY})), Error);
}

TEST(Activations, AreAskedForByTheMethod) {
  const Method method = parse_method("smoothquant+absmax:int8:row:activations=int8:alpha=0.75");
  EXPECT_EQ(to_string(method), "smoothquant:int8:row:sym:activations=int8:alpha=0.75");
  EXPECT_EQ(activations_of(method), "int8");
  EXPECT_EQ(activations_of(parse_method("f16:activations=int4_tensor")), "int4_tensor");
  EXPECT_EQ(activations_of(parse_method("q4_k")), "");
  EXPECT_TRUE(solver_options(parse_method("q4_k:activations=int8")).empty());
  EXPECT_THROW(static_cast<void>(parse_method("f16:activations=fp9")), Error);
  for (const std::string_view kind : evaluation_options().front().words)
    EXPECT_THAT(describe_activations(kind), HasSubstr("one scale for"));
}

class InputHooks : public testing::Test {
 protected:
  std::vector<float> logits(const InputHook& hook) const {
    ForwardOptions options{.threads = 2, .first_position = 3};
    options.input = hook;
    std::vector<float> all;
    model_->forward(weights_, {random_tokens(40, 37, 6), 4, 10}, options, [&](const LogitsBlock& block) {
      all.insert(all.end(), block.logits.values.begin(), block.logits.values.end());
    });
    return all;
  }

  const Checkpoint checkpoint_ = tiny_llama();
  const std::unique_ptr<const Model> model_ = load_model(checkpoint_);
  const Weights weights_ = weights_of(checkpoint_);
};

TEST_F(InputHooks, AreCalledForEveryProduct) {
  std::map<std::string, std::size_t> rows;
  const std::vector<float> expected = logits({});
  EXPECT_EQ(logits([&](std::string_view name, std::size_t windows, Matrix& input) {
              rows[std::string(name)] += input.rows();
              EXPECT_EQ(windows, name == "output.weight" ? 1u : 4u);
              EXPECT_EQ(input.cols(), weights_.find(name)->second.cols);
            }),
            expected);
  std::map<std::string, std::size_t> all = {{"output.weight", 4 * (10 - 3)}};
  for (const std::string& layer : model_->linear_layers()) all[layer] = 40;
  EXPECT_EQ(rows, all);
}

TEST_F(InputHooks, ChangeOneProductOnly) {
  EXPECT_THAT(logits([](std::string_view name, std::size_t, Matrix& input) {
                if (name == "output.weight") std::ranges::fill(input.values(), 0.0f);
              }),
              testing::Each(0.0f));
  // Queries and keys do not see what the values get, though all three have the same input.
  std::vector<float> seen, original;
  logits([&](std::string_view name, std::size_t, Matrix& input) {
    const std::vector<float> values(input.values().begin(), input.values().end());
    if (name == "blk.0.attn_q.weight") original = values;
    if (name == "blk.0.attn_v.weight") seen = values;
    if (name == "blk.0.attn_q.weight") std::ranges::fill(input.values(), 1.0f);
  });
  EXPECT_EQ(seen, original);
}

TEST(ActivationCells, FewerBitsDivergeMore) {
  const TinyExperiment tiny(
      "[f32, {method: absmax, bits: 8, group: row, activations: [int8, int8_tensor, int4, int4_tensor]}, "
      "'absmax:int8:row', 'f16:activations=int8', 'f32:activations=int8', 'rtn:mix:q8_0:activations=int8']");
  RunOptions options;
  options.folder = tiny.folder / "store";
  const RunResult result = run_plan(tiny.config, tiny.experiment, tiny.plan, options);
  EXPECT_EQ(result.failed, 0u);
  std::map<std::string, double> divergence;
  for (const CellReport& cell : result.report.cells) divergence[cell.method] = cell.kld->mean;
  const double w8a8 = divergence.at("absmax:int8:row:activations=int8"),
               w8a4 = divergence.at("absmax:int8:row:activations=int4"), w16a8 = divergence.at("f16:activations=int8"),
               w32a8 = divergence.at("f32:activations=int8");
  EXPECT_EQ(divergence.at("f32"), 0);
  EXPECT_GT(w32a8, 0);
  EXPECT_GT(w16a8, 0);
  EXPECT_LT(w16a8, w8a4);
  EXPECT_LT(w8a8, w8a4);
  EXPECT_GT(w8a8, divergence.at("absmax:int8:row"));
  EXPECT_LT(w8a8, divergence.at("absmax:int8:row:activations=int8_tensor"));
  EXPECT_LT(w8a4, divergence.at("absmax:int8:row:activations=int4_tensor"));
  EXPECT_THAT(result.report.cells[1].notes, Contains("inputs of the layers: int8, one scale for each token"));

  options.folder = tiny.folder / "again";
  options.threads = 3;
  const RunResult again = run_plan(tiny.config, tiny.experiment, tiny.plan, options);
  EXPECT_EQ(to_json(without_timings(again.report)), to_json(without_timings(result.report)));
}

/// A tiny model two columns of whose normed streams are 40 times as large as others; the weights that read them make up for it.
class ModelWithOutliers {
 public:
  ModelWithOutliers() {
    windows_.tokens = random_tokens(200, 37, 8);
    windows_.count = 20;
    windows_.length = 10;
    for (std::size_t block = 0; block < model_->block_count(); ++block)
      for (const InputGroup& group : model_->input_groups(block)) {
        if (group.kind != ProducerKind::norm) continue;
        scale(group.producer, 40);
        for (const std::string& layer : group.layers) scale(layer, 1.0f / 40);
      }
  }

  /// Mean KL divergence from the model with exact inputs and weights.
  double divergence(const std::string& id) {
    const Method method = parse_method(id);
    BlockwiseTask task{*model_, weights_, windows_, {}};
    std::set<std::string, std::less<>> layers;
    for (const std::string& layer : model_->linear_layers()) {
      task.methods.emplace(layer, method);
      layers.insert(layer);
    }
    const BlockwiseResult result = quantize_blockwise(task, {.transform = block_transform(task.methods)});
    Weights weights = weights_;
    for (const auto& [name, tensor] : result.tensors) weights.insert_or_assign(name, tensor.view());
    const std::vector<float> base = logits(weights_, {}),
                             found = logits(weights, activation_rounding(activations_of(method), layers, 1));
    double sum = 0;
    constexpr std::size_t vocabulary = 37;
    for (std::size_t first = 0; first < base.size(); first += vocabulary) {
      const auto p = std::span(base).subspan(first, vocabulary), q = std::span(found).subspan(first, vocabulary);
      const double log_p = log_sum_exp(p), log_q = log_sum_exp(q);
      for (std::size_t i = 0; i < vocabulary; ++i) sum += std::exp(p[i] - log_p) * ((p[i] - log_p) - (q[i] - log_q));
    }
    return sum / static_cast<double>(base.size() / vocabulary);
  }

 private:
  void scale(const std::string& name, float factor) {
    const Tensor original = weights_.at(name);
    std::vector<float> values = decoded(original, 1);
    for (const std::size_t column : {3u, 11u})
      for (std::size_t i = column; i < values.size(); i += original.cols) values[i] *= factor;
    TensorData data(name, original.rows, original.cols, find_format("f32"));
    std::memcpy(data.row(0).row, values.data(), values.size() * sizeof(float));
    weights_.insert_or_assign(name, changed_.emplace(name, std::move(data)).first->second.view());
  }

  std::vector<float> logits(const Weights& weights, const InputHook& hook) const {
    ForwardOptions options;
    options.input = hook;
    std::vector<float> all;
    model_->forward(weights, {windows_.tokens, windows_.count, windows_.length}, options,
                    [&](const LogitsBlock& block) {
                      all.insert(all.end(), block.logits.values.begin(), block.logits.values.end());
                    });
    return all;
  }

  const Checkpoint checkpoint_ = tiny_llama();
  const std::unique_ptr<const Model> model_ = load_model(checkpoint_);
  Weights weights_ = weights_of(checkpoint_);
  std::map<std::string, TensorData> changed_;
  Windows windows_;
};

TEST(ActivationOutliers, SmoothQuantMovesThemIntoTheWeights) {
  ModelWithOutliers model;
  for (const char* kind : {"int8", "int8_tensor", "int4"}) {
    const double plain = model.divergence(fmt::format("absmax:int8:row:activations={}", kind)),
                 smooth = model.divergence(fmt::format("smoothquant:int8:row:sym:activations={}", kind));
    EXPECT_LT(smooth, 0.5 * plain) << kind;
    RecordProperty(kind, fmt::format("absmax {:.2e}, smoothquant {:.2e}", plain, smooth));
  }
}

}  // namespace
}  // namespace quantbench
