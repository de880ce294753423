#include "quantizers/solvers/round_levels.h"

#include <algorithm>

#include "core/parallel.h"
#include "quantizers/formats/nearest_level.h"

namespace quantbench {
namespace {

void round_scales(const Format& format, std::span<float> scales, std::byte* header) {
  if (format.round_scales != nullptr) return format.round_scales(format, scales, header);
  for (float& scale : scales) scale = format.round_affine(format, {scale, 0}).scale;
}

void store_row(const Format& format, std::span<const float> weights, std::span<const float> scales,
               MutableRowBytes out) {
  const formats::NearestLevel nearest(format);
  const std::size_t group = format.group == 0 ? weights.size() : format.group;
  std::vector<Affine> affines;
  std::vector<std::int8_t> levels(weights.size());
  for (std::size_t begin = 0; begin < weights.size(); begin += group) {
    affines.push_back({scales[affines.size()], 0});
    nearest.round(weights.subspan(begin, std::min(group, weights.size() - begin)), affines.back().scale,
                  levels.data() + begin);
  }
  format.pack(format, affines, levels, out);
}

}  // namespace

void store_rounded(MatrixView weights, std::vector<float> scales, int threads, TensorData& out) {
  const Format& format = *out.view().format;
  const std::size_t groups = format.groups_of_row(weights.cols);
  round_scales(format, scales, out.row(0).header);
  parallel_for(threads, weights.rows, [&](std::size_t row) {
    MutableRowBytes bytes = out.row(row);
    if (format.scale_per_tensor && row != 0) bytes.header = nullptr;
    store_row(format, weights.row(row), std::span<const float>(scales).subspan(row * groups, groups), bytes);
  });
}

}  // namespace quantbench
