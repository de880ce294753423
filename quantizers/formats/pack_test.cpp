// Packing is the inverse of decoding: what is stored decodes to scale * level + offset of the parts that were packed.
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <set>

#include "core/half.h"
#include "quantizers/formats/registry.h"

namespace quantbench {
namespace {

class PackOf : public testing::TestWithParam<std::string> {
 protected:
  const std::shared_ptr<const Format> format_ = find_format(GetParam());
  std::mt19937 random_{5};

  int between(int smallest, int largest) { return std::uniform_int_distribution(smallest, largest)(random_); }
  float half() { return f16_to_f32(f32_to_f16(std::uniform_real_distribution<float>(-2, 2)(random_))); }
  std::vector<std::int8_t> integers(std::size_t count, int smallest, int largest) {
    std::vector<std::int8_t> values(count);
    for (std::int8_t& value : values) value = static_cast<std::int8_t>(between(smallest, largest));
    return values;
  }
  std::vector<std::int8_t> levels(std::size_t count) {
    if (format_->level_values.empty()) return integers(count, format_->level_min, format_->level_max);
    std::vector<std::int8_t> values(count);
    for (std::int8_t& value : values)
      value =
          format_
              ->level_values[static_cast<std::size_t>(between(0, static_cast<int>(format_->level_values.size()) - 1))];
    return values;
  }
  std::vector<float> decode(const std::vector<std::byte>& bytes, std::size_t count) const {
    std::vector<float> weights(count);
    format_->decode(*format_, {nullptr, bytes.data()}, count, 0, weights);
    return weights;
  }
};

class PackTwoLevels : public PackOf {};
class PackAffines : public PackOf {};

TEST_P(PackTwoLevels, DecodesToTheParts) {
  const TwoLevelScales& range = *format_->two_level;
  const std::size_t groups = format_->block / format_->group;
  for (int round = 0; round < 20; ++round) {
    const float d = half(), dmin = half();
    const auto scales = integers(groups, range.scale_min, range.scale_max),
               mins = integers(groups, 0, range.largest_min);
    const auto level = levels(format_->block);
    std::vector<std::byte> bytes(format_->row_bytes(*format_, format_->block));
    range.pack_block({d, dmin, scales.data(), mins.data(), level.data()}, bytes.data());
    const auto weights = decode(bytes, format_->block);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const std::size_t group = i / format_->group;
      const float scaled = d * static_cast<float>(scales[group]) * static_cast<float>(level[i]);
      ASSERT_EQ(weights[i], format_->has_offset ? scaled - dmin * static_cast<float>(mins[group]) : scaled) << i;
    }
  }
}

TEST_P(PackAffines, DecodesToScaleTimesLevelPlusOffset) {
  const std::size_t count = 3 * format_->block;
  std::vector<Affine> affines(format_->groups_of_row(count));
  for (Affine& affine : affines) affine = format_->round_affine(*format_, {std::abs(half()), half()});
  const auto level = levels(count);
  std::vector<std::byte> bytes(format_->row_bytes(*format_, count));
  format_->pack(*format_, affines, level, {nullptr, bytes.data()});
  const auto weights = decode(bytes, count);
  for (std::size_t i = 0; i < count; ++i) {
    const Affine& affine = affines[i / format_->group];
    ASSERT_EQ(weights[i], affine.scale * static_cast<float>(level[i]) + affine.offset) << i;
  }
}

/// The nearest of all stored scales, for scales of every size: by difference, or by ratio where they are powers of two.
TEST(FewScales, AreRoundedToTheNearest) {
  for (const char* id : {"mxfp4", "nvfp4"}) {
    const auto format = find_format(id);
    std::vector<std::byte> bytes(format->row_bytes(*format, format->block));
    std::set<float> stored;
    for (int code = 0; code <= (format->id == "mxfp4" ? 252 : 0x7E); ++code) {
      std::vector<float> decoded(format->block);
      bytes[0] = static_cast<std::byte>(code);
      bytes[format->block == 32 ? 1 : 4] = std::byte{2};  // the first weight has the level 2
      format->decode(*format, {nullptr, bytes.data()}, format->block, 0, decoded);
      stored.insert(decoded[0] / 2);
    }
    for (float wanted = 0x1p-140f; wanted < 0x1p126f; wanted *= 1.0371f) {
      const float rounded = format->round_affine(*format, {-wanted, 0}).scale;
      ASSERT_TRUE(stored.contains(rounded)) << wanted;
      const auto distance = [&](float scale) {
        return format->id == "mxfp4" ? std::fabs(std::log2(scale / wanted)) : std::fabs(scale - wanted);
      };
      for (const float scale : stored)
        if (scale > 0) {
          ASSERT_LE(distance(rounded), distance(scale) * 1.000001f) << id << ' ' << wanted;
        }
    }
  }
}

std::vector<std::string> gguf_formats(bool two_level) {
  std::vector<std::string> ids;
  for (const std::string& id : format_ids()) {
    const auto format = find_format(id);
    if (format->gguf_type && (two_level ? format->two_level != nullptr : format->pack != nullptr)) ids.push_back(id);
  }
  return ids;
}

const auto name_of = [](const auto& param_info) { return param_info.param; };
INSTANTIATE_TEST_SUITE_P(, PackTwoLevels, testing::ValuesIn(gguf_formats(true)), name_of);
INSTANTIATE_TEST_SUITE_P(, PackAffines, testing::ValuesIn(gguf_formats(false)), name_of);

}  // namespace
}  // namespace quantbench
