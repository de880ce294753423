// Products of repacked 4-bit weights on a CUDA device: launches, as packed_kernels.h has them for weights as they are stored.
#pragma once

#include "kernels/cuda/device/packed_kernels.h"

namespace quantbench::gpu {

/// Of DeviceProduct::workspace.
std::size_t w4_workspace_bytes(const Tensor& weights, std::size_t batch);

/// weights: format and shape of the tensor before, and as bytes the address on the device of what repack_w4 made of it (aligned to 16).
/// Batches of up to 8 rows and larger ones have kernels of their own, which add up in other orders.
void multiply_w4(const Tensor& weights, const DeviceProduct& product, cudaStream_t stream);

}  // namespace quantbench::gpu
