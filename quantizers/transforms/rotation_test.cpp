#include "quantizers/transforms/rotation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "core/error.h"
#include "quantizers/transforms/hadamard_matrix.h"
#include "quantizers/transforms/transform.h"

namespace quantbench {
namespace {

/// Rows of Q: what becomes of unit vectors. (size, size)
std::vector<double> matrix_of(const Rotation& rotation) {
  std::vector<double> matrix(rotation.size() * rotation.size());
  for (std::size_t row = 0; row < rotation.size(); ++row) {
    matrix[row * rotation.size() + row] = 1;
    rotation.apply(std::span(matrix).subspan(row * rotation.size(), rotation.size()));
  }
  return matrix;
}

/// The largest entry of |M M' - factor I|.
double distance_from_orthogonal(const std::vector<double>& matrix, std::size_t order, double factor) {
  double most = 0;
  for (std::size_t i = 0; i < order; ++i)
    for (std::size_t j = 0; j < order; ++j) {
      double sum = i == j ? -factor : 0;
      for (std::size_t k = 0; k < order; ++k) sum += matrix[i * order + k] * matrix[j * order + k];
      most = std::max(most, std::fabs(sum));
    }
  return most;
}

std::vector<float> random_values(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

TEST(HadamardMatrix, PaleyMatricesAreHadamard) {
  std::vector<std::size_t> known;
  for (std::size_t order = 1; order <= 256; ++order) {
    const auto matrix = paley_hadamard(order);
    if (!matrix) continue;
    known.push_back(order);
    EXPECT_EQ(distance_from_orthogonal(*matrix, order, static_cast<double>(order)), 0) << order;
    for (const double entry : *matrix) ASSERT_EQ(std::fabs(entry), 1) << order;
  }
  for (const std::size_t order : {12u, 20u, 24u, 28u, 36u, 44u, 60u, 72u, 104u, 108u, 200u})
    EXPECT_NE(std::ranges::find(known, order), known.end()) << order;
}

TEST(HadamardMatrix, SmallestByHand) {
  EXPECT_EQ(*paley_hadamard(4), (std::vector<double>{1, 1, 1, 1, -1, 1, 1, -1, -1, -1, 1, 1, -1, 1, -1, 1}));
  std::vector<double> row = {0, 0, 1, 0};
  multiply_by_hadamard(std::span(row));
  EXPECT_EQ(row, (std::vector<double>{1, 1, -1, -1}));
  for (const std::size_t order : {1u, 2u, 6u, 10u, 16u, 92u}) EXPECT_FALSE(paley_hadamard(order)) << order;
}

TEST(RotationMatrix, IsOrthogonalForAnySize) {
  for (const std::size_t size : {1u, 2u, 3u, 6u, 7u, 8u, 12u, 20u, 22u, 33u, 48u, 56u, 64u, 72u, 96u, 288u}) {
    const Rotation rotation(size, 5);
    EXPECT_LT(distance_from_orthogonal(matrix_of(rotation), size, 1), 1e-13) << size;
    std::vector<double> row(size);
    for (std::size_t i = 0; i < size; ++i) row[i] = static_cast<double>(i) - 3;
    rotation.apply(row);
    rotation.undo(row);
    for (std::size_t i = 0; i < size; ++i) EXPECT_NEAR(row[i], static_cast<double>(i) - 3, 1e-11) << size;
  }
}

TEST(RotationMatrix, SpreadsEvenlyWhereAHadamardMatrixIsKnown) {
  for (const std::size_t size : {2u, 12u, 20u, 64u, 72u, 288u, 896u})
    for (const double entry : matrix_of(Rotation(size, 1)))
      ASSERT_NEAR(std::fabs(entry), 1 / std::sqrt(static_cast<double>(size)), 1e-14) << size;
}

TEST(RotationMatrix, WidthsOfModels) {
  const std::vector<std::pair<std::size_t, std::size_t>> table = {{4096, 1},   {8192, 1},  {5120, 20}, {3072, 12},
                                                                  {896, 28},   {3584, 28}, {576, 36},  {960, 60},
                                                                  {3200, 200}, {6656, 104}};
  for (const auto& [width, base] : table) EXPECT_EQ(Rotation(width, 0).base_size(), base) << width;
  EXPECT_EQ(Rotation(6, 0).base_size(), 3u) << "no Hadamard matrix has order 6";
  EXPECT_EQ(Rotation(11008, 0).base_size(), 43u) << "one of order 172 exists, but not by these constructions";
}

TEST(RotationMatrix, TheSeedDecides) {
  EXPECT_EQ(matrix_of(Rotation(24, 3)), matrix_of(Rotation(24, 3)));
  EXPECT_NE(matrix_of(Rotation(24, 3)), matrix_of(Rotation(24, 4)));
  EXPECT_NE(matrix_of(Rotation(7, 3)), matrix_of(Rotation(7, 4)));
}

TEST(RotationMatrix, RefusesWhatItDoesNotKnow) {
  EXPECT_THROW(Rotation(0, 0), Error);
  EXPECT_THROW(Rotation(2 * 1031, 0), Error);
  std::vector<float> values(6 * 10);
  EXPECT_THROW(rotate_columns(Rotation(4, 0), {values, 10}), Error);
  EXPECT_THROW(rotate_rows(Rotation(4, 0), {values, 10}), Error);
}

TEST(RotationMatrix, TurnsRunsOfColumnsAndRows) {
  constexpr std::size_t rows = 24, cols = 36, size = 12;
  const Rotation rotation(size, 9);
  const std::vector<double> q = matrix_of(rotation);
  const std::vector<float> original = random_values(rows * cols, 1);
  std::vector<float> by_columns = original, by_rows = original;
  rotate_columns(rotation, {by_columns, cols, 2});
  rotate_rows(rotation, {by_rows, cols, 2});
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < cols; ++j) {
      double of_columns = 0, of_rows = 0;  // (W Q)_ij and (Q' W)_ij of the run
      for (std::size_t k = 0; k < size; ++k) {
        of_columns += static_cast<double>(original[i * cols + j / size * size + k]) * q[k * size + j % size];
        of_rows += q[k * size + i % size] * static_cast<double>(original[(i / size * size + k) * cols + j]);
      }
      ASSERT_NEAR(by_columns[i * cols + j], of_columns, 1e-6);
      ASSERT_NEAR(by_rows[i * cols + j], of_rows, 1e-6);
    }
  rotate_columns(rotation, {by_columns, cols}, Direction::back);
  rotate_rows(rotation, {by_rows, cols}, Direction::back);
  for (std::size_t i = 0; i < original.size(); ++i) {
    ASSERT_NEAR(by_columns[i], original[i], 1e-6);
    ASSERT_NEAR(by_rows[i], original[i], 1e-6);
  }
}

TEST(RotationMatrix, ThreadsDoNotMatter) {
  std::vector<float> one = random_values(std::size_t{60} * 96, 2), three = one;
  rotate_columns(Rotation(96, 1), {one, 96, 1});
  rotate_columns(Rotation(96, 1), {three, 96, 3});
  rotate_rows(Rotation(60, 1), {one, 96, 1});
  rotate_rows(Rotation(60, 1), {three, 96, 3});
  EXPECT_EQ(one, three);
}

TEST(Hadamard, PlacesHaveRotationsOfTheirOwn) {
  const MakeRotation& make = Registry<TransformEntry>::instance().at("hadamard").rotation;
  const auto matrix = [&](std::optional<std::size_t> block, const char* seed) {
    return matrix_of(make({.size = 64, .block = block}, {{"seed", seed}}));
  };
  EXPECT_EQ(matrix({}, "0"), matrix_of(make({.size = 64}, {})));
  EXPECT_NE(matrix({}, "0"), matrix({}, "1"));
  EXPECT_NE(matrix({}, "0"), matrix(0, "0"));
  EXPECT_NE(matrix(0, "0"), matrix(1, "0"));
}

TEST(Hadamard, LooksAtWeightsOnly) {
  EXPECT_TRUE(rotates(parse_method("hadamard+awq+gptq:int4:g128")));
  EXPECT_FALSE(rotates(parse_method("awq:int4:g128")));
  EXPECT_FALSE(transforms_look_at_inputs(parse_method("hadamard+gptq:int4:g128")));
  EXPECT_FALSE(transforms_look_at_inputs(parse_method("gptq:int4:g128")));
  EXPECT_TRUE(transforms_look_at_inputs(parse_method("hadamard+awq:int4:g128")));
}

}  // namespace
}  // namespace quantbench
