// Super-blocks: groups with integer scales (and mins) in the unit of their block.
#include <algorithm>

#include "quantizers/solvers/search/encoders.h"
#include "quantizers/solvers/search/format_task.h"
#include "quantizers/solvers/search/lane_groups.h"

namespace quantbench::search {
namespace {

BlockTask block_task(const Format& format, Effort effort) {
  const TwoLevelScales& scales = *format.two_level;
  return {group_task(format, effort), scales.scale_min, scales.scale_max, scales.largest_min,
          static_cast<int>(format.block / format.group)};
}

/// visit(block, result, first lane of the block)
template <class Visit>
void for_each_block(const Format& format, const SearchRow& row, Isa isa, const Visit& visit) {
  const GroupKernels& kernels = group_kernels(isa);
  const BlockTask task = block_task(format, row.effort);
  const auto groups_per_block = static_cast<std::size_t>(task.groups_per_block);
  const std::size_t blocks = row.weights.size() / format.block, blocks_at_a_time = lanes / groups_per_block;
  std::vector<std::int8_t> levels(lanes * format.group);
  LaneGroupsBuilder builder(kernels);
  BlockResult result;
  result.levels = levels.data();
  for (std::size_t first = 0; first < blocks; first += blocks_at_a_time) {
    const std::size_t count = std::min(blocks_at_a_time, blocks - first);
    const LaneGroups& groups = builder.transpose(row, {first * groups_per_block, count * groups_per_block, format.group,
                                                       task.groups_per_block, format.has_offset});
    (format.has_offset ? kernels.block_affine : kernels.block_symmetric)(groups, task, result);
    for (std::size_t block = 0; block < count; ++block) visit(first + block, result, block * groups_per_block);
  }
}

}  // namespace

bool writes_blocks(const Format& format) {
  Levels levels;
  if (format.two_level == nullptr || !find_levels(format, levels)) return false;
  const std::size_t groups = format.block / format.group;
  return groups == 8 || groups == 16;
}

void encode_blocks(const Format& format, const SearchRow& row, MutableRowBytes out, Isa isa) {
  const std::size_t block_bytes = format.row_bytes(format, format.block);
  for_each_block(format, row, isa, [&](std::size_t block, const BlockResult& result, std::size_t lane) {
    format.two_level->pack_block({result.d[lane], result.dmin[lane], result.scales + lane, result.mins + lane,
                                  result.levels + lane * format.group},
                                 out.row + block * block_bytes);
  });
}

std::vector<BlockScales> find_block_scales(const Format& format, const SearchRow& row, Isa isa) {
  std::vector<BlockScales> all(row.weights.size() / format.block);
  for_each_block(format, row, isa, [&](std::size_t block, const BlockResult& result, std::size_t lane) {
    const std::size_t groups = format.block / format.group;
    all[block].d = result.d[lane];
    all[block].dmin = result.dmin[lane];
    std::copy_n(result.scales + lane, groups, all[block].scales.begin());
    std::copy_n(result.mins + lane, groups, all[block].mins.begin());
  });
  return all;
}

namespace {

const Register<RowEncoder> registered{
    "blocks",
    {"super-blocks: the unit of the block and all integer scales chosen together", &writes_blocks,
     [](const Format& format, const SearchRow& row, MutableRowBytes out) {
       encode_blocks(format, row, out, best_isa());
     }}};

}  // namespace
}  // namespace quantbench::search
