// Hadamard matrices: entries 1 and -1, rows orthogonal to each other.
//
// Of order 2^k by Sylvester's doubling. Of other orders from quadratic residues (Paley 1933), with chi the quadratic character
// modulo a prime q and Q_ij = chi(j - i):
//   q = 3 (mod 4)   order q + 1:     [[1, 1'], [-1, Q + I]]
//   q = 1 (mod 4)   order 2 (q + 1): C = [[0, 1'], [1, Q]] with each 1 and -1 of C replaced by that times [[1, 1], [1, -1]] and each 0
//                   by [[1, -1], [-1, -1]]
// Prime powers are left out; so are the orders that need other constructions (92, 116, 172 ...).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace quantbench {

/// Multiplies by the Hadamard matrix of order values.size() = 2^k, without a factor.
template <class T>
void multiply_by_hadamard(std::span<T> values) {
  for (std::size_t half = 1; half < values.size(); half *= 2)
    for (std::size_t first = 0; first < values.size(); first += 2 * half)
      for (std::size_t i = first; i < first + half; ++i) {
        const T a = values[i], b = values[i + half];
        values[i] = a + b;
        values[i + half] = a - b;
      }
}

/// (order, order) row-major; nothing when neither construction gives this order.
std::optional<std::vector<double>> paley_hadamard(std::size_t order);

}  // namespace quantbench
