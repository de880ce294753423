#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/error.h"
#include "models/model.h"
#include "models/testing/tiny_llama.h"

namespace quantbench {
namespace {

using testing_support::random_tokens;
using testing_support::tiny_llama;
using testing_support::TinyLlama;

/// The obvious forward pass in f64, one token after the other.
class SlowLlama {
 public:
  SlowLlama(const TinyLlama& options, const Checkpoint& checkpoint) : o_(options), checkpoint_(checkpoint) {}

  /// (length, vocabulary)
  std::vector<std::vector<double>> logits(std::span<const std::int32_t> tokens) const {
    std::vector<std::vector<double>> streams;
    for (const std::int32_t token : tokens)
      streams.push_back(row("token_embd.weight", static_cast<std::size_t>(token)));
    for (std::uint32_t layer = 0; layer < o_.layers; ++layer) run_layer("blk." + std::to_string(layer) + ".", streams);
    for (auto& stream : streams)
      stream = times(o_.tied ? "token_embd.weight" : "output.weight", normed(stream, "output_norm.weight"));
    return streams;
  }

 private:
  using Vector = std::vector<double>;

  Vector row(const std::string& name, std::size_t index) const {
    const CheckpointTensor& tensor = checkpoint_.at(name);
    const auto* const values = reinterpret_cast<const float*>(tensor.bytes.data());
    return Vector(values + index * tensor.dims[0], values + (index + 1) * tensor.dims[0]);
  }

  Vector times(const std::string& name, const Vector& x) const {
    Vector result;
    for (std::size_t index = 0; index < checkpoint_.at(name).dims[1]; ++index) {
      const Vector weights = row(name, index);
      double sum = 0;
      for (std::size_t k = 0; k < x.size(); ++k) sum += weights[k] * x[k];
      result.push_back(sum);
    }
    return result;
  }

  Vector normed(const Vector& x, const std::string& name) const {
    double squares = 0;
    for (const double value : x) squares += value * value;
    const Vector weights = row(name, 0);
    Vector result;
    for (std::size_t k = 0; k < x.size(); ++k)
      result.push_back(weights[k] * x[k] /
                       std::sqrt(squares / static_cast<double>(x.size()) + static_cast<double>(TinyLlama::epsilon)));
    return result;
  }

  void turn(Vector& heads, std::size_t position) const {
    const Vector factors = o_.frequency_factors ? row("rope_freqs.weight", 0) : Vector(o_.head_size / 2, 1.0);
    for (std::size_t first = 0; first < heads.size(); first += 2) {
      const std::size_t pair = first % o_.head_size / 2;
      const double angle = static_cast<double>(position) / o_.linear_factor / factors[pair] *
                           std::pow(o_.rope_base, -2.0 * static_cast<double>(pair) / o_.head_size);
      const double x = heads[first], y = heads[first + 1];
      heads[first] = x * std::cos(angle) - y * std::sin(angle);
      heads[first + 1] = x * std::sin(angle) + y * std::cos(angle);
    }
  }

  Vector attend(const Vector& query, const std::vector<Vector>& keys, const std::vector<Vector>& values) const {
    Vector mixed;
    for (std::size_t head = 0; head < o_.heads; ++head) {
      const std::size_t kv = head * o_.kv_heads / o_.heads * o_.head_size;
      Vector scores;
      double total = 0;
      for (const Vector& key : keys) {
        double score = 0;
        for (std::size_t k = 0; k < o_.head_size; ++k) score += query[head * o_.head_size + k] * key[kv + k];
        scores.push_back(std::exp(score / std::sqrt(static_cast<double>(o_.head_size))));
        total += scores.back();
      }
      for (std::size_t k = 0; k < o_.head_size; ++k) {
        double sum = 0;
        for (std::size_t seen = 0; seen < keys.size(); ++seen) sum += scores[seen] / total * values[seen][kv + k];
        mixed.push_back(sum);
      }
    }
    return mixed;
  }

  void run_layer(const std::string& prefix, std::vector<Vector>& streams) const {
    std::vector<Vector> keys, values;
    for (std::size_t position = 0; position < streams.size(); ++position) {
      Vector& stream = streams[position];
      const Vector x = normed(stream, prefix + "attn_norm.weight");
      Vector query = times(prefix + "attn_q.weight", x);
      keys.push_back(times(prefix + "attn_k.weight", x));
      values.push_back(times(prefix + "attn_v.weight", x));
      turn(query, position);
      turn(keys.back(), position);
      add(stream, times(prefix + "attn_output.weight", attend(query, keys, values)));
      const Vector y = normed(stream, prefix + "ffn_norm.weight");
      Vector gate = times(prefix + "ffn_gate.weight", y);
      const Vector up = times(prefix + "ffn_up.weight", y);
      for (std::size_t k = 0; k < gate.size(); ++k) gate[k] = gate[k] / (1 + std::exp(-gate[k])) * up[k];
      add(stream, times(prefix + "ffn_down.weight", gate));
    }
  }

  static void add(Vector& to, const Vector& more) {
    for (std::size_t k = 0; k < to.size(); ++k) to[k] += more[k];
  }

  const TinyLlama& o_;
  const Checkpoint& checkpoint_;
};

/// All logits of the batch, window after window: (windows * (length - first_position), vocabulary)
std::vector<float> run(const Model& model, const Weights& weights, const TokenBatch& batch,
                       const ForwardOptions& options) {
  std::vector<float> all;
  model.forward(weights, batch, options, [&](const LogitsBlock& block) {
    all.insert(all.end(), block.logits.values.begin(), block.logits.values.end());
  });
  return all;
}

void expect_like_the_slow_one(const TinyLlama& options, std::size_t length) {
  const Checkpoint checkpoint = tiny_llama(options);
  const auto model = load_model(checkpoint);
  const std::vector<std::int32_t> tokens = random_tokens(length, options.vocabulary, 5);
  const std::vector<float> logits = run(*model, weights_of(checkpoint), {tokens, 1, length}, {});
  const auto expected = SlowLlama(options, checkpoint).logits(tokens);
  ASSERT_EQ(logits.size(), length * options.vocabulary);
  for (std::size_t position = 0; position < length; ++position)
    for (std::size_t token = 0; token < options.vocabulary; ++token)
      ASSERT_NEAR(logits[position * options.vocabulary + token], expected[position][token], 3e-5)
          << "position " << position << ", token " << token;
}

TEST(Llama, EqualsTheObviousForwardPass) {
  expect_like_the_slow_one({}, 11);
  expect_like_the_slow_one({.layers = 1, .tied = true}, 70);  // more than one block of queries
  expect_like_the_slow_one({.heads = 3, .kv_heads = 3, .head_size = 2, .feed_forward = 1, .seed = 3}, 5);
  expect_like_the_slow_one({.width = 33, .heads = 6, .kv_heads = 1, .head_size = 14, .seed = 4}, 19);
  expect_like_the_slow_one({.frequency_factors = true, .linear_factor = 2.5, .seed = 5}, 40);
  expect_like_the_slow_one({.seed = 6}, 1);
}

TEST(Llama, BitsDependNeitherOnThreadsNorOnTheBatch) {
  const TinyLlama options;
  const Checkpoint checkpoint = tiny_llama(options);
  const auto model = load_model(checkpoint);
  const Weights weights = weights_of(checkpoint);
  constexpr std::size_t windows = 5, length = 67;
  const std::vector<std::int32_t> tokens = random_tokens(windows * length, options.vocabulary, 9);
  for (const SumOrder order : {SumOrder::ascending, SumOrder::descending}) {
    const ForwardOptions one{.threads = 1, .first_position = 3, .sum_order = order};
    const std::vector<float> expected = run(*model, weights, {tokens, windows, length}, one);
    ASSERT_EQ(expected.size(), windows * (length - 3) * options.vocabulary);
    for (const int threads : {2, 5}) {
      ForwardOptions more = one;
      more.threads = threads;
      EXPECT_EQ(run(*model, weights, {tokens, windows, length}, more), expected) << threads << " threads";
    }
    std::vector<float> split;
    for (const auto& [first, count] : {std::pair<std::size_t, std::size_t>{0, 1}, {1, 3}, {4, 1}}) {
      const TokenBatch part{std::span(tokens).subspan(first * length, count * length), count, length};
      const std::vector<float> logits = run(*model, weights, part, one);
      split.insert(split.end(), logits.begin(), logits.end());
    }
    EXPECT_EQ(split, expected);
  }
}

TEST(Llama, APrefixDoesNotDependOnWhatFollows) {
  const TinyLlama options;
  const Checkpoint checkpoint = tiny_llama(options);
  const auto model = load_model(checkpoint);
  std::vector<std::int32_t> tokens = random_tokens(20, options.vocabulary, 2);
  const std::vector<float> before = run(*model, weights_of(checkpoint), {tokens, 1, 20}, {});
  tokens[15] = (tokens[15] + 1) % static_cast<std::int32_t>(options.vocabulary);
  const std::vector<float> after = run(*model, weights_of(checkpoint), {tokens, 1, 20}, {});
  const auto changed = std::ptrdiff_t{15} * options.vocabulary;
  EXPECT_TRUE(std::equal(before.begin(), before.begin() + changed, after.begin()));
  EXPECT_NE(std::vector(before.begin() + changed, before.end()), std::vector(after.begin() + changed, after.end()));
}

TEST(Llama, SumOrderChangesRoundingOnly) {
  const TinyLlama options;
  const Checkpoint checkpoint = tiny_llama(options);
  const auto model = load_model(checkpoint);
  const std::vector<std::int32_t> tokens = random_tokens(30, options.vocabulary, 2);
  const auto up = run(*model, weights_of(checkpoint), {tokens, 1, 30}, {});
  const auto down = run(*model, weights_of(checkpoint), {tokens, 1, 30}, {.sum_order = SumOrder::descending});
  EXPECT_NE(up, down);
  for (std::size_t index = 0; index < up.size(); ++index) ASSERT_NEAR(up[index], down[index], 3e-5);
}

TEST(Llama, TheObserverSeesEachLinearLayerOnceInModelOrder) {
  const TinyLlama options;
  const Checkpoint checkpoint = tiny_llama(options);
  const auto model = load_model(checkpoint);
  const std::vector<std::int32_t> tokens = random_tokens(12, options.vocabulary, 2);
  std::vector<std::string> names;
  std::map<std::string, std::vector<float>> inputs;
  ForwardOptions forward;
  forward.observer = [&](std::string_view name, MatrixView input) {
    EXPECT_EQ(input.rows, 12u);
    EXPECT_EQ(input.cols, checkpoint.at(name).dims[0]);
    names.emplace_back(name);
    inputs[names.back()].assign(input.values.begin(), input.values.end());
  };
  model->forward(weights_of(checkpoint), {tokens, 3, 4}, forward, {});
  EXPECT_EQ(names, model->linear_layers());
  EXPECT_EQ(names.size(), 14u);
  EXPECT_EQ(inputs["blk.0.attn_q.weight"], inputs["blk.0.attn_v.weight"]);
  EXPECT_NE(inputs["blk.0.attn_q.weight"], inputs["blk.0.ffn_up.weight"]);
  // The first layer's input is the embedding, normalized.
  const auto* const embedding = reinterpret_cast<const float*>(checkpoint.at("token_embd.weight").bytes.data());
  const auto* const norm = reinterpret_cast<const float*>(checkpoint.at("blk.0.attn_norm.weight").bytes.data());
  const float* const x = embedding + static_cast<std::size_t>(tokens[5]) * options.width;
  double squares = 0;
  for (std::size_t k = 0; k < options.width; ++k) squares += static_cast<double>(x[k]) * static_cast<double>(x[k]);
  const double length = std::sqrt(squares / options.width + static_cast<double>(TinyLlama::epsilon));
  for (std::size_t k = 0; k < options.width; ++k)
    EXPECT_NEAR(inputs["blk.0.attn_q.weight"][5 * options.width + k],
                static_cast<double>(x[k]) * static_cast<double>(norm[k]) / length, 1e-5);
}

TEST(Llama, WeightsOfOtherFormatsAreDecoded) {
  const Checkpoint checkpoint = tiny_llama();
  const auto model = load_model(checkpoint);
  Weights rounded = weights_of(checkpoint), widened = rounded;
  std::vector<TensorData> storage;
  storage.reserve(2 * rounded.size());
  for (const auto& [name, tensor] : weights_of(checkpoint)) {
    TensorData& half = storage.emplace_back(name, tensor.rows, tensor.cols, find_format("f16"));
    TensorData& wide = storage.emplace_back(name, tensor.rows, tensor.cols, find_format("f32"));
    std::vector<float> row(tensor.cols);
    for (std::size_t index = 0; index < tensor.rows; ++index) {
      tensor.format->decode(*tensor.format, tensor.row(index), tensor.cols, 0, row);
      const Format& f16 = *half.view().format;
      f16.encode_reference(f16, row, half.row(index));
      f16.decode(f16, half.view().row(index), tensor.cols, 0, row);
      wide.view().format->encode_reference(*wide.view().format, row, wide.row(index));
    }
    rounded[name] = half.view();
    widened[name] = wide.view();
  }
  const std::vector<std::int32_t> tokens = random_tokens(30, 37, 2);
  EXPECT_EQ(run(*model, rounded, {tokens, 2, 15}, {}), run(*model, widened, {tokens, 2, 15}, {}));
}

TEST(Llama, RefusesBadCalls) {
  const Checkpoint checkpoint = tiny_llama();
  const auto model = load_model(checkpoint);
  Weights weights = weights_of(checkpoint);
  for (const std::int32_t token : {-1, 37}) {
    const std::vector<std::int32_t> tokens = {1, token};
    EXPECT_THROW(run(*model, weights, {tokens, 1, 2}, {}), Error);
  }
  const std::vector<std::int32_t> tokens = {1, 2};
  EXPECT_THROW(run(*model, weights, {tokens, 1, 3}, {}), Error);
  weights["blk.1.ffn_up.weight"] = weights["blk.1.attn_q.weight"];
  EXPECT_THAT(
      [&] {
        run(*model, weights, {tokens, 1, 2}, {});
      },
      testing::ThrowsMessage<Error>(testing::HasSubstr("expected 27 x 20")));
  weights.erase("blk.1.ffn_up.weight");
  EXPECT_THAT(
      [&] {
        run(*model, weights, {tokens, 1, 2}, {});
      },
      testing::ThrowsMessage<Error>(testing::HasSubstr("blk.1.ffn_up.weight")));
}

struct Malformed {
  const char* what;
  TinyLlama options;
  const char* expected;  // part of the message
};

MetadataValue number(std::uint32_t value) { return MetadataScalar(value); }

TEST(Llama, RefusesMalformedHyperParameters) {
  const std::vector<Malformed> cases = {
      {"missing key", {.removed_keys = {"llama.embedding_length"}}, "llama.embedding_length"},
      {"missing epsilon", {.removed_keys = {"llama.attention.layer_norm_rms_epsilon"}}, "rms_epsilon"},
      {"no heads", {.changed_keys = {{"llama.attention.head_count", number(0)}}}, "llama.attention.head_count is 0"},
      {"uneven groups", {.changed_keys = {{"llama.attention.head_count_kv", number(3)}}}, "does not divide"},
      {"no key/value heads", {.changed_keys = {{"llama.attention.head_count_kv", number(0)}}}, "head_count_kv is 0"},
      {"too many layers", {.changed_keys = {{"llama.block_count", number(0x80000000u)}}}, "llama.block_count"},
      {"more layers than tensors",
       {.changed_keys = {{"llama.block_count", number(1000)}}},
       "llama.block_count is 1000"},
      {"one more layer", {.changed_keys = {{"llama.block_count", number(3)}}}, "blk.2.attn_norm.weight"},
      {"one layer less", {.changed_keys = {{"llama.block_count", number(1)}}}, "blk.1.attn_norm.weight"},
      {"negative", {.changed_keys = {{"llama.block_count", MetadataScalar(std::int32_t{-1})}}}, "llama.block_count"},
      {"array length",
       {.changed_keys = {{"llama.attention.head_count", MetadataArray(std::vector<std::uint32_t>{4, 4, 4})}}},
       "3 entries for 2 layers"},
      {"text", {.changed_keys = {{"llama.block_count", MetadataScalar(std::string("2"))}}}, "llama.block_count"},
      {"infinite base",
       {.changed_keys = {{"llama.rope.freq_base", MetadataScalar(std::numeric_limits<float>::infinity())}}},
       "llama.rope.freq_base"},
      {"zero base", {.changed_keys = {{"llama.rope.freq_base", MetadataScalar(0.0f)}}}, "llama.rope.freq_base"},
      {"too much rotation", {.changed_keys = {{"llama.rope.dimension_count", number(8)}}}, "up to the head size 6"},
      {"odd heads", {.head_size = 5}, "rope.dimension_count is 5"},
      {"value length", {.changed_keys = {{"llama.attention.value_length", number(8)}}}, "value_length is 8"},
      {"indivisible width", {.width = 21, .removed_keys = {"llama.attention.key_length"}}, "does not divide"},
      {"scaling", {.changed_keys = {{"llama.rope.scaling.type", MetadataScalar(std::string("dynamic"))}}}, "'dynamic'"},
      {"yarn without its context",
       {.changed_keys = {{"llama.rope.scaling.type", MetadataScalar(std::string("yarn"))}}},
       "llama.rope.scaling.original_context_length"},
      {"experts", {.changed_keys = {{"llama.expert_count", number(8)}}}, "llama.expert_count"},
      {"vocabulary", {.changed_keys = {{"llama.vocab_size", number(36)}}}, "36"},
      {"tokenizer",
       {.changed_keys = {{"tokenizer.ggml.tokens", MetadataArray(std::vector<std::string>{"a", "b"})}}},
       "2 entries"},
      {"width", {.changed_keys = {{"llama.embedding_length", number(24)}}}, "token_embd.weight has shape 20 x 37"},
      {"missing tensor", {.removed_tensors = {"blk.1.ffn_down.weight"}}, "blk.1.ffn_down.weight"},
      {"missing embedding", {.removed_tensors = {"token_embd.weight"}}, "token_embd.weight"},
      {"bias", {.added_tensors = {{"blk.0.attn_q.bias", {24}}}}, "blk.0.attn_k.bias"},
      {"factors", {.added_tensors = {{"rope_freqs.weight", {6}}}}, "rope_freqs.weight"},
      {"architecture", {.changed_keys = {{"general.architecture", MetadataScalar(std::string("lama"))}}}, "llama"},
  };
  for (const Malformed& malformed : cases) {
    EXPECT_THAT([&] { load_model(tiny_llama(malformed.options)); },
                testing::ThrowsMessage<Error>(
                    testing::AllOf(testing::HasSubstr("tiny.gguf"), testing::HasSubstr(malformed.expected))))
        << malformed.what;
  }
}

TEST(Llama, AcceptsPerLayerArraysAndDefaults) {
  const TinyLlama per_layer{
      .changed_keys = {{"llama.attention.head_count", MetadataArray(std::vector<std::uint32_t>{4, 4})},
                       {"llama.feed_forward_length", MetadataArray(std::vector<std::int32_t>{27, 27})}}};
  EXPECT_NO_THROW(load_model(tiny_llama(per_layer)));
  const TinyLlama defaults{
      .width = 24,
      .kv_heads = 4,
      .removed_keys = {"llama.attention.head_count_kv", "llama.attention.key_length", "llama.attention.value_length",
                       "llama.rope.dimension_count", "llama.rope.freq_base"}};
  EXPECT_NO_THROW(load_model(tiny_llama(defaults)));
}

TEST(Llama, ASlidingWindowHidesWhatLiesFurtherBack) {
  const Checkpoint whole = tiny_llama({.layers = 1});
  const Checkpoint sliding = tiny_llama({.layers = 1, .changed_keys = {{"llama.attention.sliding_window", number(8)}}});
  const std::vector<std::int32_t> tokens = random_tokens(18, 37, 1);
  const auto logits = [&](const Checkpoint& checkpoint, std::span<const std::int32_t> window) {
    return run(*load_model(checkpoint), weights_of(checkpoint), {window, 1, window.size()}, {});
  };
  const std::vector<float> seen = logits(sliding, tokens), all = logits(whole, tokens);
  const auto position = [](const std::vector<float>& values, std::size_t index) {
    return std::vector(values.begin() + static_cast<std::ptrdiff_t>(index * 37),
                       values.begin() + static_cast<std::ptrdiff_t>((index + 1) * 37));
  };
  EXPECT_EQ(position(seen, 7), position(all, 7));
  EXPECT_NE(position(seen, 8), position(all, 8));
  // Rotations depend on distances alone, so the last eight tokens by themselves give the same last logits.
  const std::vector<float> last = logits(whole, std::span(tokens).last(8));
  const std::vector<float> expected = position(last, 7), found = position(seen, 17);
  for (std::size_t token = 0; token < 37; ++token) EXPECT_NEAR(found[token], expected[token], 3e-5);
}

}  // namespace
}  // namespace quantbench
