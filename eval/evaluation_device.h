// Where the products with weights of an evaluation are computed; all else stays on the CPU.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "eval/evaluate.h"
#include "kernels/cuda/product_device.h"

namespace quantbench {

/// "cpu" or "cuda". Throws Error for anything else.
std::string parse_evaluation_device(std::string_view text);

/// What figures depend on, for the keys of stored results: the device that open_evaluation_device would open. Empty for the CPU. Throws
/// Error when there is no such device, saying why.
std::string evaluation_device_key(std::string_view device);

/// Null for the CPU. Throws Error when there is no such device, saying why.
std::unique_ptr<ProductDevice> open_evaluation_device(std::string_view device);

/// For one evaluation, whose weights stay as they are: products as `compute` says, exact ones by matvec, native ones by matmul_int8 and
/// those in bf16 by matmul_bf16 (docs/kernels_cuda.md). `device` may be null, and so is the result then; else it outlives the result.
std::unique_ptr<WeightProducts> products_on(ProductDevice* device, Compute compute);

}  // namespace quantbench
