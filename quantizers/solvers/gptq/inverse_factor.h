// The triangular factor of an inverse, without forming the inverse: what GPTQ and OBQ need of a Hessian.
//
// For a symmetric positive definite H let U be the upper triangular matrix with positive diagonal and H^-1 = U'U. With J the
// reversal of all indices and J H J = L L' (Cholesky), R = J L J is upper triangular with H = R R', so U = R^-1: one
// Cholesky factorization and one triangular inverse, n^3/3 multiply-adds in all. The published GPTQ code takes three steps
// (Cholesky, inverse, Cholesky) and twice as many.
//
// All is done in blocks whose updates are f32 matrix products; the blocks on the diagonal are factored in f64. The result has the same bits
// for any thread count and instruction set.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "core/isa.h"

namespace quantbench {

/// The inverse of the lower Cholesky factor of a matrix, transposed: with matrix = L L', row-major L'^-1, upper triangular with zeros
/// below. Nothing when the matrix is not positive definite to working precision. matrix: (n, n) row-major, symmetric;
/// only its lower triangle is read.
std::optional<std::vector<float>> inverse_of_cholesky(std::vector<float> matrix, std::size_t n, int threads,
                                                      Isa isa = best_isa());

/// U' of H^-1 = U'U, lower triangular with zeros above, row-major; row j is column j of U. Arguments as above.
std::optional<std::vector<float>> transposed_inverse_factor(std::vector<float> hessian, std::size_t n, int threads,
                                                            Isa isa = best_isa());

}  // namespace quantbench
