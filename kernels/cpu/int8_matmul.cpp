#include <algorithm>
#include <cstring>
#include <memory>

#include "core/checked.h"
#include "core/parallel.h"
#include "kernels/cpu/int8_kernels.h"
#include "kernels/cpu/int8_product.h"
#include "kernels/cpu/int8_tile.h"

namespace quantbench {
namespace {

/// Most rows of activations that meet a panel once it is unpacked: their totals stay in the cache.
constexpr std::size_t rows_per_task = 512;

CodeTraits traits_of(const Format& format, const Int8Kernels& kernels) {
  return {format.level_max - format.level_min, static_cast<int>(Int8Activations::run / kernels.group),
          format.has_offset, -format.level_min};
}

Int8TileKernel tile_kernel_of(const CodeTraits& traits, [[maybe_unused]] Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx512 && has_avx512_byte_products()) return int8_tile_avx512(traits);
  if (isa != Isa::scalar) return int8_tile_avx2(traits);
#endif
  return int8_tile_scalar(traits);
}

/// Rounded activations, laid out by units of 256 columns: (units, rows, ...), filled up with zeros.
class UnitActivations {
 public:
  UnitActivations(const Int8Activations& x, const CodeTraits& traits, const Int8TileKernel& kernel, int threads)
      : rows_(x.rows), groups_(int8_unit_runs * static_cast<std::size_t>(traits.groups_of_run)) {
    const std::size_t all = checked_multiply(divide_up(x.runs, int8_unit_runs), rows_);
    values_.resize(all * int8_unit);
    scales_.resize(all * int8_unit_runs);
    starts_.resize(all * groups_, kernel.bias);
    if (traits.has_offset) sums_.resize(all * groups_);
    const int start_factor = traits.has_offset ? kernel.shift : kernel.shift - traits.zero;
    parallel_for(threads, rows_, [&](std::size_t row) { fill_row(x, row, start_factor, traits); });
  }

  Int8TileRows rows(std::size_t unit, std::size_t first, std::size_t count, float* outputs) const {
    const std::size_t at = unit * rows_ + first;
    return {values_.data() + at * int8_unit,
            scales_.data() + at * int8_unit_runs,
            starts_.data() + at * groups_,
            sums_.data() + (sums_.empty() ? 0 : at * groups_),
            outputs,
            count};
  }

 private:
  void fill_row(const Int8Activations& x, std::size_t row, int start_factor, const CodeTraits& traits) {
    const std::size_t per = static_cast<std::size_t>(traits.groups_of_run), group = Int8Activations::run / per;
    const float* const sums = per == 1 ? x.sums.data() : x.half_sums.data();
    for (std::size_t run = 0; run < x.runs; ++run) {
      const std::size_t from = row * x.runs + run;
      const std::size_t to = (run / int8_unit_runs * rows_ + row) * int8_unit_runs + run % int8_unit_runs;
      const std::int8_t* const values = x.values.data() + from * Int8Activations::run;
      std::memcpy(values_.data() + to * Int8Activations::run, values, Int8Activations::run);
      scales_[to] = x.scales[from];
      for (std::size_t part = 0; part < per; ++part) {
        if (traits.has_offset) sums_[to * per + part] = sums[from * per + part];
        std::int32_t sum = 0;
        for (std::size_t i = part * group; i < (part + 1) * group; ++i) sum += values[i];
        starts_[to * per + part] += start_factor * sum;
      }
    }
  }

  std::size_t rows_, groups_;  // groups of a unit
  std::vector<std::int8_t> values_;
  std::vector<float> scales_, sums_;
  std::vector<std::int32_t> starts_;
};

struct Workspace {
  UnpackedRows unpacked;
  Int8Panel panel;
  alignas(64) float outputs[rows_per_task][int8_panel_outputs];
};

/// One task: 32 outputs of up to `rows_per_task` rows.
class PanelProduct {
 public:
  PanelProduct(const PackedProduct& product, const Int8Kernels& kernels, const Int8TileKernel& tile,
               const UnitActivations& x)
      : product_(product), weights_(*product.weights), kernels_(kernels), tile_(tile), x_(x) {}

  void run(std::size_t first_output, std::size_t first_row) const {
    const auto work = std::make_unique<Workspace>();
    const std::size_t outputs = std::min(int8_panel_outputs, weights_.rows - first_output);
    const std::size_t rows = std::min(rows_per_task, product_.batch - first_row);
    for (std::size_t begin = 0; begin < weights_.cols; begin += int8_unit) {
      const std::size_t inputs = std::min(int8_unit, weights_.cols - begin);
      for (std::size_t i = 0; i < outputs; ++i)
        kernels_.unpack({weights_.format.get(), weights_.row(first_output + i), weights_.cols, begin, inputs},
                        {work->unpacked.codes[i], work->unpacked.scales[i], work->unpacked.offsets[i]});
      tile_.pack(work->unpacked, tile_.shift, work->panel);
      tile_.multiply(work->panel, divide_up(inputs, Int8Activations::run),
                     x_.rows(begin / int8_unit, first_row, rows, work->outputs[0]));
    }
    for (std::size_t row = 0; row < rows; ++row)
      std::memcpy(product_.y + (first_row + row) * product_.y_stride + first_output, work->outputs[row],
                  outputs * sizeof(float));
  }

 private:
  const PackedProduct& product_;
  const Tensor& weights_;
  const Int8Kernels& kernels_;
  const Int8TileKernel& tile_;
  const UnitActivations& x_;
};

}  // namespace

void matmul_int8(const PackedProduct& product, int threads, Isa isa) {
  const Tensor& weights = *product.weights;
  const Int8Kernels& kernels = int8_kernels(*weights.format, isa);
  const CodeTraits traits = traits_of(*weights.format, kernels);
  const Int8TileKernel tile = tile_kernel_of(traits, isa);
  const UnitActivations x(round_activations(product.x, product.batch, weights.cols, product.x_stride, threads), traits,
                          tile, threads);
  const PanelProduct panels(product, kernels, tile, x);
  const std::size_t row_blocks = divide_up(product.batch, rows_per_task);
  parallel_for(threads, divide_up(weights.rows, int8_panel_outputs) * row_blocks, [&](std::size_t task) {
    panels.run(task / row_blocks * int8_panel_outputs, task % row_blocks * rows_per_task);
  });
}

}  // namespace quantbench
