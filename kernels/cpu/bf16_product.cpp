#include "kernels/cpu/bf16_product.h"

#include <algorithm>
#include <vector>

#include "core/checked.h"
#include "core/half.h"
#include "core/parallel.h"
#include "kernels/cpu/bf16_tile.h"
#include "kernels/cpu/decoded_tiles.h"
#include "kernels/cpu/isa_kernels.h"
#include "kernels/cpu/panel_tasks.h"
#include "kernels/cpu/row_units.h"
#include "kernels/cpu/uninitialized.h"

namespace quantbench {
namespace {

float rounded(float value) { return bf16_to_f32(f32_to_bf16(value)); }

RowsF32 rounded_panel(const void* context, const WeightRange& range, float* scratch) {
  const RowsF32 rows = decode_panel(context, range, scratch);
  for (std::size_t row = 0; row < range.rows; ++row) {
    float* const values = scratch + row * rows.stride;
    std::transform(values, values + range.k, values, rounded);
  }
  return rows;
}

/// Through the tiles of f32 products.
void multiply_rounded(const PackedProduct& product, const FormatKernels& kernels, int threads, Isa isa) {
  const std::size_t cols = product.weights->cols;
  std::vector<float> x(checked_multiply(product.batch, cols));
  parallel_for(threads, product.batch, [&](std::size_t row) {
    const float* const from = product.x + row * product.x_stride;
    std::transform(from, from + cols, x.data() + row * cols, rounded);
  });
  const DecodedWeights weights{product.weights, &kernels};
  PackedProduct of_rounded = product;
  of_rounded.x = x.data();
  of_rounded.x_stride = cols;
  multiply_tiles(tile_product(of_rounded, {&weights, rounded_panel}), threads, isa);
}

#if defined(__x86_64__)

std::size_t steps_of(std::size_t inputs) { return divide_up(inputs, bf16_step); }

/// (units of inputs, tiles of rows, steps)
class TiledActivations {
 public:
  TiledActivations(const PackedProduct& product, int threads)
      : row_tiles_(checked_align_up(product.batch, bf16_block_rows) / bf16_tile),
        tiles_(checked_multiply(divide_up(product.weights->cols, bf16_unit) * bf16_unit_steps, row_tiles_)) {
    parallel_for(threads, row_tiles_, [&](std::size_t tile) {
      const std::size_t first = tile * bf16_tile, cols = product.weights->cols;
      const std::size_t rows = first < product.batch ? std::min(bf16_tile, product.batch - first) : 0;
      for (std::size_t begin = 0; begin < cols; begin += bf16_unit)
        round_activations_amx(
            {product.x + first * product.x_stride + begin, product.x_stride, rows, std::min(bf16_unit, cols - begin)},
            tiles_.at(index(begin / bf16_unit, tile)));
    });
  }

  const Bf16Tile* at(std::size_t unit, std::size_t row_tile) const { return tiles_.at(index(unit, row_tile)); }

 private:
  std::size_t index(std::size_t unit, std::size_t row_tile) const {
    return (unit * row_tiles_ + row_tile) * bf16_unit_steps;
  }

  std::size_t row_tiles_;
  Uninitialized<Bf16Tile> tiles_;
};

struct Workspace {
  alignas(64) float decoded[bf16_tile][bf16_unit];
  Bf16Panel panel;
  alignas(64) F32Tile sums[panels_of_task][rows_of_panel_task / bf16_tile][bf16_panel_tiles];
};

/// One task: the outputs of a few panels for up to `rows_of_panel_task` rows.
class PanelProduct {
 public:
  PanelProduct(const PackedProduct& product, const FormatKernels& kernels, const TiledActivations& x)
      : product_(product), weights_(*product.weights), kernels_(kernels), x_(x), units_(weights_, bf16_unit) {}

  /// Units outside, panels inside: so a unit of the activations comes from the cache for all panels but the first.
  void run(const IndexRange& outputs, const IndexRange& rows) const {
    const auto work = std::make_unique_for_overwrite<Workspace>();
    for (std::size_t begin = 0; begin < weights_.cols; begin += bf16_unit) {
      const IndexRange inputs{begin, std::min(bf16_unit, weights_.cols - begin)};
      for (std::size_t done = 0; done < outputs.count; done += bf16_panel_outputs) {
        fill_panel({outputs.first + done, std::min(bf16_panel_outputs, outputs.count - done)}, inputs, *work);
        multiply_bf16_amx(work->panel, steps_of(inputs.count), begin == 0,
                          {x_.at(begin / bf16_unit, rows.first / bf16_tile), work->sums[done / bf16_panel_outputs][0],
                           checked_align_up(rows.count, bf16_block_rows)});
      }
    }
    write_outputs<bf16_tile>(product_, outputs, rows, [&](std::size_t row, std::size_t i) {
      const auto& panel = work->sums[i / bf16_panel_outputs];
      return panel[row / bf16_tile][i % bf16_panel_outputs / bf16_tile][row % bf16_tile];
    });
  }

 private:
  void fill_panel(const IndexRange& outputs, const IndexRange& inputs, Workspace& work) const {
    for (std::size_t tile = 0; tile < bf16_panel_tiles; ++tile) {
      const std::size_t first = tile * bf16_tile;
      const std::size_t count = first < outputs.count ? std::min(bf16_tile, outputs.count - first) : 0;
      for (std::size_t i = 0; i < count; ++i) {
        units_.prefetch(outputs.first + first + i, inputs.first / bf16_unit + 1);
        kernels_.decode(
            {weights_.format.get(), weights_.row(outputs.first + first + i), weights_.cols, inputs.first, inputs.count},
            work.decoded[i]);
      }
      round_weights_amx({work.decoded[0], bf16_unit, count, inputs.count}, work.panel.tiles[tile]);
    }
  }

  const PackedProduct& product_;
  const Tensor& weights_;
  const FormatKernels& kernels_;
  const TiledActivations& x_;
  RowUnits units_;
};

void multiply_panels(const PackedProduct& product, const FormatKernels& kernels, int threads) {
  const TiledActivations x(product, threads);
  const PanelProduct panels(product, kernels, x);
  run_panel_tasks(product, bf16_panel_outputs, threads,
                  [&](const IndexRange& outputs, const IndexRange& rows) { panels.run(outputs, rows); });
}

bool has_tiles(Isa isa) { return isa == Isa::avx512 && has_amx_bf16_products(); }

#else

bool has_tiles(Isa) { return false; }
void multiply_panels(const PackedProduct&, const FormatKernels&, int) {}

#endif

}  // namespace

void matmul_bf16(const PackedProduct& product, int threads, Isa isa) {
  const FormatKernels& kernels = isa_kernels(isa).formats[product.weights->format->layout];
  const bool has_inputs = product.weights->cols > 0;  // else no panel would begin the sums
  if (has_inputs && has_tiles(isa))
    multiply_panels(product, kernels, threads);
  else
    multiply_rounded(product, kernels, threads, isa);
}

FmaChains bf16_chains(Isa isa) {
#if defined(__x86_64__)
  if (has_tiles(isa)) return bf16_chains_amx;
#endif
  return isa_kernels(isa).fma_chains;
}

const char* matmul_bf16_variant(Isa isa) { return has_tiles(isa) ? "tuned" : "generic"; }

}  // namespace quantbench
