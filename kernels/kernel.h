// The one list of kernels: what is listed is what is tested and what is benchmarked.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/isa.h"
#include "core/tensor.h"
#include "kernels/cpu/repacked.h"

namespace quantbench {

/// encode: f32 weights to packed (plain rounding, or the solver search with an importance); decode: packed to f32; matvec and
/// matmul: packed weights times f32 activations (kernels/cpu/packed_product.h); matvec_int8 and matmul_int8: the
/// same with activations rounded to eight bits (kernels/cpu/int8_product.h); matvec_repacked: the product of matvec_int8 on weights
/// that were interleaved before (kernels/cpu/repacked.h); matmul_bf16: with both sides rounded to bf16 (kernels/cpu/bf16_product.h); on CUDA devices alone
/// matmul_w4a16: weights of four bits, repacked before, as they are and activations rounded to bf16 (kernels/cuda/w4_kernels.h).
enum class Op { encode, decode, matvec, matmul, matvec_int8, matvec_repacked, matmul_int8, matmul_bf16, matmul_w4a16 };

/// Whether it multiplies by few rows of activations.
bool is_matvec(Op op);
/// Whether it multiplies at all.
bool is_product(Op op);
/// Whether it multiplies integers.
bool in_integers(Op op);

std::string_view to_string(Op op);

/// A weight matrix of outputs x inputs and how many rows of activations meet it (1 for encode and decode).
struct KernelShape {
  std::size_t outputs = 0, inputs = 0, batch = 1;
};
/// "4096x4096x1"
std::string to_string(const KernelShape& shape);
/// The inverse; throws Error for anything else. The batch may be left out.
KernelShape parse_kernel_shape(std::string_view text);

/// What a kernel works on. Each op uses the members it needs.
struct KernelOperands {
  const Tensor* packed = nullptr;            // decode, matvec, matmul: input
  const RepackedTensor* repacked = nullptr;  // matvec_repacked: input
  TensorData* encoded = nullptr;             // encode: output
  MatrixView weights;                        // encode: input (outputs, inputs)
  std::span<const float> importance;  // encode with the solver search: of the columns (inputs); empty: all the same
  MatrixView activations;             // matvec, matmul: input (batch, inputs)
  std::span<float> out;               // decode: (outputs, inputs); matvec, matmul: (batch, outputs)
  int threads = 1;
};

struct Kernel {
  Op op = Op::decode;
  std::shared_ptr<const Format> format;
  Isa isa = Isa::scalar;
  std::string effort;  // encode: of the solver search (fast, default, best); empty for plain rounding
  std::string
      variant;  // "generic": instantiated from the format's description; "tuned": written for it; "repacked": for another layout
  void (*run)(const Kernel& kernel, const KernelOperands& operands) = nullptr;

  /// op/format/isa, as in "matvec/q4_0/avx2"; of the solver search op/format/search-EFFORT/isa.
  std::string id() const;
};

/// Every op for every format of format_ids() on every instruction set of this machine (encode: formats with a plain rounding,
/// scalar only, since packed bytes must not depend on the machine; products in integers: formats with integer levels; repacked: where
/// is_repacked).
const std::vector<Kernel>& kernels();

/// The solver search, on the best instruction set of this machine (the bytes are the same on all). Throws Error when it does
/// not write the format.
Kernel find_search_encoder(std::string_view format, std::string_view effort);

/// Any format, listed or not (integer formats of other groups). Throws Error when there is no such kernel here.
Kernel find_kernel(Op op, std::string_view format, Isa isa = best_isa());

}  // namespace quantbench
