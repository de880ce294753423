#include "kernels/cuda/w4_repack.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/error.h"
#include "core/parallel.h"
#include "quantizers/formats/all.h"

namespace quantbench {
namespace {

using gpu::W4Layout;

/// visit.operator()<F>() for the description of the format, if it has these kernels.
template <class Visit>
bool visit_w4(const Format& format, const Visit& visit) {
  bool found = false;
  formats::for_each_format([&]<class F>(std::size_t layout) {
    constexpr bool is_w4 = std::is_same_v<F, formats::Integer<4, true, formats::HalfScale>> ||
                           std::is_same_v<F, formats::Integer<4, false, formats::HalfScale>>;
    if constexpr (is_w4) {
      if (layout != format.layout) return;
      visit.template operator()<F>();
      found = true;
    }
  });
  return found;
}

template <class F>
int level_of(const formats::BlockView& block, int i) {
  return i < block.weights / 32 * 32 ? F::template levels<formats::OneLane>(block.codes, i)
                                     : F::tail_level(block.codes, i, block.weights);
}

template <class F>
std::uint32_t stored_affine(const formats::BlockView& block) {
  std::uint16_t scale = 0;
  std::memcpy(&scale, block.affine, sizeof scale);
  int zero = 0;
  if constexpr (!F::symmetric) zero = formats::OneLane::signed_bytes(block.affine + sizeof scale, 0);
  return static_cast<std::uint32_t>(f32_to_bf16(static_cast<float>(128 - F::level_min + zero))) << 16 | scale;
}

/// Sets the code of a weight in its piece, which holds codes of 0.
void set_code(std::byte* piece, std::size_t output, std::size_t column, unsigned code) {
  const std::size_t of_step = column % 16, pair_of_lane = of_step % 8 / 2;
  const std::size_t lane = output % 8 * 4 + pair_of_lane, word = output / 8 * 2 + column / 32;
  const std::size_t pair = column % 32 / 16 * 2 + of_step / 8, shift = 4 * pair + 16 * (of_step % 2);
  std::byte* const at = piece + lane * 16 + word * 4;
  std::uint32_t bits = 0;
  std::memcpy(&bits, at, sizeof bits);
  bits |= code << shift;
  std::memcpy(at, &bits, sizeof bits);
}

template <class F>
class Repacking {
 public:
  Repacking(const Tensor& weights, const W4Layout& layout, std::span<std::byte> to)
      : weights_(weights), layout_(layout), shape_(F::shape(*weights.format, weights.cols)), to_(to) {}

  void repack_piece(std::size_t output_piece) const {
    std::byte* const pieces = to_.data() + output_piece * layout_.column_pieces() * W4Layout::piece_bytes;
    std::memset(pieces, 0, layout_.column_pieces() * W4Layout::piece_bytes);
    std::byte* const affines =
        to_.data() + layout_.affines_at() + output_piece * layout_.groups() * W4Layout::outputs * sizeof(std::uint32_t);
    std::memset(affines, 0, layout_.groups() * W4Layout::outputs * sizeof(std::uint32_t));
    const std::size_t first = output_piece * W4Layout::outputs;
    for (std::size_t output = 0; output < std::min(W4Layout::outputs, weights_.rows - first); ++output)
      repack_row(first + output, output, pieces, affines);
  }

 private:
  void repack_row(std::size_t row, std::size_t output, std::byte* pieces, std::byte* affines) const {
    for (std::size_t group = 0; group < layout_.groups(); ++group) {
      const formats::BlockView block = F::block_at(shape_, weights_.row(row), group);
      const std::uint32_t affine = stored_affine<F>(block);
      std::memcpy(affines + (group * W4Layout::outputs + output) * sizeof affine, &affine, sizeof affine);
      for (int i = 0; i < block.weights; ++i) {
        const std::size_t column = block.begin + static_cast<std::size_t>(i);
        set_code(pieces + column / W4Layout::columns * W4Layout::piece_bytes, output, column % W4Layout::columns,
                 static_cast<unsigned>(level_of<F>(block, i) - F::level_min));
      }
    }
    // What fills the last piece up is of the row's last group: its level 0.
    for (std::size_t column = layout_.cols; column < layout_.column_pieces() * W4Layout::columns; ++column)
      set_code(pieces + column / W4Layout::columns * W4Layout::piece_bytes, output, column % W4Layout::columns,
               static_cast<unsigned>(-F::level_min));
  }

  const Tensor& weights_;
  const W4Layout& layout_;
  formats::RowShape shape_;
  std::span<std::byte> to_;
};

}  // namespace

bool has_w4_kernels(const Format& format) {
  return format.group % 32 == 0 && visit_w4(format, [&]<class F>() {});
}

W4Layout w4_layout(const Format& format, std::size_t rows, std::size_t cols) {
  if (!has_w4_kernels(format)) fail("{}: there are no W4A16 kernels for this format", format.id);
  formats::check_row_length(cols);
  W4Layout layout{rows, cols};
  visit_w4(format, [&]<class F>() { layout.group = F::shape(format, cols).block; });
  if (std::has_single_bit(layout.group)) layout.group_shift = std::countr_zero(layout.group);
  return layout;
}

void repack_w4(const Tensor& weights, std::span<std::byte> to, int threads) {
  const W4Layout layout = w4_layout(*weights.format, weights.rows, weights.cols);
  if (to.size() != layout.bytes()) fail("{} bytes for repacked weights of {}", to.size(), layout.bytes());
  visit_w4(*weights.format, [&]<class F>() {
    const Repacking<F> repacking(weights, layout, to);
    parallel_for(threads, layout.output_pieces(), [&](std::size_t piece) { repacking.repack_piece(piece); });
  });
}

}  // namespace quantbench
