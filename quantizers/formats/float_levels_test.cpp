// NF4, FP4 and FP8 against their definitions, and against a reader and an encoder that do everything one by one.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <random>

#include "core/error.h"
#include "core/half.h"
#include "quantizers/formats/dynamic8.h"
#include "quantizers/formats/registry.h"
#include "quantizers/quantize.h"

namespace quantbench {
namespace {

using Bytes = std::vector<std::byte>;

float read_float(const std::byte* p) {
  float value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

std::vector<float> decode_all(const Tensor& tensor) {
  std::vector<float> out(tensor.weights());
  for (std::size_t row = 0; row < tensor.rows; ++row)
    tensor.format->decode(*tensor.format, tensor.row(row), tensor.cols, 0,
                          std::span(out).subspan(row * tensor.cols, tensor.cols));
  return out;
}

std::vector<float> gaussian(std::size_t count, float outlier = 1) {
  std::mt19937 random(17);
  std::normal_distribution<float> normal;
  std::vector<float> weights(count);
  for (std::size_t i = 0; i < count; ++i) weights[i] = 0.02f * normal(random) * (i % 211 == 5 ? outlier : 1);
  return weights;
}

TensorData quantize(const std::string& method, const std::vector<float>& weights, std::size_t rows) {
  return quantize_tensor(parse_method(method), "w", {weights, rows, weights.size() / rows}, {}, 2);
}

/// What an encoding of OFP8 means, from the tables of its specification.
double ofp8(int code, int mantissa_bits) {
  const bool e4m3 = mantissa_bits == 3;
  const int bias = e4m3 ? 7 : 15, exponents = e4m3 ? 16 : 32;
  const int mantissa = code % (1 << mantissa_bits), exponent = code >> mantissa_bits & (exponents - 1);
  const double sign = code & 0x80 ? -1 : 1, fraction = mantissa / std::exp2(mantissa_bits);
  if (e4m3 && exponent == 15 && mantissa == 7) return std::nan("");
  if (!e4m3 && exponent == 31) return mantissa == 0 ? sign * INFINITY : std::nan("");
  return sign * (exponent == 0 ? std::exp2(1 - bias) * fraction : std::exp2(exponent - bias) * (1 + fraction));
}

TEST(Fp8, DecodesAllEncodingsAsSpecified) {
  for (const auto& [id, mantissa_bits] : {std::pair("fp8_e4m3:tensor", 3), std::pair("fp8_e5m2:tensor", 2)}) {
    const auto format = find_format(id);
    const float scale = 0.75f;
    Bytes row(256);
    for (int code = 0; code < 256; ++code) row[static_cast<std::size_t>(code)] = static_cast<std::byte>(code);
    std::vector<float> decoded(256);
    format->decode(*format, {reinterpret_cast<const std::byte*>(&scale), row.data()}, 256, 0, decoded);
    int finite = 0;
    for (int code = 0; code < 256; ++code) {
      const double expected = scale * ofp8(code, mantissa_bits);
      const float found = decoded[static_cast<std::size_t>(code)];
      if (std::isnan(expected)) {
        EXPECT_TRUE(std::isnan(found)) << id << ' ' << code;
        continue;
      }
      EXPECT_EQ(found, expected) << id << ' ' << code;
      EXPECT_EQ(std::signbit(found), code >= 128) << id << ' ' << code;
      if (std::isfinite(found)) ++finite;
    }
    EXPECT_EQ(finite, mantissa_bits == 3 ? 254 : 248);
    EXPECT_EQ(format->value(format->level_max), mantissa_bits == 3 ? 448.0f : 57344.0f);
  }
}

/// The normal variate below which lies the share p.
double normal_quantile(double p) {
  double low = -9, high = 9;
  for (int step = 0; step < 100; ++step) {
    const double middle = (low + high) / 2;
    (std::erfc(-middle / std::sqrt(2.0)) / 2 < p ? low : high) = middle;
  }
  return low;
}

/// Appendix E of the paper: 2^(k-1) + 1 quantiles for the positive part, 2^(k-1) for the negative one, one of the two zeros removed,
/// and everything over the largest. Their probabilities go to 1 - (1/30 + 1/32) / 2. The published numbers were computed from
/// that in binary32.
TEST(Nf4, NumbersAreQuantilesOfTheNormalDistribution) {
  const auto format = find_format("nf4:g64");
  ASSERT_EQ(format->float_levels.size(), 16u);
  const double last = 1 - (1.0 / 30 + 1.0 / 32) / 2, largest = normal_quantile(last);
  for (int level = -7; level <= 8; ++level) {
    const double share = (last - 0.5) * std::abs(level) / (level < 0 ? 7 : 8);
    const double expected = std::copysign(normal_quantile(0.5 + share) / largest, level);
    EXPECT_NEAR(format->value(level), level == 0 ? 0 : expected, 1e-6) << level;
  }
  EXPECT_EQ(format->value(0), 0.0f);
  EXPECT_EQ(format->value(-7), -1.0f);
  EXPECT_EQ(format->value(8), 1.0f);
}

/// Codes as bitsandbytes numbers them: sign, exponent field 1, 2, 3 for 8, 4, 2, one bit of mantissa; the subnormal is 1/16. All
/// over 12.
TEST(Fp4, NumbersFollowFromTheirBits) {
  const auto format = find_format("fp4:row");
  const float scale = 12;
  Bytes row(4 + 16);
  std::memcpy(row.data(), &scale, 4);
  for (int i = 0; i < 16; ++i) row[static_cast<std::size_t>(4 + i)] = static_cast<std::byte>(i | (15 - i) << 4);
  std::vector<float> decoded(32);
  format->decode(*format, {nullptr, row.data()}, 32, 0, decoded);
  for (int i = 0; i < 32; ++i) {
    const int code = i < 16 ? i : 31 - i, exponent = code >> 1 & 3, mantissa = code & 1;
    const double magnitude = exponent == 0 ? mantissa / 16.0 : std::exp2(4 - exponent) * (1 + mantissa / 2.0);
    EXPECT_NEAR(decoded[static_cast<std::size_t>(i)], code & 8 ? -magnitude : magnitude, 1e-6 * magnitude) << code;
  }
}

/// The map of bitsandbytes as its paper describes it: the middles of 2^i equal parts of the decade below 10^(i-6), both signs, 0 and 1.
const std::vector<float>& dynamic_map() {
  static const std::vector<float> map = [] {
    std::vector<float> numbers = {0, 1};
    for (int i = 0; i < 7; ++i) {
      const int parts = 1 << i;
      for (int part = 0; part < parts; ++part) {
        const double low = 0.1 + 0.9 * part / parts, high = 0.1 + 0.9 * (part + 1) / parts;
        for (const double sign : {1.0, -1.0})
          numbers.push_back(static_cast<float>(sign * std::pow(10.0, i - 6) * (low + high) / 2));
      }
    }
    std::ranges::sort(numbers);
    return numbers;
  }();
  return map;
}

TEST(DoubleQuantization, NumbersAreTheDynamicMap) {
  ASSERT_EQ(dynamic_map().size(), 256u);
  for (int code = 0; code < 256; ++code)
    EXPECT_FLOAT_EQ(formats::dynamic_numbers.of_code[code], dynamic_map()[static_cast<std::size_t>(code)]) << code;
  EXPECT_EQ(formats::dynamic_numbers.of_code[formats::dynamic_zero], 0.0f);
  EXPECT_EQ(formats::dynamic_numbers.of_code[255], 1.0f);
  EXPECT_FLOAT_EQ(formats::dynamic_numbers.of_code[254], 0.99296875f);
  EXPECT_FLOAT_EQ(formats::dynamic_numbers.of_code[128], 5.5e-7f);
}

/// Rows of few groups, where a slow reader finds every bit of every code on its own.
struct Layout {
  std::string table;
  std::string rest;
  std::size_t group = 0;  // 0: row
  int scale_bytes = 4;    // 1: double quantization
  bool per_tensor = false;

  std::string id() const { return table + ":" + rest; }
  int bits() const { return table.starts_with("fp8") ? 8 : 4; }
};

std::vector<Layout> layouts() {
  std::vector<Layout> all;
  for (const char* table : {"nf4", "fp4", "fp8_e4m3", "fp8_e5m2"}) {
    all.push_back({table, "tensor", 0, 4, true});
    all.push_back({table, "row"});
    for (const std::size_t group : {1u, 33u, 50u, 64u, 100u}) all.push_back({table, fmt::format("g{}", group), group});
    if (std::string_view(table).starts_with("fp8")) continue;
    all.push_back({table, "g64:scale=f16", 64, 2});
    all.push_back({table, "row:dq", 0, 1});
    for (const std::size_t group : {1u, 2u, 50u, 64u}) all.push_back({table, fmt::format("g{}:dq", group), group, 1});
  }
  return all;
}

/// The number of each code, by decoding it alone.
std::vector<float> numbers_of_codes(const Layout& layout) {
  const auto format = find_format(layout.table + ":tensor");
  const float one = 1;
  std::vector<float> numbers;
  for (int code = 0; code < 1 << layout.bits(); ++code) {
    const auto byte = static_cast<std::byte>(code);
    numbers.emplace_back();
    format->decode(*format, {reinterpret_cast<const std::byte*>(&one), &byte}, 1, 0, std::span(&numbers.back(), 1));
  }
  return numbers;
}

class SlowReader {
 public:
  SlowReader(const Layout& layout, const Tensor& tensor)
      : layout_(layout), header_(tensor.bytes.data()), next_(tensor.bytes.data()), numbers_(numbers_of_codes(layout)) {
    const std::size_t group = layout.group == 0 ? tensor.cols : layout.group;
    const std::size_t groups = tensor.rows * ((tensor.cols + group - 1) / group);
    if (layout.per_tensor) next_ += 4;
    if (layout.scale_bytes == 1) next_ += 4 + (groups + 255) / 256 * 4;
    for (std::size_t row = 0; row < tensor.rows; ++row)
      for (std::size_t begin = 0; begin < tensor.cols; begin += group) read_group(std::min(group, tensor.cols - begin));
    used = static_cast<std::size_t>(next_ - header_);
  }

  std::vector<float> weights, scales;
  std::vector<int> codes;
  std::size_t used = 0;

 private:
  float read_scale() {
    if (layout_.per_tensor) return read_float(header_);
    const std::byte* const p = next_;
    next_ += layout_.scale_bytes;
    if (layout_.scale_bytes == 4) return read_float(p);
    if (layout_.scale_bytes == 2) {
      std::uint16_t half;
      std::memcpy(&half, p, 2);
      return f16_to_f32(half);
    }
    const float unit = read_float(header_ + 4 + scales.size() / 256 * 4);
    const float from_mean = unit * formats::dynamic_numbers.of_code[static_cast<std::size_t>(*p)];
    return from_mean + read_float(header_);
  }

  void read_group(std::size_t count) {
    scales.push_back(read_scale());
    for (std::size_t i = 0; i < count; ++i) {
      codes.push_back(layout_.bits() == 8 ? static_cast<int>(next_[i]) : nibble(i, count));
      weights.push_back(scales.back() * numbers_[static_cast<std::size_t>(codes.back())]);
    }
    next_ += layout_.bits() == 8 ? count : (count + 1) / 2;
  }

  int nibble(std::size_t i, std::size_t count) const {
    const bool in_run = i < count / 32 * 32;
    const std::size_t byte = in_run ? i / 32 * 16 + i % 16 : i / 2;
    const bool high = in_run ? i % 32 >= 16 : i % 2 == 1;
    return static_cast<int>(next_[byte]) >> (high ? 4 : 0) & 15;
  }

  const Layout& layout_;
  const std::byte* header_;
  const std::byte* next_;
  std::vector<float> numbers_;
};

TEST(FloatLevels, DecodeAnyBytesAsTheSlowReader) {
  std::mt19937 random(3);
  for (const Layout& layout : layouts())
    for (const std::size_t cols : {1u, 31u, 64u, 100u, 147u, 300u}) {
      SCOPED_TRACE(fmt::format("{}, {} columns", layout.id(), cols));
      TensorData tensor("w", 5, cols, find_format(layout.id()));
      ASSERT_EQ(tensor.view().format->id, layout.id());
      std::byte* bytes = const_cast<std::byte*>(tensor.view().bytes.data());
      for (std::size_t i = 0; i < tensor.view().bytes.size(); ++i) bytes[i] = static_cast<std::byte>(random() & 0xFF);
      const SlowReader slow(layout, tensor.view());
      ASSERT_EQ(slow.used, tensor.view().bytes.size());
      const std::vector<float> decoded = decode_all(tensor.view());
      for (std::size_t i = 0; i < decoded.size(); ++i) {
        if (std::isnan(slow.weights[i])) {
          ASSERT_TRUE(std::isnan(decoded[i])) << i;
        } else {
          ASSERT_EQ(std::bit_cast<std::uint32_t>(decoded[i]), std::bit_cast<std::uint32_t>(slow.weights[i])) << i;
        }
      }
    }
}

TEST(FloatLevels, EveryWeightGetsTheNearestNumberOfItsStoredScale) {
  for (const Layout& layout : layouts())
    for (const char* solver : {"absmax:", "search:"}) {
      if (layout.per_tensor && solver == std::string_view("search:")) continue;
      const std::string method = solver + layout.id() + (*solver == 's' ? ":gain=least_squares" : "");
      SCOPED_TRACE(method);
      const std::vector<float> weights = gaussian(3 * 147, 9);
      const TensorData tensor = quantize(method, weights, 3);
      const SlowReader slow(layout, tensor.view());
      const std::vector<float> numbers = numbers_of_codes(layout);
      const std::size_t group = layout.group == 0 ? 147 : layout.group, groups = (147 + group - 1) / group;
      for (std::size_t i = 0; i < weights.size(); ++i) {
        const double scale = slow.scales[i / 147 * groups + i % 147 / group], weight = weights[i];
        double least = INFINITY;
        for (const float number : numbers)
          if (std::isfinite(number)) least = std::min(least, std::fabs(weight - scale * static_cast<double>(number)));
        ASSERT_LE(std::fabs(weight - slow.weights[i]), least + 3e-7 * std::fabs(weight)) << i;
      }
    }
}

/// Halves between two neighbours have the even encoding, and everything beyond the largest number is that one.
TEST(Fp8, RoundsHalvesToEvenAndSaturates) {
  for (const auto& [id, mantissa_bits] : {std::pair("fp8_e4m3:row", 3), std::pair("fp8_e5m2:row", 2)}) {
    const int largest = mantissa_bits == 3 ? 0x7E : 0x7B;
    std::vector<float> weights = {static_cast<float>(ofp8(largest, mantissa_bits))};  // so that the scale is 1
    for (int code = 0; code < largest; ++code)
      for (const double sign : {1.0, -1.0})
        weights.push_back(static_cast<float>(sign * (ofp8(code, mantissa_bits) + ofp8(code + 1, mantissa_bits)) / 2));
    const auto decoded = decode_all(quantize(std::string("absmax:") + id, weights, 1).view());
    for (std::size_t i = 1; i < weights.size(); ++i) {
      const int below = static_cast<int>(i - 1) / 2, even = below + below % 2;
      EXPECT_EQ(std::fabs(decoded[i]), ofp8(even, mantissa_bits)) << id << ' ' << below;
    }
  }
  // A scale in binary32 that is a little too small takes 448 beyond the numbers.
  const std::vector<float> weights = {1.0f, 0.99999994f, -1.0f};
  const auto decoded = decode_all(quantize("absmax:fp8_e4m3:row", weights, 1).view());
  EXPECT_NEAR(decoded[0], 1, 1e-6);
  EXPECT_NEAR(decoded[2], -1, 1e-6);
}

/// By hand: absmax 2 in the first group, 4 in the second.
TEST(Nf4, AbsmaxByHand) {
  const std::vector<float> weights = {-2, 1.4f, 0.1f, 0, 4, -0.2f, -1.0f, 2.0f};
  const auto decoded = decode_all(quantize("absmax:nf4:g4", weights, 1).view());
  const std::vector<float> numbers = {-1, 0.72295684f, 0.07958030f, 0, 1, -0.09105004f, -0.28444138f, 0.44070983f};
  for (std::size_t i = 0; i < 8; ++i) EXPECT_FLOAT_EQ(decoded[i], numbers[i] * (i < 4 ? 2 : 4)) << i;
}

/// The encoder of the paper, one number after the other.
struct SlowDoubleQuantization {
  float mean = 0;
  std::vector<float> units, scales;
  std::vector<int> codes;

  explicit SlowDoubleQuantization(const std::vector<float>& absmax) {
    double sum = 0;
    for (const float value : absmax) sum += value;
    mean = static_cast<float>(sum / static_cast<double>(absmax.size()));
    for (std::size_t i = 0; i < absmax.size(); ++i) {
      if (i % 256 == 0) add_unit(absmax, i);
      int best = 0;
      double least = INFINITY;
      for (int code = 0; code < 256; ++code) {
        const double number = formats::dynamic_numbers.of_code[code];
        const double difference = static_cast<double>(absmax[i]) - mean;
        const double error = std::fabs(difference - static_cast<double>(units.back()) * number);
        if (error < least) least = error, best = code;
      }
      codes.push_back(best);
      const float from_mean = units.back() * formats::dynamic_numbers.of_code[best];
      scales.push_back(from_mean + mean);
    }
  }

 private:
  void add_unit(const std::vector<float>& absmax, std::size_t begin) {
    float farthest = 0;
    for (std::size_t i = begin; i < std::min(begin + 256, absmax.size()); ++i)
      farthest = std::max(farthest, std::fabs(absmax[i] - mean));
    units.push_back(farthest);
  }
};

TEST(DoubleQuantization, StoresWhatTheSlowEncoderStores) {
  constexpr std::size_t rows = 23, cols = 1600, group = 64, groups = rows * cols / group;
  static_assert(groups > 2 * 256 && groups % 256 != 0);
  for (const float outlier : {1.0f, 20.0f}) {
    const std::vector<float> weights = gaussian(rows * cols, outlier);
    std::vector<float> absmax(groups);
    for (std::size_t i = 0; i < weights.size(); ++i)
      absmax[i / group] = std::max(absmax[i / group], std::fabs(weights[i]));
    const SlowDoubleQuantization expected(absmax);
    const TensorData tensor = quantize("absmax:nf4:g64:dq", weights, rows);
    const std::byte* const bytes = tensor.view().bytes.data();
    EXPECT_EQ(read_float(bytes), expected.mean);
    for (std::size_t unit = 0; unit < expected.units.size(); ++unit)
      EXPECT_EQ(read_float(bytes + 4 + 4 * unit), expected.units[unit]) << unit;
    const std::byte* const first_group = bytes + 4 + 4 * expected.units.size();
    for (std::size_t i = 0; i < groups; ++i)
      EXPECT_EQ(static_cast<int>(first_group[i * (1 + 32)]), expected.codes[i]) << i;
    const Layout layout{"nf4", "g64:dq", 64, 1};
    const SlowReader slow(layout, tensor.view());
    EXPECT_EQ(slow.scales, expected.scales);
    double error = 0, power = 0;
    for (std::size_t i = 0; i < groups; ++i) {
      error += std::pow(static_cast<double>(absmax[i]) - expected.scales[i], 2);
      power += std::pow(static_cast<double>(absmax[i]), 2);
    }
    EXPECT_LT(std::sqrt(error / power), outlier > 1 ? 0.03 : 0.01) << "the scales hardly change";
  }
}

TEST(DoubleQuantization, CostsLittle) {
  const std::vector<float> weights = gaussian(64 * 1024);
  const auto error = [&](const char* method) {
    const auto decoded = decode_all(quantize(method, weights, 64).view());
    double sum = 0, power = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      sum += std::pow(static_cast<double>(weights[i]) - decoded[i], 2);
      power += std::pow(static_cast<double>(weights[i]), 2);
    }
    return std::sqrt(sum / power);
  };
  EXPECT_NEAR(error("absmax:nf4:g64:dq") / error("absmax:nf4:g64"), 1, 0.005);
  // The order of the paper, at 4.5 bits per weight.
  EXPECT_LT(error("absmax:nf4:g64"), 0.9 * error("absmax:int4:g64:scale=f32"));
  EXPECT_LT(error("absmax:nf4:g64"), 0.9 * error("absmax:fp4:g64"));
  EXPECT_LT(error("search:nf4:g64:gain=least_squares"), error("absmax:nf4:g64"));
  EXPECT_LT(error("search:nf4:g64:dq:gain=least_squares"), error("absmax:nf4:g64:dq"));
  EXPECT_LT(error("search:fp4:g64:gain=least_squares"), error("absmax:fp4:g64"));
  // Three bits of mantissa: half a step is 1/16 of the number at most, 1/(16 sqrt(3)) to half of it on average.
  EXPECT_NEAR(error("absmax:fp8_e4m3:row"), 0.026, 0.003);
  EXPECT_NEAR(error("absmax:fp8_e5m2:row"), 0.052, 0.006);
}

TEST(FloatLevels, BytesAreHandCounted) {
  const auto bytes = [](const char* id, std::size_t rows, std::size_t cols) {
    return find_format(id)->tensor_bytes(rows, cols);
  };
  EXPECT_EQ(bytes("nf4:g64", 2, 128), 2u * 2 * (4 + 32));
  EXPECT_EQ(bytes("nf4:g64:scale=f16", 2, 128), 2u * 2 * (2 + 32));
  EXPECT_EQ(bytes("fp8_e4m3:tensor", 3, 10), 4u + 30);
  EXPECT_EQ(bytes("fp8_e5m2:row", 3, 33), 3u * (4 + 33));
  // Mean, one unit; rows of 64 and 36 weights, the latter as one run and 4 nibbles.
  EXPECT_EQ(bytes("fp4:g64:dq", 3, 100), 4 + 4 + 3u * ((1 + 32) + (1 + 16 + 2)));
  EXPECT_EQ(bytes("nf4:g64:dq", 1, 64 * 257), 4 + 2 * 4 + 257u * 33);
  EXPECT_DOUBLE_EQ(find_format("nf4:g64:dq")->bits_per_weight(4096, 4096),
                   4 + 8.0 / 64 + 32.0 / (64 * 256) + 32.0 / (4096.0 * 4096));
}

TEST(FloatLevels, IdsAreCanonical) {
  const std::vector<std::pair<std::string, std::string>> same = {{"nf4:g64:scale=f32", "nf4:g64"},
                                                                 {"nf4:dq:g64", "nf4:g64:dq"},
                                                                 {"fp4:scale=f16:row", "fp4:row:scale=f16"},
                                                                 {"fp8_e4m3:scale=f32:g128", "fp8_e4m3:g128"}};
  for (const auto& [id, canonical] : same) EXPECT_EQ(find_format(id)->id, canonical);
  EXPECT_EQ(find_format("nf4:g64:dq")->with_single_scales->id, "nf4:g64");
  for (const char* id : {"nf4", "nf4:sym", "nf4:g64:dq:dq", "nf4:tensor:dq", "fp8:row", "fp8_e4m3:row:scale=f16"})
    EXPECT_THROW(find_format(id), Error) << id;
}

}  // namespace
}  // namespace quantbench
