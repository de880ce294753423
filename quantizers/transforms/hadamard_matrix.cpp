#include "quantizers/transforms/hadamard_matrix.h"

namespace quantbench {
namespace {

bool is_prime(std::size_t number) {
  if (number < 2) return false;
  for (std::size_t divisor = 2; divisor * divisor <= number; ++divisor)
    if (number % divisor == 0) return false;
  return true;
}

/// chi(0), ..., chi(prime - 1): 0, and 1 for squares, -1 for others.
std::vector<double> quadratic_characters(std::size_t prime) {
  std::vector<double> characters(prime, -1);
  characters[0] = 0;
  for (std::size_t number = 1; number < prime; ++number) characters[number * number % prime] = 1;
  return characters;
}

/// [[0, 1'], [below, Q]], (prime + 1, prime + 1).
std::vector<double> bordered_residues(std::size_t prime, double below) {
  const std::vector<double> characters = quadratic_characters(prime);
  const std::size_t order = prime + 1;
  std::vector<double> matrix(order * order);
  for (std::size_t i = 0; i < prime; ++i) {
    matrix[i + 1] = 1;
    matrix[(i + 1) * order] = below;
    for (std::size_t j = 0; j < prime; ++j) matrix[(i + 1) * order + j + 1] = characters[(j + prime - i) % prime];
  }
  return matrix;
}

std::vector<double> first_construction(std::size_t prime) {
  const std::size_t order = prime + 1;
  std::vector<double> matrix = bordered_residues(prime, -1);
  for (std::size_t i = 0; i < order; ++i) matrix[i * order + i] = 1;
  return matrix;
}

std::vector<double> second_construction(std::size_t prime) {
  constexpr double of_one[2][2] = {{1, 1}, {1, -1}}, of_zero[2][2] = {{1, -1}, {-1, -1}};
  const std::size_t half = prime + 1, order = 2 * half;
  const std::vector<double> conference = bordered_residues(prime, 1);
  std::vector<double> matrix(order * order);
  for (std::size_t i = 0; i < order; ++i)
    for (std::size_t j = 0; j < order; ++j) {
      const double entry = conference[i / 2 * half + j / 2];
      matrix[i * order + j] = entry == 0 ? of_zero[i % 2][j % 2] : entry * of_one[i % 2][j % 2];
    }
  return matrix;
}

}  // namespace

std::optional<std::vector<double>> paley_hadamard(std::size_t order) {
  if (order < 4 || order % 4 != 0) return std::nullopt;
  if (is_prime(order - 1)) return first_construction(order - 1);
  const std::size_t prime = order / 2 - 1;
  if (prime % 4 == 1 && is_prime(prime)) return second_construction(prime);
  return std::nullopt;
}

}  // namespace quantbench
