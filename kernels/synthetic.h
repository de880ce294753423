// Made-up packed weights for measuring and testing kernels.
#pragma once

#include <cstdint>

#include "core/tensor.h"

namespace quantbench {

/// Uniformly random levels and moderate scales of every group, as a trained layer might have; the same for the same
/// seed.
TensorData synthetic_tensor(std::shared_ptr<const Format> format, std::size_t rows, std::size_t cols,
                            std::uint32_t seed);

/// Uniform in [-1, 1).
std::vector<float> synthetic_values(std::size_t count, std::uint32_t seed);

}  // namespace quantbench
