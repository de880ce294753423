#include "eval/evaluate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/file.h"
#include "core/testing/temporary_folder.h"
#include "eval/calibration.h"
#include "kernels/cpu/decode.h"
#include "models/testing/tiny_llama.h"
#include "quantizers/quantize.h"

namespace quantbench {
namespace {

using testing_support::random_tokens;
using testing_support::tiny_llama;

std::filesystem::path temporary(const std::string& name) {
  static const testing_support::TemporaryFolder folder;
  return folder / name;
}

/// A tiny model with windows of a random text.
struct Case {
  Protocol protocol;
  Checkpoint checkpoint = tiny_llama();
  std::unique_ptr<const Model> model = load_model(checkpoint);
  Weights weights = weights_of(checkpoint);
  Windows windows;

  explicit Case(const std::string& name, std::size_t tokens = 330)
      : protocol(parse_protocol(name)), windows(cut_windows(random_tokens(tokens, 37, 3), protocol, 1)) {}

  Evaluation evaluate(const BaseLogits* base = nullptr, int threads = 2) const {
    return quantbench::evaluate(*model, weights, windows, protocol, {.threads = threads, .base = base});
  }
};

/// Another model of the same shape: some weights changed a little.
Weights disturbed(const Weights& weights, std::vector<TensorData>& storage) {
  Weights changed = weights;
  for (const char* name : {"blk.0.ffn_up.weight", "blk.1.attn_q.weight"}) {
    const Tensor& tensor = weights.at(name);
    storage.emplace_back(name, tensor.rows, tensor.cols, tensor.format);
    for (std::size_t row = 0; row < tensor.rows; ++row) {
      std::vector<float> values(tensor.cols);
      tensor.format->decode(*tensor.format, tensor.row(row), tensor.cols, 0, values);
      values[row % tensor.cols] += 0.125f;
      tensor.format->encode_reference(*tensor.format, values, storage.back().row(row));
    }
    changed[name] = storage.back().view();
  }
  return changed;
}

/// All logits of one window, (length, vocabulary).
std::vector<float> window_logits(const Case& test, const Weights& weights, std::size_t window) {
  std::vector<float> all;
  test.model->forward(
      weights, {test.windows.window(window), 1, test.windows.length}, {},
      [&](const LogitsBlock& block) { all.insert(all.end(), block.logits.values.begin(), block.logits.values.end()); });
  return all;
}

/// log softmax in f64, the obvious way.
std::vector<double> log_softmax(std::span<const float> logits) {
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit));
  std::vector<double> result;
  for (const float logit : logits) result.push_back(static_cast<double>(logit) - std::log(sum));
  return result;
}

class EvaluateByProtocol : public testing::TestWithParam<const char*> {};

TEST_P(EvaluateByProtocol, ScoresTheRightPositionsOfEachWindow) {
  const Case test(GetParam());
  std::vector<TensorData> storage;
  const Weights other = disturbed(test.weights, storage);
  const BaseLogitsFile file{temporary("quantbench_base_protocol.bin"), GetParam()};
  const BaseLogits base =
      collect_base_logits(*test.model, test.weights, test.windows, test.protocol, file, {.threads = 2});
  const Evaluation found = evaluate(*test.model, other, test.windows, test.protocol, {.threads = 2, .base = &base});
  ASSERT_EQ(found.nll.size(), test.windows.scored_tokens());
  ASSERT_EQ(found.divergence.size(), test.windows.scored_tokens());
  std::size_t index = 0;
  for (std::size_t window = 0; window < test.windows.count; ++window) {
    const std::vector<float> p = window_logits(test, test.weights, window), q = window_logits(test, other, window);
    for (std::size_t position = test.protocol.first_scored; position + 1 < test.windows.length; ++position, ++index) {
      const auto log_p = log_softmax(std::span(p).subspan(position * 37, 37));
      const auto log_q = log_softmax(std::span(q).subspan(position * 37, 37));
      double divergence = 0;
      for (std::size_t token = 0; token < 37; ++token)
        divergence += std::exp(log_p[token]) * (log_p[token] - log_q[token]);
      const auto next = static_cast<std::size_t>(test.windows.window(window)[position + 1]);
      ASSERT_NEAR(found.nll[index], -log_q[next], 1e-6) << "window " << window << ", position " << position;
      ASSERT_NEAR(found.divergence[index], divergence, 1e-7);
    }
  }
  EXPECT_EQ(index, found.nll.size());
  EXPECT_GT(found.kl_divergence->mean, 1e-4);
  EXPECT_EQ(found.kl_divergence->positions, index);
}

INSTANTIATE_TEST_SUITE_P(Protocols, EvaluateByProtocol, testing::Values("llamacpp-16", "llamacpp-15", "gptq-16"));

TEST(Evaluate, BitsDependNeitherOnThreadsNorOnTheNumberOfWindows) {
  const Case test("gptq-96", 4100);  // 42 windows: more than one batch
  const Evaluation one = test.evaluate(nullptr, 1);
  EXPECT_EQ(test.evaluate(nullptr, 2).nll, one.nll);
  EXPECT_EQ(test.evaluate(nullptr, 5).nll, one.nll);
  Case fewer("gptq-96", 4100);
  fewer.windows.count = 23;
  fewer.windows.tokens.resize(23 * 96);
  const std::vector<float> nll = fewer.evaluate().nll;
  EXPECT_TRUE(std::equal(nll.begin(), nll.end(), one.nll.begin()));
}

/// Linear layers and the embedding in a format with integer levels.
Weights in_integers(const Weights& weights, std::vector<TensorData>& storage) {
  Weights changed = weights;
  for (const auto& [name, tensor] : weights) {
    if (tensor.rows == 1) continue;
    std::vector<float> values(tensor.weights());
    decode_rows(tensor, 0, tensor.rows, values, 1);
    storage.push_back(
        quantize_tensor(parse_method("absmax:int8:row"), name, {values, tensor.rows, tensor.cols}, {}, 1));
    changed[name] = storage.back().view();
  }
  return changed;
}

double root_mean_square_difference(std::span<const float> a, std::span<const float> b) {
  double squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) squares += std::pow(static_cast<double>(a[i] - b[i]), 2);
  return std::sqrt(squares / static_cast<double>(a.size()));
}

TEST(Evaluate, NativeProductsAreCloseToExactOnesAndBitsDependOnNothingElse) {
  Case test("gptq-96", 4100);  // 42 windows: more than one batch
  std::vector<TensorData> storage;
  storage.reserve(test.weights.size());
  test.weights = in_integers(test.weights, storage);
  const auto native = [](const Case& of, int threads) {
    return evaluate(*of.model, of.weights, of.windows, of.protocol, {.threads = threads, .compute = Compute::native})
        .nll;
  };
  const std::vector<float> exact = test.evaluate().nll, one = native(test, 1);
  EXPECT_NE(one, exact);
  EXPECT_LT(root_mean_square_difference(one, exact), 0.1);
  EXPECT_EQ(native(test, 2), one);
  test.windows.count = 23;
  test.windows.tokens.resize(23 * 96);
  const std::vector<float> fewer = native(test, 3);
  EXPECT_TRUE(std::equal(fewer.begin(), fewer.end(), one.begin()));
}

TEST(Evaluate, ProductsInBf16AreCloseToExactOnesAndBitsDependOnNothingElse) {
  const Case test("gptq-96", 4100);  // 42 windows: more than one batch
  const auto in_bf16 = [&](int threads) {
    return evaluate(*test.model, test.weights, test.windows, test.protocol,
                    {.threads = threads, .compute = Compute::bf16})
        .nll;
  };
  const std::vector<float> exact = test.evaluate().nll, one = in_bf16(1);
  EXPECT_NE(one, exact);
  EXPECT_LT(root_mean_square_difference(one, exact), 0.05);
  EXPECT_EQ(in_bf16(2), one);
}

TEST(Evaluate, TheBaseHasNoDivergenceFromItself) {
  const Case test("llamacpp-16");
  const BaseLogitsFile file{temporary("quantbench_base_self.bin"), "self"};
  const BaseLogits base =
      collect_base_logits(*test.model, test.weights, test.windows, test.protocol, file, {.threads = 2});
  const Evaluation found = test.evaluate(&base);
  EXPECT_EQ(found.kl_divergence->max, 0);
  EXPECT_EQ(found.kl_divergence->top1_agreement, 1);
  EXPECT_EQ(found.kl_divergence->rms_probability_difference, 0);
}

TEST(Evaluate, TheNoiseFloorIsSmallButNotZero) {
  const Case test("gptq-24", 1000);
  const BaseLogitsFile file{temporary("quantbench_base_noise.bin"), "noise"};
  const BaseLogits base =
      collect_base_logits(*test.model, test.weights, test.windows, test.protocol, file, {.threads = 2});
  const double floor = noise_floor(*test.model, test.weights, test.windows, test.protocol, base, 2);
  EXPECT_GT(floor, 0);
  EXPECT_LT(floor, 1e-10);
  EXPECT_EQ(noise_floor(*test.model, test.weights, test.windows, test.protocol, base, 1), floor);
}

TEST(Evaluate, ReportsProgress) {
  const Case test("gptq-96", 4100);
  std::vector<std::size_t> done;
  evaluate(*test.model, test.weights, test.windows, test.protocol,
           {.threads = 1, .progress = [&](std::size_t windows, std::size_t total) {
              EXPECT_EQ(total, test.windows.count);
              done.push_back(windows);
            }});
  // Two batches through two blocks and to the logits, in windows of the whole work.
  EXPECT_THAT(done, testing::ElementsAre(7, 14, 21, 28, 35, 42));
}

TEST(Evaluate, RefusesWhatDoesNotFit) {
  const Case test("gptq-16"), longer("gptq-24");
  EXPECT_THROW(evaluate(*test.model, test.weights, test.windows, longer.protocol, {}), Error);
  const BaseLogitsFile file{temporary("quantbench_base_few.bin"), "few"};
  Windows few = test.windows;
  few.count = 1;
  few.tokens.resize(16);
  const BaseLogits base = collect_base_logits(*test.model, test.weights, few, test.protocol, file, {});
  EXPECT_THROW(test.evaluate(&base), Error);
}

TEST(Evaluate, NamesThePlaceOfALogitThatIsNotFinite) {
  Case test("gptq-16");
  TensorData norm("output_norm.weight", 1, 20, find_format("f32"));
  const std::vector<float> huge(20, std::numeric_limits<float>::infinity());
  norm.view().format->encode_reference(*norm.view().format, huge, norm.row(0));
  test.weights["output_norm.weight"] = norm.view();
  EXPECT_THAT([&] { test.evaluate(); }, testing::ThrowsMessage<Error>(testing::HasSubstr("window 0 at position")));
}

TEST(BaseLogits, ComeBackAsWritten) {
  const std::filesystem::path path = temporary("quantbench_base_rows.bin");
  const std::vector<float> first = {1, 2, 3}, second = {4, 5, 6}, third = {7, 8, 9};
  BaseLogitsWriter writer(path, "a key", 3, 3);
  writer.add({first, 0.5});
  writer.add({second, 1.5});
  EXPECT_THROW(writer.commit(), Error);
  writer.add({third, 2.5});
  writer.commit();
  const BaseLogits read(path, "a key");
  EXPECT_EQ(read.vocabulary(), 3u);
  EXPECT_EQ(read.positions(), 3u);
  EXPECT_THAT(read.row(1).logits, testing::ElementsAreArray(second));
  EXPECT_EQ(read.row(2).log_normalizer, 2.5);
  EXPECT_THROW(read.row(3), Error);
  EXPECT_THAT([&] { BaseLogits(path, "another"); }, testing::ThrowsMessage<Error>(testing::HasSubstr("'a key'")));
  EXPECT_TRUE(find_base_logits(path, "a key").has_value());
  EXPECT_FALSE(find_base_logits(path, "another").has_value());
  EXPECT_FALSE(find_base_logits(path.string() + ".absent", "a key").has_value());
}

TEST(BaseLogits, EveryTruncationAndChangedHeaderIsAnError) {
  const std::filesystem::path path = temporary("quantbench_base_bad.bin");
  BaseLogitsWriter writer(path, "key", 4, 1);
  writer.add({std::vector<float>{1, 2, 3, 4}, 0});
  writer.commit();
  const std::string good = read_text(path);
  EXPECT_NO_THROW(BaseLogits(path, "key"));
  for (std::size_t size = 0; size < good.size(); ++size) {
    write_text_atomically(path, good.substr(0, size));
    EXPECT_THROW(BaseLogits(path, "key"), Error) << size << " bytes";
  }
  for (std::size_t byte = 0; byte < 35; ++byte)  // magic, three counts and the key
    for (const char value : {'\0', '\xFF'}) {
      std::string bad = good;
      if (bad[byte] == value) continue;
      bad[byte] = value;
      write_text_atomically(path, bad);
      EXPECT_THROW(BaseLogits(path, "key"), Error) << "byte " << byte;
    }
}

TEST(BaseLogits, NothingIsLeftWithoutCommit) {
  const std::filesystem::path path = temporary("quantbench_base_uncommitted.bin");
  std::filesystem::remove(path);
  { BaseLogitsWriter writer(path, "key", 4, 1); }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Calibration, EqualsTheObviousSums) {
  const Case test("gptq-16");
  const Calibration found = collect_calibration(*test.model, test.weights, test.windows, {.threads = 2});
  EXPECT_EQ(found.size(), test.model->linear_layers().size());
  std::map<std::string, std::vector<std::vector<float>>> rows;
  ForwardOptions forward;
  forward.observer = [&](std::string_view name, MatrixView input) {
    for (std::size_t row = 0; row < input.rows; ++row)
      rows[std::string(name)].emplace_back(input.row(row).begin(), input.row(row).end());
  };
  for (std::size_t window = 0; window < test.windows.count; ++window)
    test.model->forward(test.weights, {test.windows.window(window), 1, 16}, forward, {});
  for (const std::string& name : test.model->linear_layers()) {
    const LayerStatistics& layer = found.at(name);
    ASSERT_EQ(layer.tokens, test.windows.tokens.size());
    ASSERT_EQ(layer.mean_square.size(), rows[name][0].size());
    for (std::size_t column = 0; column < layer.mean_square.size(); ++column) {
      double absolute = 0, square = 0;
      float most = 0;
      for (const std::vector<float>& row : rows[name]) {
        const double x = row[column];
        absolute += std::fabs(x), square += x * x, most = std::max(most, std::fabs(row[column]));
      }
      const auto tokens = static_cast<double>(layer.tokens);
      ASSERT_FLOAT_EQ(layer.mean_absolute[column], static_cast<float>(absolute / tokens));
      ASSERT_FLOAT_EQ(layer.mean_square[column], static_cast<float>(square / tokens));
      ASSERT_EQ(layer.max_absolute[column], most);
    }
    EXPECT_EQ(layer.view().mean_square.data(), layer.mean_square.data());
    EXPECT_TRUE(layer.view().second_moments.empty());
  }
}

TEST(Calibration, BitsDoNotDependOnThreads) {
  const Case test("gptq-96", 4100);
  const Calibration one = collect_calibration(*test.model, test.weights, test.windows, {.threads = 1});
  const Calibration five = collect_calibration(*test.model, test.weights, test.windows, {.threads = 5});
  for (const auto& [name, layer] : one) {
    EXPECT_EQ(five.at(name).mean_square, layer.mean_square);
    EXPECT_EQ(five.at(name).mean_absolute, layer.mean_absolute);
    EXPECT_EQ(five.at(name).max_absolute, layer.max_absolute);
  }
}

}  // namespace
}  // namespace quantbench
