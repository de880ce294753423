#include "models/packed_checkpoints/zero_points.h"

namespace quantbench {

void ZeroFieldCounts::add(const ZeroFieldCounts& other) {
  fields += other.fields;
  symmetric_v1 += other.symmetric_v1;
  symmetric_v2 += other.symmetric_v2;
  all_ones += other.all_ones;
}

ZeroFieldCounts count_zero_fields(const PackedLayer& layer) {
  const int half = 1 << (layer.shape.bits - 1);
  ZeroFieldCounts counts;
  for (std::size_t group = 0; group < layer.shape.groups(); ++group)
    for (std::size_t row = 0; row < layer.shape.rows; ++row) {
      const int field = layer.zero(row, group);
      ++counts.fields;
      counts.symmetric_v1 += field == half - 1 ? 1 : 0;
      counts.symmetric_v2 += field == half ? 1 : 0;
      counts.all_ones += field == 2 * half - 1 ? 1 : 0;
    }
  return counts;
}

GptqVersion version_of_fields(const ZeroFieldCounts& symmetric, GptqVersion labelled) {
  const auto nearly_all = [&](std::uint64_t count) { return count >= symmetric.fields - symmetric.fields / 100; };
  if (symmetric.fields == 0) return labelled;
  if (nearly_all(symmetric.symmetric_v1)) return GptqVersion::v1;
  if (nearly_all(symmetric.symmetric_v2)) return GptqVersion::v2;
  return labelled;
}

}  // namespace quantbench
