#include <algorithm>
#include <cstring>
#include <memory>

#include "core/checked.h"
#include "core/parallel.h"
#include "kernels/cpu/int8_kernels.h"
#include "kernels/cpu/int8_product.h"
#include "kernels/cpu/int8_tile.h"
#include "kernels/cpu/panel_tasks.h"
#include "kernels/cpu/row_units.h"
#include "kernels/cpu/uninitialized.h"

namespace quantbench {
namespace {

CodeTraits traits_of(const Format& format, const Int8Kernels& kernels) {
  return {format.level_max - format.level_min, static_cast<int>(Int8Activations::run / kernels.group),
          format.has_offset, -format.level_min};
}

Int8TileKernel tile_kernel_of(const CodeTraits& traits, [[maybe_unused]] Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx512 && traits.groups_of_run == 1 && has_amx_byte_products()) return int8_tile_amx(traits);
  if (isa == Isa::avx512 && has_avx512_byte_products()) return int8_tile_avx512(traits);
  if (isa != Isa::scalar) return int8_tile_avx2(traits);
#elif defined(__aarch64__)
  if (isa == Isa::neon) return int8_tile_neon(traits);
#endif
  return int8_tile_scalar(traits);
}

/// Rounded activations, laid out by units of 256 columns: (units, rows, ...). Runs beyond the columns are left out; rows are
/// filled up to whole tiles with zeros.
class UnitActivations {
 public:
  UnitActivations(const PackedProduct& product, const CodeTraits& traits, const Int8TileKernel& kernel, int threads)
      : product_(product),
        rows_(checked_align_up(product.batch, int8_tile_rows)),
        per_(static_cast<std::size_t>(traits.groups_of_run)),
        start_factor_(traits.has_offset ? kernel.shift : kernel.shift - traits.zero),
        bias_(kernel.bias),
        all_runs_(checked_multiply(divide_up(product.weights->cols, int8_unit) * int8_unit_runs, rows_)),
        values_(checked_multiply(all_runs_, Int8Activations::run)),
        scales_(all_runs_),
        sums_(traits.has_offset ? all_runs_ * per_ : 0),
        starts_(all_runs_ * per_),
        has_sums_(traits.has_offset) {
    constexpr std::size_t rows_of_task = 8;
    parallel_for(threads, divide_up(rows_, rows_of_task), [&](std::size_t task) {
      for (std::size_t row = task * rows_of_task; row < std::min(rows_, (task + 1) * rows_of_task); ++row)
        fill_row(row);
    });
  }

  Int8TileRows rows(std::size_t unit, std::size_t first, std::size_t count, float* outputs) const {
    const std::size_t run = (unit * rows_ + first) * int8_unit_runs;
    return {values_.at(run * Int8Activations::run),     scales_.at(run), starts_.at(run * per_),
            has_sums_ ? sums_.at(run * per_) : nullptr, outputs,         count};
  }

 private:
  void fill_row(std::size_t row) {
    const std::size_t cols = product_.weights->cols;
    for (std::size_t column = 0, run = 0; column < cols; column += Int8Activations::run, ++run) {
      const std::size_t to = (run / int8_unit_runs * rows_ + row) * int8_unit_runs + run % int8_unit_runs;
      std::int8_t* const values = values_.at(to * Int8Activations::run);
      const RoundedRun rounded = row < product_.batch
                                     ? round_run(product_.x + row * product_.x_stride + column, cols - column, values)
                                     : round_run(nullptr, 0, values);
      *scales_.at(to) = rounded.scale;
      for (std::size_t part = 0; part < per_; ++part) {
        const int half = static_cast<int>(part);
        const std::int32_t sum = per_ == 1 ? rounded.half_sums[0] + rounded.half_sums[1] : rounded.half_sums[part];
        *starts_.at(to * per_ + part) = bias_ + start_factor_ * sum;
        if (has_sums_) *sums_.at(to * per_ + part) = per_ == 1 ? rounded.sum() : rounded.half_sum(half);
      }
    }
  }

  const PackedProduct& product_;
  std::size_t rows_, per_;  // per_: groups of a run
  std::int32_t start_factor_, bias_;
  std::size_t all_runs_;
  Uninitialized<std::int8_t> values_;
  Uninitialized<float> scales_, sums_;
  Uninitialized<std::int32_t> starts_;
  bool has_sums_;
};

struct Workspace {
  UnpackedRows unpacked;
  Int8Panel panel;
  alignas(64) float outputs[panels_of_task][rows_of_panel_task][int8_panel_outputs];
};

/// One task: the outputs of a few panels for up to `rows_of_panel_task` rows.
class PanelProduct {
 public:
  PanelProduct(const PackedProduct& product, const Int8Kernels& kernels, const Int8TileKernel& tile,
               const UnitActivations& x)
      : product_(product),
        weights_(*product.weights),
        kernels_(kernels),
        tile_(tile),
        x_(x),
        units_(weights_, int8_unit) {}

  /// Units outside, panels inside: so a unit of the activations comes from the cache for all panels but the first.
  void run(const IndexRange& outputs, const IndexRange& rows) const {
    const auto work = std::make_unique_for_overwrite<Workspace>();
    work->unpacked = {};  // outputs that the last panel does not have, groups that the last unit does not have
    for (std::size_t panel = 0; panel < divide_up(outputs.count, int8_panel_outputs); ++panel)
      std::memset(work->outputs[panel], 0, checked_align_up(rows.count, int8_tile_rows) * sizeof work->outputs[0][0]);
    for (std::size_t begin = 0; begin < weights_.cols; begin += int8_unit)
      for (std::size_t done = 0; done < outputs.count; done += int8_panel_outputs)
        multiply({outputs.first + done, std::min(int8_panel_outputs, outputs.count - done)}, rows, begin, *work,
                 work->outputs[done / int8_panel_outputs][0]);
    write_outputs<int8_panel_outputs>(product_, outputs, rows, [&](std::size_t row, std::size_t i) {
      return work->outputs[i / int8_panel_outputs][row];
    });
  }

 private:
  void multiply(const IndexRange& outputs, const IndexRange& rows, std::size_t begin, Workspace& work,
                float* sums) const {
    const std::size_t inputs = std::min(int8_unit, weights_.cols - begin);
    unpack(outputs, begin, inputs, work.unpacked);
    tile_.pack(work.unpacked, tile_.shift, work.panel);
    tile_.multiply(work.panel, divide_up(inputs, Int8Activations::run),
                   x_.rows(begin / int8_unit, rows.first, rows.count, sums));
  }

  void unpack(const IndexRange& outputs, std::size_t begin, std::size_t inputs, UnpackedRows& unpacked) const {
    for (std::size_t i = 0; i < outputs.count; ++i) {
      units_.prefetch(outputs.first + i, begin / int8_unit + 1);
      kernels_.unpack({weights_.format.get(), weights_.row(outputs.first + i), weights_.cols, begin, inputs},
                      {unpacked.codes[i], unpacked.scales[i], unpacked.offsets[i]});
    }
  }

  const PackedProduct& product_;
  const Tensor& weights_;
  const Int8Kernels& kernels_;
  const Int8TileKernel& tile_;
  const UnitActivations& x_;
  RowUnits units_;
};

}  // namespace

void matmul_int8(const PackedProduct& product, int threads, Isa isa) {
  const Tensor& weights = *product.weights;
  const Int8Kernels& kernels = int8_kernels(*weights.format, isa);
  const CodeTraits traits = traits_of(*weights.format, kernels);
  const Int8TileKernel tile = tile_kernel_of(traits, isa);
  const UnitActivations x(product, traits, tile, threads);
  const PanelProduct panels(product, kernels, tile, x);
  run_panel_tasks(product, int8_panel_outputs, threads,
                  [&](const IndexRange& outputs, const IndexRange& rows) { panels.run(outputs, rows); });
}

}  // namespace quantbench
