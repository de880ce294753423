// The encoder of codebook formats against enumeration, the reference encoder's figures, and itself on every instruction
// set and at every effort.
#include "quantizers/solvers/search/codebook_encoder.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <random>

#include "core/file.h"
#include "quantizers/formats/registry.h"
#include "quantizers/solvers/search/codebook_block_scan.h"
#include "quantizers/solvers/search/exhaustive_codebooks_for_tests.h"

namespace quantbench {
namespace {

using FormatPointer = std::shared_ptr<const Format>;
const std::filesystem::path golden = std::filesystem::path(QUANTBENCH_SOURCE_DIR) / "testdata/formats/encode";
constexpr std::size_t golden_cols = 2048;

std::vector<float> read_floats(const std::string& name) {
  const MappedFile file(golden / name);
  std::vector<float> values(file.bytes().size() / sizeof(float));
  std::memcpy(values.data(), file.bytes().data(), file.bytes().size());
  return values;
}

std::vector<std::byte> encode(const Format& format, const SearchRow& row, Isa isa = best_isa()) {
  std::vector<std::byte> bytes(format.row_bytes(format, row.weights.size()));
  encode_codebook_row(format, row, {nullptr, bytes.data()}, isa);
  return bytes;
}

struct Sums {
  double error = 0, power = 0;
};

/// Sum importance (weight - decoded)^2 and sum importance weight^2.
Sums sums_of(const Format& format, const SearchRow& row) {
  const std::vector<std::byte> bytes = encode(format, row);
  std::vector<float> decoded(row.weights.size());
  format.decode(format, {nullptr, bytes.data()}, decoded.size(), 0, decoded);
  Sums sums;
  for (std::size_t i = 0; i < decoded.size(); ++i) {
    const double weight = row.weights[i], importance = row.importance[i];
    sums.error += importance * (weight - decoded[i]) * (weight - decoded[i]);
    sums.power += importance * weight * weight;
  }
  return sums;
}

std::vector<std::string> codebook_formats() {
  std::vector<std::string> ids;
  for (const std::string& id : format_ids())
    if (find_format(id)->codebook != nullptr) ids.push_back(id);
  return ids;
}

class CodebookEncoder : public testing::TestWithParam<std::string> {
 protected:
  const FormatPointer format_ = find_format(GetParam());
  std::mt19937 random_{11};

  std::vector<float> normal(std::size_t count) {
    std::normal_distribution<float> distribution(0, 0.03f);
    std::vector<float> values(count);
    for (float& value : values) value = distribution(random_);
    return values;
  }
  std::vector<float> positive(std::size_t count) {
    std::vector<float> values(count);
    for (float& value : values) value = std::exp(std::normal_distribution<float>()(random_));
    return values;
  }
};

/// The least error of 256 weights at given scales, one codeword, sign pattern and shift after the other.
class Enumeration {
 public:
  Enumeration(const Format& format, const float* weights, const float* importance)
      : format_(format), layout_(*format.codebook), weights_(weights), importance_(importance) {}

  double least_error(const float* scale_of_group) const {
    double sum = 0;
    const std::size_t group = format_.group;
    for (std::size_t begin = 0; begin < format_.block; begin += group) {
      double of_shift[2] = {}, of_octets = 0;
      for (std::size_t first = begin; first < begin + group; first += 8) {
        const double scale = scale_of_group[begin / group];
        const double up = octet(first, scale, 1), down = octet(first, scale, -1);
        of_shift[0] += up;
        of_shift[1] += down;
        of_octets += std::min(up, down);
      }
      sum += layout_.shift_of_group ? std::min(of_shift[0], of_shift[1]) : of_octets;
    }
    return sum;
  }

 private:
  double octet(std::size_t first, double scale, int shift) const {
    if (layout_.signs == CodebookSigns::shifted) return codeword(first, scale, shift, 0);
    const std::size_t length = static_cast<std::size_t>(layout_.codeword_weights);
    double least = INFINITY;
    std::vector<double> of_quad(32);
    if (length == 4)
      for (unsigned i = 0; i < 32; ++i) of_quad[i] = codeword(first + i / 16 * 4, scale, 0, i % 16);
    for (unsigned signs = 0; signs < 256; ++signs) {
      if (layout_.signs == CodebookSigns::even && std::popcount(signs) % 2 == 1) continue;
      least = std::min(least,
                       length == 8 ? codeword(first, scale, 0, signs) : of_quad[signs % 16] + of_quad[16 + signs / 16]);
    }
    return least;
  }

  double codeword(std::size_t first, double scale, int shift, unsigned signs) const {
    const std::size_t length = static_cast<std::size_t>(layout_.codeword_weights);
    double least = INFINITY;
    for (std::size_t at = 0; at < layout_.values.size(); at += length) {
      double error = 0;
      for (std::size_t i = 0; i < length; ++i) {
        const int entry = layout_.values[at + i] + shift;
        const double difference = weights_[first + i] - scale * ((signs >> i & 1) != 0 ? -entry : entry);
        error += importance_[first + i] * difference * difference;
      }
      least = std::min(least, error);
    }
    return least;
  }

  const Format& format_;
  const CodebookLayout& layout_;
  const float *weights_, *importance_;
};

TEST_P(CodebookEncoder, ScanFindsTheBestOfAllCodewordsAndSigns) {
  const std::vector<float> weights = normal(256), importance = positive(256);
  const CodebookFormat codebook = codebook_format(*format_);
  for (const Isa isa : available_isas()) {
    const CodebookBlockScan block(codebook, codebook_kernels(isa), weights.data(), importance.data());
    float scale[16], true_scale[16];
    for (int group = 0; group < block.groups(); ++group) {
      scale[group] = block.typical_scale(group) * std::uniform_real_distribution<float>(0.3f, 3.0f)(random_);
      true_scale[group] = std::ldexp(scale[group], block.weight_exponent());
    }
    double error = 0;
    for (const float of_octet : block.scan(scale).error) error += of_octet;
    const double found = std::ldexp(error, 2 * block.weight_exponent() + block.importance_exponent());
    const double least = Enumeration(*format_, weights.data(), importance.data()).least_error(true_scale);
    EXPECT_NEAR(found / least, 1, 1e-3) << to_string(isa);
  }
}

TEST_P(CodebookEncoder, IsNeverWorseThanTheReferenceEncoder) {
  const auto reference = nlohmann::json::parse(read_text(golden / "reference.json"));
  const std::vector<float> importance = read_floats("importance.f32"), uniform(golden_cols, 1.0f);
  double logarithms = 0;
  int compared = 0;
  for (const auto& result : reference["results"]) {
    if (result["type"] != GetParam() || !result.contains("rel_rmse")) continue;
    const bool weighted = result["importance"];
    const std::vector<float> weights = read_floats(result["tensor"].get<std::string>() + ".f32");
    Sums sums;
    for (std::size_t row = 0; row < weights.size() / golden_cols; ++row) {
      const auto of_row = sums_of(*format_, {std::span(weights).subspan(row * golden_cols, golden_cols),
                                             weighted ? importance : uniform, Effort::standard});
      sums.error += of_row.error;
      sums.power += of_row.power;
    }
    const double ratio = std::sqrt(sums.error / sums.power) / result[weighted ? "rel_wrmse" : "rel_rmse"].get<double>();
    EXPECT_LE(ratio, 0.95) << result["tensor"] << (weighted ? ", weighted" : "");
    logarithms += std::log(ratio);
    ++compared;
  }
  ASSERT_GE(compared, 3);
  EXPECT_LE(std::exp(logarithms / compared), 0.91);
}

TEST_P(CodebookEncoder, ComesCloseToTheExhaustiveOptimum) {
  const std::vector<float> weights = normal(256), importance = positive(256);
  const double least = exhaustive_codebook_error(*format_, weights, importance, 16);
  const double standard = sums_of(*format_, {weights, importance, Effort::standard}).error;
  const double best = sums_of(*format_, {weights, importance, Effort::best}).error;
  EXPECT_GE(best, least * 0.99) << "every sixteenth d misses the optimum by a little, not more";
  EXPECT_LE(best, least * 1.01);
  EXPECT_LE(standard, least * 1.04);
}

TEST_P(CodebookEncoder, MoreEffortNeverGivesMoreError) {
  const std::vector<float> importance = read_floats("importance.f32"), uniform(golden_cols, 1.0f);
  for (const char* name : {"gauss.f32", "student5.f32", "outlier.f32"}) {
    const std::vector<float> weights = read_floats(name);
    for (std::size_t row = 0; row < 2; ++row)
      for (const auto& of_columns : {importance, uniform}) {
        const auto values = std::span(weights).subspan(row * golden_cols, golden_cols);
        const double fast = sums_of(*format_, {values, of_columns, Effort::fast}).error;
        const double standard = sums_of(*format_, {values, of_columns, Effort::standard}).error;
        const double best = sums_of(*format_, {values, of_columns, Effort::best}).error;
        EXPECT_LE(standard, fast) << name << ", row " << row;
        EXPECT_LE(best, standard) << name << ", row " << row;
      }
  }
}

TEST_P(CodebookEncoder, BytesAreTheSameOnEveryInstructionSet) {
  const std::vector<float> weights = normal(1024), importance = positive(1024);
  for (const Effort effort : {Effort::fast, Effort::standard, Effort::best}) {
    const SearchRow row{weights, importance, effort};
    const auto scalar = encode(*format_, row, Isa::scalar);
    for (const Isa isa : available_isas()) EXPECT_EQ(encode(*format_, row, isa), scalar) << to_string(isa);
  }
}

TEST_P(CodebookEncoder, ColumnsWithoutImportanceDoNotMatter) {
  std::vector<float> weights = normal(512), importance = positive(512);
  std::fill_n(importance.begin(), 256, 0.0f);       // a super-block, where all columns then count the same
  std::fill_n(importance.begin() + 320, 40, 0.0f);  // a group and more
  const auto bytes = encode(*format_, {weights, importance, Effort::standard});
  std::vector<float> decoded(512);
  format_->decode(*format_, {nullptr, bytes.data()}, 512, 0, decoded);
  double error = 0, power = 0;
  for (std::size_t i = 0; i < 256; ++i) {
    error += std::pow(weights[i] - decoded[i], 2);
    power += std::pow(weights[i], 2);
  }
  EXPECT_LT(error, 0.3 * power);
  for (std::size_t i = 320; i < 360; ++i) weights[i] = 0;
  const Sums with_zeros =
      sums_of(*format_, {std::span(weights).subspan(256), std::span(importance).subspan(256), Effort::standard});
  EXPECT_LT(with_zeros.error, 0.3 * with_zeros.power);
}

INSTANTIATE_TEST_SUITE_P(, CodebookEncoder, testing::ValuesIn(codebook_formats()),
                         [](const auto& param_info) { return param_info.param; });

}  // namespace
}  // namespace quantbench
