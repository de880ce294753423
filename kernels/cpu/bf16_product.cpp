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
void multiply_rounded(const PackedProduct& product, int threads, Isa isa) {
  const FormatKernels& kernels = isa_kernels(isa).formats[product.weights->format->layout];
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
      : units_(divide_up(product.weights->cols, bf16_unit)),
        row_tiles_(checked_align_up(product.batch, bf16_block_rows) / bf16_tile),
        tiles_(checked_multiply(units_ * bf16_unit_steps, row_tiles_)) {
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

  /// Asks for part `part.first` of `part.count` of some rows, into the second cache. Behind the last unit there is nothing.
  void prefetch(std::size_t unit, const IndexRange& rows, const IndexRange& part) const {
    if (unit >= units_) return;
    constexpr int second_cache = 2;
    const auto* const tiles = reinterpret_cast<const std::byte*>(at(unit, rows.first / bf16_tile));
    const std::size_t bytes = divide_up(rows.count, bf16_tile) * bf16_unit_steps * sizeof(Bf16Tile);
    const std::size_t each = checked_align_up(divide_up(bytes, part.count), cache_line);
    const std::size_t end = std::min(bytes, (part.first + 1) * each);
    for (std::size_t byte = part.first * each; byte < end; byte += cache_line)
      __builtin_prefetch(tiles + byte, 0, second_cache);
  }

 private:
  std::size_t index(std::size_t unit, std::size_t row_tile) const {
    return (unit * row_tiles_ + row_tile) * bf16_unit_steps;
  }

  std::size_t units_, row_tiles_;
  Uninitialized<Bf16Tile> tiles_;
};

/// Rows of weights, rounded.
class RoundedWeights {
 public:
  explicit RoundedWeights(const Tensor& weights)
      : weights_(weights), decode_(bf16_decoders_avx512()[weights.format->layout]), units_(weights, bf16_unit) {}

  /// Zeros follow up to a whole step.
  void decode(std::size_t row, const IndexRange& inputs, std::uint16_t* out) const {
    units_.prefetch(row, inputs.first / bf16_unit + 1);
    decode_({weights_.format.get(), weights_.row(row), weights_.cols, inputs.first, inputs.count}, out);
    std::fill(out + inputs.count, out + steps_of(inputs.count) * bf16_step, std::uint16_t{0});
  }

 private:
  const Tensor& weights_;
  DecodeToBf16 decode_;
  RowUnits units_;
};

/// The outputs of a few panels for up to `rows_of_panel_task` rows, and the panels in the order in which they are multiplied: units
/// outside, outputs inside, so that a unit of the activations comes from the cache for all panels but the first.
struct PanelTask {
  IndexRange outputs, rows;
  std::size_t inputs = 0;

  std::size_t panels_of_unit() const { return divide_up(outputs.count, bf16_panel_outputs); }
  std::size_t panels() const { return panels_of_unit() * divide_up(inputs, bf16_unit); }
  IndexRange outputs_of(std::size_t panel) const {
    const std::size_t done = panel % panels_of_unit() * bf16_panel_outputs;
    return {outputs.first + done, std::min(bf16_panel_outputs, outputs.count - done)};
  }
  IndexRange inputs_of(std::size_t panel) const {
    const std::size_t begin = panel / panels_of_unit() * bf16_unit;
    return {begin, std::min(bf16_unit, inputs - begin)};
  }
};

struct Operands {
  const RoundedWeights& weights;
  const TiledActivations& x;
};

/// Fills a panel row by row, and asks for what the next unit needs.
class PanelFill {
 public:
  /// Behind the last panel there are no rows.
  PanelFill(const Operands& operands, const PanelTask& task, std::size_t index, Bf16Panel& panel)
      : operands_(operands), task_(task), panel_(panel) {
    if (index == task.panels()) return;
    outputs_ = task.outputs_of(index);
    inputs_ = task.inputs_of(index);
  }
  PanelFill(const PanelFill&) = delete;
  PanelFill& operator=(const PanelFill&) = delete;

  void fill() {
    while (done_ < outputs_.count) fill_row();
  }
  Meanwhile rows() {
    return {[](void* fill) { static_cast<PanelFill*>(fill)->fill_row(); }, this, outputs_.count};
  }

 private:
  void fill_row() {
    const std::size_t output = outputs_.first + done_;
    operands_.weights.decode(output, inputs_, panel_.outputs[done_]);
    operands_.x.prefetch(inputs_.first / bf16_unit + 1, task_.rows,
                         {output - task_.outputs.first, task_.outputs.count});
    ++done_;
  }

  const Operands& operands_;
  const PanelTask& task_;
  Bf16Panel& panel_;
  IndexRange outputs_, inputs_;
  std::size_t done_ = 0;
};

struct Workspace {
  Bf16Panel panels[2];  // one is multiplied while the next is filled
  alignas(64) F32Tile sums[panels_of_task][rows_of_panel_task / bf16_tile][bf16_panel_tiles];
};

void run_task(const PackedProduct& product, const Operands& operands, const PanelTask& task) {
  const auto work = std::make_unique_for_overwrite<Workspace>();
  const std::size_t rows = checked_align_up(task.rows.count, bf16_block_rows);
  PanelFill(operands, task, 0, work->panels[0]).fill();
  for (std::size_t i = 0; i < task.panels(); ++i) {
    const std::size_t unit = i / task.panels_of_unit();
    F32Tile* const sums = work->sums[i % task.panels_of_unit()][0];
    PanelFill next(operands, task, i + 1, work->panels[(i + 1) % 2]);
    multiply_bf16_amx(work->panels[i % 2], steps_of(task.inputs_of(i).count), unit == 0,
                      {operands.x.at(unit, task.rows.first / bf16_tile), sums, rows}, next.rows());
  }
  for (std::size_t panel = 0; panel < task.panels_of_unit(); ++panel)
    transpose_sums_amx(work->sums[panel][0], rows / bf16_tile * bf16_panel_tiles);
  write_outputs<bf16_tile>(product, task.outputs, task.rows, [&](std::size_t row, std::size_t i) {
    const auto& panel = work->sums[i / bf16_panel_outputs];
    return panel[row / bf16_tile][i % bf16_panel_outputs / bf16_tile][row % bf16_tile];
  });
}

void multiply_panels(const PackedProduct& product, int threads) {
  const TiledActivations x(product, threads);
  const RoundedWeights weights(*product.weights);
  run_panel_tasks(product, bf16_panel_outputs, threads, [&](const IndexRange& outputs, const IndexRange& rows) {
    run_task(product, {weights, x}, {outputs, rows, product.weights->cols});
  });
}

bool has_tiles(Isa isa) { return isa == Isa::avx512 && has_amx_bf16_products() && has_avx512_byte_products(); }

#else

bool has_tiles(Isa) { return false; }
void multiply_panels(const PackedProduct&, int) {}

#endif

}  // namespace

void matmul_bf16(const PackedProduct& product, int threads, Isa isa) {
  const bool has_inputs = product.weights->cols > 0;  // else no panel would begin the sums
  if (has_inputs && has_tiles(isa))
    multiply_panels(product, threads);
  else
    multiply_rounded(product, threads, isa);
}

FmaChains bf16_chains(Isa isa) {
#if defined(__x86_64__)
  if (has_tiles(isa)) return bf16_chains_amx;
#endif
  return isa_kernels(isa).fma_chains;
}

const char* matmul_bf16_variant(Isa isa) { return has_tiles(isa) ? "tuned" : "generic"; }

}  // namespace quantbench
