// Weights of 4-bit integers in the order in which the matrix units of devices want them: what products with activations of 16 bits
// (W4A16) read after one repacking (w4_repack.h).
//
// A piece is 16 outputs by 64 columns, 512 bytes: sixteen bytes for each lane of a warp, one load. Lane 4 g + t has outputs g and g + 8
// and of each 16 columns the pairs 2 t, 2 t + 1 and 2 t + 8, 2 t + 9: its two words of b in mma.m16n8k16 (matmul_kernel.h) for 8 outputs, and
// its four words of a for 16. Its words are
//   0, 1   output g, columns 0 to 31 and 32 to 63
//   2, 3   output g + 8
// and of a word bits 4 i to 4 i + 3 and 16 + 4 i to 16 + 4 i + 3 are the two weights of pair i: pairs 0 and 1 of the first 16 columns, 2 and 3
// of the next. So a mask leaves both weights of a pair where the mantissas of two bf16 numbers begin. Pieces lie by outputs, then columns.
// Stored are codes level + 8.
//
// After the pieces come the affines, 4 bytes each: (outputs / 16, groups of a row, 16) with the scale, f16, in the lower half and in the upper
// one, as bf16, what makes a level less its zero point of 128 + code: 128 + 8 + zero point. Outputs and columns are filled up with
// weights of scale or level 0.
#pragma once

#if defined(__CUDACC__)
#include <cuda_fp16.h>
#endif

#include "core/half.h"
#include "kernels/cuda/thread_lanes.h"

namespace quantbench::gpu {

struct W4Layout {
  static constexpr std::size_t outputs = 16, columns = 64, piece_bytes = 512;

  std::size_t rows = 0, cols = 0;
  std::size_t group = 0;  // columns with one affine, a multiple of 32, or all of a row
  int group_shift = -1;   // of groups of 2^group_shift columns

  QUANTBENCH_HOST_DEVICE std::size_t output_pieces() const { return (rows + outputs - 1) / outputs; }
  QUANTBENCH_HOST_DEVICE std::size_t column_pieces() const { return (cols + columns - 1) / columns; }
  QUANTBENCH_HOST_DEVICE std::size_t groups() const { return group == 0 ? 0 : (cols + group - 1) / group; }
  QUANTBENCH_HOST_DEVICE std::size_t affines_at() const { return output_pieces() * column_pieces() * piece_bytes; }
  std::size_t bytes() const { return affines_at() + output_pieces() * groups() * outputs * sizeof(std::uint32_t); }
  QUANTBENCH_HOST_DEVICE std::uint32_t group_of(std::uint32_t column) const {
    return group_shift >= 0 ? column >> group_shift
                            : column / static_cast<std::uint32_t>(group);  // a division takes long
  }
  /// Whether 64 columns that begin at a multiple of 64 have one affine.
  bool steps_have_one_group() const { return groups() <= 1 || group % columns == 0; }
};

/// Repacked weights as a kernel gets them.
struct W4Matrix {
  W4Layout layout;
  const std::byte* bytes = nullptr;  // aligned to 16

  /// The lane's words of a piece.
  QUANTBENCH_HOST_DEVICE FourWords codes(std::size_t output_piece, std::size_t column_piece, unsigned lane) const {
    return load_aligned<FourWords>(bytes +
                                   (output_piece * layout.column_pieces() + column_piece) * W4Layout::piece_bytes +
                                   lane * sizeof(FourWords));
  }
  /// Where the affines of 16 outputs are, for the group that a column is in.
  QUANTBENCH_HOST_DEVICE const std::uint32_t* affines(std::size_t output_piece, std::size_t column) const {
    return reinterpret_cast<const std::uint32_t*>(bytes + layout.affines_at()) +
           (output_piece * layout.groups() + layout.group_of(static_cast<std::uint32_t>(column))) * W4Layout::outputs;
  }

  QUANTBENCH_HOST_DEVICE static float scale_of(std::uint32_t affine) {
    const auto bits = static_cast<std::uint16_t>(affine & 0xFFFF);
#if defined(__CUDA_ARCH__)
    return __half2float(__ushort_as_half(bits));
#else
    return f16_to_f32(bits);
#endif
  }
  /// What a bf16 number 128 + code has too much, twice.
  QUANTBENCH_HOST_DEVICE static std::uint32_t excess_of(std::uint32_t affine) {
    return permute_bytes(affine, 0, 0x3232);
  }
};

}  // namespace quantbench::gpu
