// What holds for every solver with every format that it accepts, those of later files included.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "quantizers/formats/registry.h"
#include "quantizers/quantize.h"

namespace quantbench {
namespace {

constexpr std::size_t rows = 5;
constexpr float largest = std::numeric_limits<float>::max();

std::vector<Method> methods_of_all_formats_and_solvers() {
  std::vector<Method> methods;
  for (const std::string& format : format_ids()) {
    std::vector<std::string> solvers = Registry<SolverEntry>::instance().names();
    solvers.emplace_back();
    for (const std::string& solver : solvers) {
      const Method method{.transforms = {}, .solver = solver, .target = format, .options = {}};
      try {
        check_method(method);
        methods.push_back(method);
      } catch (const Error&) {  // not a combination that can run
      }
    }
  }
  return methods;
}

/// One method and the weights that it is tried on.
struct Subject {
  Method method;

  std::size_t cols() const { return find_format(method.target)->block == 1 ? 147 : 512; }
  bool floating_point() const { return find_format(method.target)->floating_point; }

  TensorData quantize(const std::vector<float>& weights, int threads = 1) const {
    return quantize_tensor(method, "layer.weight", {weights, weights.size() / cols(), cols()}, {}, threads);
  }

  std::vector<float> decode(const TensorData& data) const {
    const Tensor& tensor = data.view();
    std::vector<float> out(tensor.weights());
    for (std::size_t row = 0; row < tensor.rows; ++row)
      tensor.format->decode(*tensor.format, tensor.row(row), tensor.cols, 0,
                            std::span(out).subspan(row * tensor.cols, tensor.cols));
    return out;
  }

  std::vector<float> gaussian(float factor = 1) const {
    std::mt19937 random(3);
    std::normal_distribution<float> normal;
    std::vector<float> weights(rows * cols());
    for (float& weight : weights) weight = normal(random) * factor;
    return weights;
  }

  void expect_finite(const std::vector<float>& weights) const {
    for (const float weight : decode(quantize(weights))) ASSERT_TRUE(std::isfinite(weight));
  }
};

bool same_bytes(const TensorData& a, const TensorData& b) { return std::ranges::equal(a.view().bytes, b.view().bytes); }

void canonical_id_parses_back(const Subject& subject) {
  EXPECT_EQ(parse_method(to_string(subject.method)), subject.method);
}

void bytes_are_bits_per_weight(const Subject& subject) {
  const TensorData data = subject.quantize(subject.gaussian());
  const double bits = data.view().format->bits_per_weight(rows, subject.cols());
  EXPECT_DOUBLE_EQ(8.0 * static_cast<double>(data.view().bytes.size()),
                   bits * static_cast<double>(rows * subject.cols()));
}

void thread_count_does_not_matter(const Subject& subject) {
  const auto weights = subject.gaussian();
  const TensorData one = subject.quantize(weights);
  EXPECT_TRUE(same_bytes(one, subject.quantize(weights)));
  EXPECT_TRUE(same_bytes(one, subject.quantize(weights, 2)));
  EXPECT_TRUE(same_bytes(one, subject.quantize(weights, 7)));
}

void error_is_bounded(const Subject& subject) {
  const auto weights = subject.gaussian();
  const auto decoded = subject.decode(subject.quantize(weights));
  double error = 0, power = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    error += std::pow(weights[i] - decoded[i], 2.0);
    power += std::pow(weights[i], 2.0);
  }
  const Format format = *find_format(subject.method.target);
  const int steps = format.level_max - format.level_min;
  // Codebooks: by the rate. No code for normal variates of so many bits has a lower relative error than 2^-bits.
  const double bound = format.codebook != nullptr ? 1.6 * std::exp2(-format.bits_per_weight(rows, subject.cols()))
                       : format.floating_point    ? 0.002
                       : format.float_levels.size() > 16 ? 0.08
                       : steps >= 255                    ? 0.03
                       : steps >= 15                     ? 0.4
                                                         : 1.0;
  EXPECT_LE(std::sqrt(error / power), bound);
}

void parts_decode_like_the_whole(const Subject& subject) {
  const TensorData data = subject.quantize(subject.gaussian());
  const auto whole = subject.decode(data);
  const Tensor& tensor = data.view();
  const std::size_t block = tensor.format->block;
  for (std::size_t begin = 0; begin < subject.cols(); begin += block == 1 ? 13 : block) {
    std::vector<float> part(std::min<std::size_t>(block + 20, subject.cols() - begin));
    tensor.format->decode(*tensor.format, tensor.row(2), subject.cols(), begin, part);
    EXPECT_EQ(std::memcmp(part.data(), whole.data() + 2 * subject.cols() + begin, part.size() * sizeof(float)), 0)
        << begin;
  }
}

void zeros_stay_zero(const Subject& subject) {
  for (const float weight : subject.decode(subject.quantize(std::vector<float>(rows * subject.cols()))))
    ASSERT_EQ(weight, 0);
  auto weights = subject.gaussian();
  std::fill_n(weights.begin() + static_cast<std::ptrdiff_t>(subject.cols()), subject.cols(), 0.0f);
  const auto decoded = subject.decode(subject.quantize(weights));
  for (std::size_t i = subject.cols(); i < 2 * subject.cols(); ++i) ASSERT_EQ(decoded[i], 0);
}

void any_finite_weights_give_finite_weights(const Subject& subject) {
  for (const float value : {1.0f, -3.0f, 1e-3f, -6e4f})
    subject.expect_finite(std::vector<float>(rows * subject.cols(), value));
  for (const float factor : {1e-45f, 1e-40f, 1e-30f, 1e-9f, 1e-7f, 1e4f})
    subject.expect_finite(subject.gaussian(factor));
  auto one = std::vector<float>(rows * subject.cols());
  one[subject.cols() + 1] = std::numeric_limits<float>::denorm_min();
  subject.expect_finite(one);
}

void huge_weights_saturate_or_are_refused(const Subject& subject) {
  for (const float value : {1e5f, -3e6f, 1e20f, largest, -largest}) {
    auto weights = subject.gaussian();
    weights[subject.cols() + 3] = value;
    weights[subject.cols() + 4] = -value / 2;
    if (!subject.floating_point()) {
      subject.expect_finite(weights);
      subject.expect_finite(std::vector<float>(rows * subject.cols(), value));
      continue;
    }
    try {
      subject.expect_finite(weights);
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("row 1, column 3"), std::string::npos) << error.what();
    }
  }
  if (!subject.floating_point()) {
    auto weights = subject.gaussian();
    for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = i % 2 == 0 ? largest : -largest;
    subject.expect_finite(weights);
  }
}

void weights_that_are_not_finite_are_named(const Subject& subject) {
  for (const float value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity()}) {
    auto weights = subject.gaussian();
    weights[2 * subject.cols() + 7] = value;
    weights[3 * subject.cols() + 1] = value;
    for (const int threads : {1, 3}) {
      try {
        subject.quantize(weights, threads);
        FAIL() << "accepted " << value;
      } catch (const Error& error) {
        const std::string message = error.what();
        EXPECT_NE(message.find("tensor 'layer.weight', row 2, column 7"), std::string::npos) << message;
      }
    }
  }
}

void shapes_are_checked(const Subject& subject) {
  const std::vector<float> weights(subject.cols());
  const MatrixView wrong{weights, 2, subject.cols()}, empty{{}, 0, subject.cols()};
  EXPECT_THROW(quantize_tensor(subject.method, "w", wrong, {}, 1), Error);
  EXPECT_THROW(quantize_tensor(subject.method, "w", empty, {}, 1), Error);
  const Format format = *find_format(subject.method.target);
  if (format.block == 1) return;
  const std::vector<float> ragged(format.block + 1);
  EXPECT_THROW(quantize_tensor(subject.method, "w", {ragged, 1, format.block + 1}, {}, 1), Error);
}

template <class Property>
void for_all_methods(const Property& property) {
  const std::vector<Method> methods = methods_of_all_formats_and_solvers();
  ASSERT_GE(methods.size(), 70u);
  for (const Method& method : methods) {
    SCOPED_TRACE(to_string(method));
    property(Subject{method});
  }
}

TEST(Contract, CanonicalIdParsesBack) { for_all_methods(canonical_id_parses_back); }
TEST(Contract, BytesAreBitsPerWeight) { for_all_methods(bytes_are_bits_per_weight); }
TEST(Contract, ThreadCountDoesNotMatter) { for_all_methods(thread_count_does_not_matter); }
TEST(Contract, ErrorIsBounded) { for_all_methods(error_is_bounded); }
TEST(Contract, PartsDecodeLikeTheWhole) { for_all_methods(parts_decode_like_the_whole); }
TEST(Contract, ZerosStayZero) { for_all_methods(zeros_stay_zero); }
TEST(Contract, AnyFiniteWeightsGiveFiniteWeights) { for_all_methods(any_finite_weights_give_finite_weights); }
TEST(Contract, HugeWeightsSaturateOrAreRefused) { for_all_methods(huge_weights_saturate_or_are_refused); }
TEST(Contract, WeightsThatAreNotFiniteAreNamed) { for_all_methods(weights_that_are_not_finite_are_named); }
TEST(Contract, ShapesAreChecked) { for_all_methods(shapes_are_checked); }

}  // namespace
}  // namespace quantbench
