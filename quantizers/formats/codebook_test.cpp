// The codebooks, and blocks packed from parts, compared with hashes of the reference and with the formula of the formats.
#include <gtest/gtest.h>

#include <bit>
#include <random>

#include "core/half.h"
#include "core/hash.h"
#include "quantizers/formats/codebooks.h"
#include "quantizers/formats/registry.h"

namespace quantbench {
namespace {

template <class Codebook>
std::string sha256_of(const Codebook& codebook, int divisor = 1) {
  std::vector<std::int8_t> values(std::begin(codebook.values), std::end(codebook.values));
  for (std::int8_t& value : values) value = static_cast<std::int8_t>(value / divisor);
  return sha256(std::as_bytes(std::span(values)));
}

/// Of the grids as signed bytes, in the order of the index, as decoded from crafted blocks by the reference.
TEST(Codebooks, AreThoseOfTheReference) {
  using namespace formats;
  EXPECT_EQ(sha256_of(iq1_codebook, 8), "07540ffc1aeaf6ad4d97e96b0fcc765aae39671d4ae4a27bbd0e796fde167c6a");
  EXPECT_EQ(sha256_of(iq2_xxs_codebook), "05826b5d3e472a3a78f196be62ac78acf81df0f909626e12ab9fa2a5d490dd54");
  EXPECT_EQ(sha256_of(iq2_xs_codebook), "06e47aaca60b4dc1d9b5a3f34540437058a6b142b4d7a59d5ded769b4d1bf1de");
  EXPECT_EQ(sha256_of(iq2_s_codebook), "e1aa1473412b0552c2174c30ef22ab4073f6a181b85a17056e8249bd2932fd88");
  EXPECT_EQ(sha256_of(iq3_xxs_codebook), "46e35f5a997efdee6c99ce57854c8a0d4f0ff8ca57e5e8a60c0793ea580acf5d");
  EXPECT_EQ(sha256_of(iq3_s_codebook), "bd1af4945a1717c65610b0284e4628b9a1ba3b306fae3a06f6e5f597356e349f");
}

class PackCodewords : public testing::TestWithParam<std::string> {
 protected:
  const std::shared_ptr<const Format> format_ = find_format(GetParam());
  const CodebookLayout& layout_ = *format_->codebook;
  std::mt19937 random_{7};

  int between(int smallest, int largest) { return std::uniform_int_distribution(smallest, largest)(random_); }

  CodebookBlock random_parts() {
    CodebookBlock parts;
    parts.d = f16_to_f32(f32_to_f16(std::uniform_real_distribution<float>(-2, 2)(random_)));
    for (auto& scale : parts.scales) scale = static_cast<std::uint8_t>(between(0, layout_.largest_scale));
    const int codewords = static_cast<int>(layout_.values.size()) / layout_.codeword_weights;
    for (auto& codeword : parts.codewords) codeword = static_cast<std::uint16_t>(between(0, codewords - 1));
    for (auto& signs : parts.signs) {
      signs = static_cast<std::uint8_t>(between(0, 255));
      if (layout_.signs == CodebookSigns::even && std::popcount(signs) % 2 == 1) signs ^= 1;
    }
    for (std::size_t octet = 0; octet < 32; ++octet) {
      const std::size_t leader = layout_.shift_of_group ? octet / 4 * 4 : octet;
      parts.shifts_down[octet] = leader == octet ? static_cast<std::uint8_t>(between(0, 1)) : parts.shifts_down[leader];
    }
    return parts;
  }

  float weight(const CodebookBlock& parts, std::size_t i) const {
    const auto length = static_cast<std::size_t>(layout_.codeword_weights);
    const std::int8_t entry = layout_.values[parts.codewords[i / length] * length + i % length];
    int level = entry;
    if (layout_.signs == CodebookSigns::shifted)
      level += parts.shifts_down[i / 8] != 0 ? -1 : 1;
    else if ((parts.signs[i / 8] >> (i % 8) & 1) != 0)
      level = -level;
    return parts.d * static_cast<float>(2 * parts.scales[i / format_->group] + 1) * layout_.unit *
           static_cast<float>(level);
  }
};

TEST_P(PackCodewords, DecodesToTheFormula) {
  for (int round = 0; round < 50; ++round) {
    const CodebookBlock parts = random_parts();
    std::vector<std::byte> bytes(format_->row_bytes(*format_, format_->block));
    layout_.pack_block(parts, bytes.data());
    std::vector<float> weights(format_->block);
    format_->decode(*format_, {nullptr, bytes.data()}, format_->block, 0, weights);
    for (std::size_t i = 0; i < weights.size(); ++i) ASSERT_EQ(weights[i], weight(parts, i)) << i;
  }
}

std::vector<std::string> codebook_formats() {
  std::vector<std::string> ids;
  for (const std::string& id : format_ids())
    if (find_format(id)->codebook != nullptr) ids.push_back(id);
  return ids;
}

INSTANTIATE_TEST_SUITE_P(, PackCodewords, testing::ValuesIn(codebook_formats()),
                         [](const auto& param_info) { return param_info.param; });

}  // namespace
}  // namespace quantbench
