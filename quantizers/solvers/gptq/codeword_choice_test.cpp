#include "quantizers/solvers/gptq/codeword_choice.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

#include "quantizers/formats/registry.h"

namespace quantbench::gptq {
namespace {

class CodewordChoiceOf : public testing::TestWithParam<std::string> {
 protected:
  CodewordChoiceOf() {
    std::normal_distribution<float> normal;
    for (float& weight : weights_) weight = 3 * normal(random_);
    for (std::size_t k = 0; k < octet; ++k)
      for (std::size_t i = k; i < octet; ++i)
        factor_[k * octet + i] = i == k ? 0.5f + std::fabs(normal(random_)) : 0.3f * normal(random_);
  }

  void keep_only_diagonal() {
    for (std::size_t k = 0; k < octet; ++k)
      for (std::size_t i = k + 1; i < octet; ++i) factor_[k * octet + i] = 0;
  }

  const CodebookLayout& layout() const { return *format_->codebook; }
  float scale() const { return 3.0f / static_cast<float>(format_->level_max); }
  OctetChoice choose(int shift = 0) const {
    return CodewordChooser(layout()).choose({weights_, factor_, octet, scale(), shift});
  }

  /// |e|^2 with e U = w - q.
  double cost(const float* values, float* errors = nullptr) const {
    double sum = 0, e[octet];
    for (std::size_t i = 0; i < octet; ++i) {
      double rest = static_cast<double>(weights_[i]) - static_cast<double>(values[i]);
      for (std::size_t k = 0; k < i; ++k) rest -= e[k] * static_cast<double>(factor_[k * octet + i]);
      e[i] = rest / static_cast<double>(factor_[i * octet + i]);
      if (errors != nullptr) errors[i] = static_cast<float>(e[i]);
      sum += e[i] * e[i];
    }
    return sum;
  }

  /// What the format would decode.
  void decode(const OctetChoice& choice, float* values) const {
    const auto width = static_cast<std::size_t>(layout().codeword_weights);
    for (std::size_t i = 0; i < octet; ++i) {
      float level = layout().values[choice.codewords[i / width] * width + i % width];
      if (layout().signs == CodebookSigns::shifted) level += choice.shifted_down ? -1.0f : 1.0f;
      values[i] = scale() * ((choice.signs >> i & 1) != 0 ? -level : level);
    }
  }

  OctetChoice random_choice() {
    OctetChoice choice;
    const auto width = static_cast<std::size_t>(layout().codeword_weights);
    for (std::uint16_t& codeword : choice.codewords)
      codeword = static_cast<std::uint16_t>(random_() % (layout().values.size() / width));
    choice.shifted_down = random_() % 2 == 0;
    if (layout().signs == CodebookSigns::shifted) return choice;
    choice.signs = static_cast<std::uint8_t>(random_());
    if (layout().signs == CodebookSigns::even && std::popcount(choice.signs) % 2 == 1) choice.signs ^= 1;
    return choice;
  }

  /// Over all codewords; of quads, the other one as chosen. Only right where the factor is diagonal.
  double least_cost() const {
    double least = INFINITY;
    const auto width = static_cast<std::size_t>(layout().codeword_weights);
    const bool signed_levels = layout().signs == CodebookSigns::shifted;
    OctetChoice choice = choose();
    for (std::size_t codeword = 0; codeword < layout().values.size() / width; ++codeword)
      for (unsigned signs = 0; signs < (signed_levels ? 2u : 256u); ++signs) {
        if (layout().signs == CodebookSigns::even && std::popcount(signs) % 2 == 1) continue;
        choice.codewords[0] = static_cast<std::uint16_t>(codeword);
        choice.signs = static_cast<std::uint8_t>(signed_levels ? 0 : signs);
        choice.shifted_down = signed_levels && signs == 1;
        float values[octet];
        decode(choice, values);
        least = std::min(least, cost(values));
      }
    return least;
  }

  std::mt19937 random_{11};
  std::shared_ptr<const Format> format_ = find_format(GetParam());
  float weights_[octet], factor_[octet * octet] = {};
};

TEST_P(CodewordChoiceOf, SaysWhatItsChoiceIsWorth) {
  const OctetChoice choice = choose();
  float values[octet], errors[octet];
  decode(choice, values);
  cost(values, errors);
  for (std::size_t i = 0; i < octet; ++i) {
    EXPECT_EQ(choice.values[i], values[i]);
    EXPECT_NEAR(choice.errors[i], errors[i], 1e-4f);
  }
  if (layout().signs == CodebookSigns::even) {
    EXPECT_EQ(std::popcount(choice.signs) % 2, 0);
  }
}

TEST_P(CodewordChoiceOf, NoRandomChoiceIsBetter) {
  const double chosen = cost(choose().values);
  for (int round = 0; round < 20000; ++round) {
    float values[octet];
    decode(random_choice(), values);
    ASSERT_GE(cost(values), chosen * (1 - 1e-5));
  }
}

TEST_P(CodewordChoiceOf, IsTheBestWhereColumnsAreIndependent) {
  keep_only_diagonal();
  // Of quads with an even number of minus signs the second is chosen before the turn of a sign is known.
  const double slack = GetParam() == "iq3_xxs" ? 1.1 : 1.0 + 1e-5;
  EXPECT_LE(cost(choose().values), least_cost() * slack);
}

TEST_P(CodewordChoiceOf, ObeysAShiftThatIsKnown) {
  if (layout().signs != CodebookSigns::shifted) GTEST_SKIP() << "no shifts";
  EXPECT_FALSE(choose(1).shifted_down);
  EXPECT_TRUE(choose(-1).shifted_down);
}

INSTANTIATE_TEST_SUITE_P(, CodewordChoiceOf,
                         testing::Values("iq1_s", "iq1_m", "iq2_xxs", "iq2_xs", "iq2_s", "iq3_xxs", "iq3_s"),
                         [](const auto& param_info) { return param_info.param; });

}  // namespace
}  // namespace quantbench::gptq
