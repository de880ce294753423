#include "eval/kv_cache.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "core/error.h"
#include "quantizers/formats/registry.h"

namespace quantbench {
namespace {

Matrix random_matrix(std::size_t rows, std::size_t cols, unsigned seed) {
  Matrix matrix(rows, cols);
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  for (float& value : matrix.values()) value = normal(random);
  return matrix;
}

constexpr CacheShape shape{.windows = 2, .length = 40, .kv_heads = 2, .head_size = 32};

struct Cache {
  Matrix keys = random_matrix(shape.windows * shape.length, shape.kv_heads* shape.head_size, 1);
  Matrix values = random_matrix(shape.windows * shape.length, shape.kv_heads* shape.head_size, 2);
};

TEST(KvCache, HadamardIsTheMatrixOfSigns) {
  std::vector<float> values = {1, 2, -3, 5};
  rotate_by_hadamard(values);
  EXPECT_EQ(values, (std::vector<float>{2.5f, -4.5f, 0.5f, 3.5f}));  // rows ++++ +-+- ++-- +--+, halved
  rotate_by_hadamard(values);
  EXPECT_EQ(values, (std::vector<float>{1, 2, -3, 5}));
}

TEST(KvCache, BlocksOfTokensAreThoseOfTheFormat) {
  Cache cache;
  const Matrix keys = cache.keys, values = cache.values;
  kv_cache_rounding({.keys = "q8_0", .values = ""}, 2)(shape, cache.keys, cache.values);
  const auto format = find_format("q8_0");
  std::vector<std::byte> bytes(format->row_bytes(*format, keys.cols()));
  std::vector<float> decoded(keys.cols());
  for (std::size_t token = 0; token < keys.rows(); ++token) {
    format->encode_reference(*format, keys.row(token), {nullptr, bytes.data()});
    format->decode(*format, {nullptr, bytes.data()}, keys.cols(), 0, decoded);
    ASSERT_TRUE(std::ranges::equal(cache.keys.row(token), decoded)) << token;
  }
  EXPECT_TRUE(std::ranges::equal(cache.values.values(), values.values()));
}

/// What of the group's numbers, `count` of them `stride` apart, is not a whole number of steps away from the first.
float farthest_from_steps(const Matrix& original, const Matrix& rounded, std::size_t first, std::size_t count,
                          std::size_t stride, int levels) {
  float low = 0, high = 0, most = 0;
  for (std::size_t i = 0; i < count; ++i) {
    low = std::min(low, original.values()[first + i * stride]);
    high = std::max(high, original.values()[first + i * stride]);
  }
  const float step = (high - low) / static_cast<float>(levels - 1);
  for (std::size_t i = 0; i < count; ++i)
    most =
        std::max(most, std::fabs(original.values()[first + i * stride] - rounded.values()[first + i * stride]) / step);
  return most;
}

TEST(KvCache, IntegersHaveAGridForEachHeadOfAToken) {
  Cache cache;
  const Matrix keys = cache.keys;
  kv_cache_rounding({.keys = "int4", .values = "int8"}, 1)(shape, cache.keys, cache.values);
  for (std::size_t head = 0; head < keys.rows() * shape.kv_heads; ++head)
    EXPECT_LE(farthest_from_steps(keys, cache.keys, head * shape.head_size, shape.head_size, 1, 16), 0.51f) << head;
}

TEST(KvCache, ChannelsHaveAGridForEach32TokensOfAWindow) {
  Cache cache;
  const Matrix keys = cache.keys;
  kv_cache_rounding({.keys = "int3_channel", .values = ""}, 1)(shape, cache.keys, cache.values);
  for (std::size_t window = 0; window < shape.windows; ++window)
    for (std::size_t channel = 0; channel < keys.cols(); ++channel)
      for (const std::size_t begin : {std::size_t{0}, std::size_t{32}}) {
        const std::size_t first = (window * shape.length + begin) * keys.cols() + channel;
        EXPECT_LE(farthest_from_steps(keys, cache.keys, first, begin == 0 ? 32 : 8, keys.cols(), 8), 0.51f);
      }
}

TEST(KvCache, Fp8IsTheNearestNumberWithoutAScale) {
  Cache cache;
  cache.keys.row(0)[0] = 1.0625f;  // between 1 and 1.125: the one whose last bit is 0
  cache.keys.row(0)[1] = 1.07f;
  cache.keys.row(0)[2] = -1e5f;    // the largest is 448
  cache.keys.row(0)[3] = 0.0009f;  // below half of the smallest, 2^-9
  cache.values.row(0)[0] = 1.13f;  // two bits of mantissa: 1, 1.25
  cache.values.row(0)[1] = 1e5f;   // the largest is 57344
  kv_cache_rounding({.keys = "fp8_e4m3", .values = "fp8_e5m2"}, 2)(shape, cache.keys, cache.values);
  EXPECT_TRUE(std::ranges::equal(cache.keys.row(0).first(4), std::vector<float>{1, 1.125f, -448, 0}));
  EXPECT_TRUE(std::ranges::equal(cache.values.row(0).first(2), std::vector<float>{1.25f, 57344}));
  EXPECT_EQ(kv_cache_bits("fp8_e4m3", 64), 8);
}

double distance(const Matrix& a, const Matrix& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.values().size(); ++i) {
    const double difference = a.values()[i] - b.values()[i];
    sum += difference * difference;
  }
  return std::sqrt(sum);
}

TEST(KvCache, RotationSpreadsWhatOneChannelHasTooMuchOf) {
  Cache cache;
  for (std::size_t token = 0; token < cache.keys.rows(); ++token) cache.keys.row(token)[5] *= 30;
  Cache rotated = cache;
  const Matrix keys = cache.keys;
  kv_cache_rounding({.keys = "int4", .values = ""}, 1)(shape, cache.keys, cache.values);
  kv_cache_rounding({.keys = "int4", .values = "", .rotate_keys = true}, 1)(shape, rotated.keys, rotated.values);
  EXPECT_LT(distance(keys, rotated.keys), 0.7 * distance(keys, cache.keys));
}

TEST(KvCache, IsAskedForByTheMethod) {
  const Method method = parse_method("f16:kv_values=q4_0:kv_keys=q8_0");
  EXPECT_EQ(to_string(method), "f16:kv_keys=q8_0:kv_values=q4_0");
  EXPECT_EQ(kv_cache_options(method).keys, "q8_0");
  EXPECT_EQ(kv_cache_options(method).values, "q4_0");
  EXPECT_FALSE(kv_cache_options(parse_method("q4_k")).any());
  EXPECT_TRUE(solver_options(parse_method("q4_k:kv_keys=int4")).empty());
  EXPECT_THROW(static_cast<void>(kv_cache_options(parse_method("f16:kv_rotate"))), Error);
  EXPECT_THROW(static_cast<void>(parse_method("f16:kv_keys=q2_k")), Error);
}

TEST(KvCache, HeadsThatCannotBeStoredAreNamed) {
  Matrix keys = random_matrix(4, 24, 1), values = random_matrix(4, 24, 2);
  const CacheShape odd{.windows = 1, .length = 4, .kv_heads = 1, .head_size = 24};
  const auto round = [&](const KvCacheOptions& options) { kv_cache_rounding(options, 1)(odd, keys, values); };
  EXPECT_THROW(round({.keys = "q8_0", .values = ""}), Error);
  EXPECT_THROW(round({.keys = "int8", .values = "", .rotate_keys = true}), Error);
  EXPECT_NO_THROW(round({.keys = "int8", .values = "int4_channel"}));
}

TEST(KvCache, BitsCountScalesAndZeroPoints) {
  EXPECT_EQ(kv_cache_bits("q8_0", 64), 8.5);
  EXPECT_EQ(kv_cache_bits("q4_0", 64), 4.5);
  EXPECT_GT(kv_cache_bits("int4", 64), 4.25);
  EXPECT_EQ(kv_cache_bits("int4_channel", 64), kv_cache_bits("int4", 32));
}

}  // namespace
}  // namespace quantbench
