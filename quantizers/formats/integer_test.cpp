// The integer formats compared with an obvious implementation that finds every bit of every code on its own.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "core/error.h"
#include "core/half.h"
#include "core/tensor.h"
#include "quantizers/formats/registry.h"

namespace quantbench {
namespace {

struct Kind {
  int bits = 0;
  bool symmetric = false;
  bool wide_scale = false;
  std::size_t group = 0;  // 0: row
  bool per_tensor = false;

  std::string id() const {
    std::string text = "int" + std::to_string(bits);
    text += per_tensor ? ":tensor" : group == 0 ? ":row" : ":g" + std::to_string(group);
    if (symmetric) text += ":sym";
    if (wide_scale) text += ":scale=f32";
    return text;
  }
  int affine_bytes() const { return (wide_scale ? 4 : 2) + (symmetric ? 0 : 1); }
  int half() const { return 1 << (bits - 1); }
};

std::vector<Kind> all_kinds() {
  std::vector<Kind> kinds;
  for (int bits = 2; bits <= 8; ++bits)
    for (const bool symmetric : {false, true})
      for (const bool wide_scale : {false, true}) {
        for (const std::size_t group : {0, 1, 3, 31, 32, 33, 50, 64, 100, 128})
          kinds.push_back({bits, symmetric, wide_scale, group, false});
        kinds.push_back({bits, symmetric, wide_scale, 0, true});
      }
  return kinds;
}

constexpr std::array<std::size_t, 12> row_lengths = {1, 2, 7, 31, 32, 33, 64, 95, 100, 129, 200, 257};

/// Bit `k` of the code of weight `i` of a group of `weights`: how many bits from the first bit of the group's codes.
std::size_t bit_address(int bits, std::size_t weights, std::size_t i, int k) {
  const std::size_t run = i / 32, r = i % 32, run_start = run * 32 * bits;
  if (i >= weights / 32 * 32) return run_start + r * bits + k;
  if (bits == 8) return run_start + 8 * r + k;
  std::size_t plane_start = run_start;
  int low = 0;
  if (bits >= 4) {
    if (k < 4) return plane_start + 8 * (r % 16) + 4 * (r / 16) + k;
    plane_start += 16 * 8;
    low = 4;
  }
  if (bits % 4 >= 2) {
    if (k < low + 2) return plane_start + 8 * (r % 8) + 2 * (r / 8) + (k - low);
    plane_start += 8 * 8;
  }
  return plane_start + r;
}

struct SlowGroup {
  float scale = 0;
  int zero = 0;
  std::vector<int> levels;
};

class SlowRow {
 public:
  SlowRow(const Kind& kind, RowBytes bytes, std::size_t cols) : kind_(kind) {
    const std::byte* next = bytes.row;
    const std::size_t group = kind.group == 0 ? cols : kind.group;
    for (std::size_t begin = 0; begin < cols; begin += group) {
      groups.push_back({});
      read_affine(kind.per_tensor ? bytes.header : next);
      if (!kind.per_tensor) next += kind.affine_bytes();
      next += read_levels(next, std::min(group, cols - begin));
    }
    used = static_cast<std::size_t>(next - bytes.row);
  }

  std::vector<float> decode() const {
    std::vector<float> weights;
    for (const SlowGroup& group : groups)
      for (const int level : group.levels) {
        const float scaled = group.scale * static_cast<float>(level);
        const float offset = -(group.scale * static_cast<float>(group.zero));
        weights.push_back(kind_.symmetric ? scaled : scaled + offset);
      }
    return weights;
  }

  std::vector<SlowGroup> groups;
  std::size_t used = 0;

 private:
  void read_affine(const std::byte* p) {
    if (kind_.wide_scale) {
      std::memcpy(&groups.back().scale, p, 4);
    } else {
      std::uint16_t half;
      std::memcpy(&half, p, 2);
      groups.back().scale = f16_to_f32(half);
    }
    if (!kind_.symmetric) groups.back().zero = static_cast<std::int8_t>(p[kind_.affine_bytes() - 1]);
  }

  std::size_t read_levels(const std::byte* p, std::size_t weights) {
    for (std::size_t i = 0; i < weights; ++i) {
      int code = 0;
      for (int k = 0; k < kind_.bits; ++k) {
        const std::size_t address = bit_address(kind_.bits, weights, i, k);
        code |= ((static_cast<int>(p[address / 8]) >> (address % 8)) & 1) << k;
      }
      groups.back().levels.push_back(kind_.bits == 8 ? (code < 128 ? code : code - 256) : code - kind_.half());
    }
    return (weights * kind_.bits + 7) / 8;
  }

  Kind kind_;
};

TEST(IntegerFormat, DecodesAnyBytesAsTheSlowReader) {
  std::mt19937 random(1);
  for (const Kind& kind : all_kinds()) {
    SCOPED_TRACE(kind.id());
    const auto format = find_format(kind.id());
    ASSERT_EQ(format->id, kind.id());
    for (const std::size_t cols : row_lengths) {
      std::vector<std::byte> header(format->header_bytes(1, cols)), row(format->row_bytes(*format, cols));
      for (auto* bytes : {&header, &row})
        for (std::byte& byte : *bytes) byte = static_cast<std::byte>(random());
      const RowBytes bytes{header.data(), row.data()};
      const SlowRow slow(kind, bytes, cols);
      ASSERT_EQ(slow.used, row.size());
      const std::vector<float> expected = slow.decode();
      std::vector<float> decoded(cols);
      format->decode(*format, bytes, cols, 0, decoded);
      for (std::size_t i = 0; i < cols; ++i) {
        if (std::isnan(expected[i])) continue;  // a random scale may be infinite
        ASSERT_EQ(std::bit_cast<std::uint32_t>(decoded[i]), std::bit_cast<std::uint32_t>(expected[i]))
            << cols << " " << i;
      }
      const std::size_t begin = random() % cols;
      std::vector<float> part(random() % (cols - begin + 1));
      format->decode(*format, bytes, cols, begin, part);
      EXPECT_TRUE(part.empty() || std::memcmp(part.data(), decoded.data() + begin, part.size() * 4) == 0);
    }
  }
}

TEST(IntegerFormat, PacksWhatTheSlowReaderFinds) {
  std::mt19937 random(2);
  std::uniform_real_distribution<float> uniform(0.01f, 2.0f);
  for (const Kind& kind : all_kinds()) {
    SCOPED_TRACE(kind.id());
    const auto format = find_format(kind.id());
    EXPECT_EQ(format->level_min, -kind.half());
    EXPECT_EQ(format->level_max, kind.half() - 1);
    EXPECT_EQ(format->has_offset, !kind.symmetric);
    for (const std::size_t cols : row_lengths) {
      std::vector<Affine> affines(format->groups_of_row(cols));
      for (Affine& affine : affines)
        affine =
            format->round_affine(*format, {uniform(random), static_cast<float>(kind.half()) * (uniform(random) - 1)});
      std::vector<std::int8_t> levels(cols);
      for (std::int8_t& level : levels)
        level = static_cast<std::int8_t>(static_cast<int>(random() % (2 * kind.half())) - kind.half());
      TensorData tensor("w", 1, cols, format);
      format->pack(*format, affines, levels, tensor.row(0));
      const SlowRow slow(kind, tensor.view().row(0), cols);
      ASSERT_EQ(slow.groups.size(), affines.size());
      std::size_t i = 0;
      for (std::size_t group = 0; group < affines.size(); ++group) {
        EXPECT_EQ(slow.groups[group].scale, affines[group].scale);
        if (!kind.symmetric) {
          EXPECT_EQ(-(slow.groups[group].scale * static_cast<float>(slow.groups[group].zero)), affines[group].offset);
        }
        for (const int level : slow.groups[group].levels) ASSERT_EQ(level, levels[i++]) << cols;
      }
    }
  }
}

TEST(IntegerFormat, BytesAreHandCounted) {
  const auto bytes = [](const char* id, std::size_t rows, std::size_t cols) {
    return find_format(id)->tensor_bytes(rows, cols);
  };
  EXPECT_EQ(bytes("int4:g128", 2, 256), 2u * 2 * (2 + 1 + 64));
  EXPECT_EQ(bytes("int4:g128:sym", 2, 256), 2u * 2 * (2 + 64));
  EXPECT_EQ(bytes("int3:g64:scale=f32", 1, 128), 2u * (4 + 1 + 24));
  EXPECT_EQ(bytes("int8:tensor:sym", 3, 10), 2u + 30);
  EXPECT_EQ(bytes("int8:tensor", 3, 10), 3u + 30);
  EXPECT_EQ(bytes("int5:row", 3, 33), 3u * (3 + 20 + 1));
  // 100 weights in groups of 64: 64, then 36 = one run and 4 weights of 3 bits in 2 bytes.
  EXPECT_EQ(bytes("int3:g64", 1, 100), (3u + 24) + (3 + 12 + 2));
  EXPECT_EQ(bytes("int3:g128", 1, 100), 3u + 36 + 2);
  EXPECT_DOUBLE_EQ(find_format("int4:g128")->bits_per_weight(7, 4096), 4 + 24.0 / 128);
}

TEST(IntegerFormat, RoundAffineStaysUsable) {
  const auto sym = find_format("int4:row:sym"), asym = find_format("int4:row"),
             wide = find_format("int8:row:scale=f32");
  EXPECT_EQ(sym->round_affine(*sym, {1e-30f, 5}), (Affine{0x1p-24f, 0}));
  EXPECT_EQ(sym->round_affine(*sym, {1e30f, 0}), (Affine{65504, 0}));
  EXPECT_EQ(sym->round_affine(*sym, {0, 0}), (Affine{0, 0}));
  EXPECT_EQ(sym->round_affine(*sym, {1 + 0x1p-11f, 0}), (Affine{1, 0}));  // a tie goes to the even significand
  EXPECT_EQ(asym->round_affine(*asym, {0.5f, -1.7f}), (Affine{0.5f, -1.5f}));
  EXPECT_EQ(asym->round_affine(*asym, {0.5f, -100}), (Affine{0.5f, -3.5f}));
  EXPECT_EQ(asym->round_affine(*asym, {0.5f, 100}), (Affine{0.5f, 4}));
  const Affine huge =
      wide->round_affine(*wide, {std::numeric_limits<float>::max(), -std::numeric_limits<float>::max()});
  EXPECT_TRUE(std::isfinite(huge.scale * 255));
}

TEST(FormatRegistry, IdsAreCanonical) {
  const std::vector<std::pair<std::string, std::string>> same = {
      {"int4:g128:asym", "int4:g128"},
      {"int4:sym:g128", "int4:g128:sym"},
      {"int4:g128:scale=f16", "int4:g128"},
      {"int8:scale=f32:sym:tensor", "int8:tensor:sym:scale=f32"}};
  for (const auto& [id, canonical] : same) EXPECT_EQ(find_format(id)->id, canonical);
  for (const std::string& id : format_ids()) EXPECT_EQ(find_format(id)->id, id);
}

TEST(FormatRegistry, RejectsOtherIds) {
  const std::vector<std::pair<std::string, std::string>> bad = {{"q4_O", "did you mean q4_0"},
                                                                {"", "unknown format"},
                                                                {"int9:g128", "did you mean"},
                                                                {"int4", "add :tensor, :row or :gN"},
                                                                {"int4:sym", "add :tensor, :row or :gN"},
                                                                {"int4:g0", "1 to 2147483647"},
                                                                {"int4:g012", "leading zeros"},
                                                                {"int4:g99999999999999999999", "1 to 2147483647"},
                                                                {"int4:g", "'g' is none of"},
                                                                {"int4:g12x", "'g12x' is none of"},
                                                                {"int4:g128:g64", "says twice"},
                                                                {"int4:row:g64", "says twice"},
                                                                {"int4:row:sym:asym", "says twice"},
                                                                {"int4:row:scale=bf16", "'scale=bf16' is none of"},
                                                                {"q4_0:sym", "unknown format"}};
  for (const auto& [id, words] : bad) {
    try {
      find_format(id);
      ADD_FAILURE() << id << " was accepted";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
    }
  }
  EXPECT_EQ(find_gguf_format(12345), nullptr);
  EXPECT_THROW(find_format("q4_0")->tensor_bytes(1, 33), Error);
  EXPECT_THROW(find_format("int4:row")->tensor_bytes(std::size_t{1} << 40, std::size_t{1} << 40), Error);
}

}  // namespace
}  // namespace quantbench
