// What GPTQ and OBQ ask of a Hessian before they factor it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "quantizers/solver.h"

namespace quantbench::gptq {

/// Throws Error, with the place, unless there are cols x cols finite moments. name: of the matrix, for the message.
void check_moments(std::span<const float> moments, std::size_t cols, const char* name);

/// diag(H) by column, with what dead columns get instead of 0.
struct Diagonal {
  std::vector<float> values;       // (cols)
  std::vector<std::uint8_t> dead;  // (cols) the input was always 0
  double mean = 0;
};

/// hessian: (cols, cols); empty: the identity. Dead columns get 1, as in the published code, or the mean of the others. Throws Error when an entry is
/// negative.
Diagonal find_diagonal(std::span<const float> hessian, std::size_t cols, bool one_for_dead);

/// Calls factorize(damp), and with more damping until it succeeds; a remark says so. Throws Error when it does not in the end.
void raise_damping_until(const SolverInput& input, double damp, const std::function<bool(double)>& factorize);

}  // namespace quantbench::gptq
