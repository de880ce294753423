// Plan: the cells of a run, each with the hash that names its result, its size, and how long it should take.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eval/config/config.h"
#include "eval/model_quantizer.h"
#include "eval/runner/allocate.h"
#include "eval/runner/experiment.h"
#include "eval/runner/machine_speed.h"
#include "eval/runner/work.h"
#include "quantizers/method.h"

namespace quantbench {

struct PlannedCell {
  Method method;
  std::string method_id;
  /// SHA-256 over all that determines the result: method, model bytes, text bytes, tokenizer, protocol, windows,
  /// calibration, seed, metrics and their versions, version of quantbench. The number of threads is not among them.
  std::string id;
  ModelAllocation allocation;
  /// Of cells whose layers are quantized block by block (docs/calibration.md); else empty.
  std::optional<BlockwiseMemory> blockwise;
  std::uint64_t size_bytes = 0;  // of the quantized tensors
  double bits_per_weight = 0;
  Work work;
  bool keeps_statistics = false;  // of the calibration text, in the store, for other cells (docs/calibration.md)
  CellSeconds seconds;            // predicted
  std::uint64_t peak_bytes = 0;   // of resident memory, predicted (eval/runner/memory.h)
};

struct Plan {
  std::vector<PlannedCell> cells;
  std::vector<std::string> notes;           // what a reader should know: formats that were substituted
  std::uint64_t kept_statistics_bytes = 0;  // files that cells will share in the store, at most
  Work shared_work;                         // before the first cell
  double shared_seconds = 0;                // predicted
  MachineSpeed speed;                       // that seconds are predicted by
};

/// Seconds are by assumed speeds (eval/runner/prediction.h has better ones). Throws Error, naming method and tensor, when a tensor
/// cannot be stored in a method's format.
Plan make_plan(const Config& config, const Experiment& experiment);

/// 16 hexadecimal digits that name the plan's cells in their order.
std::string hash_of_plan(const Plan& plan);

/// One process of several that share a plan; number is in [1, count]. Which cells are its own: assign_shards.
struct Shard {
  std::size_t number = 1;
  std::size_t count = 1;
};
/// "2/4". Throws Error.
Shard parse_shard(std::string_view text);

/// The linear layers of the cell with what quantizes them, from the calibration text of the experiment.
BlockwiseTask blockwise_task(const Experiment& experiment, const ModelAllocation& allocation);

/// The table that --dry-run prints: method, bits per weight, bytes, seconds, peak of memory, and a total.
std::string describe_plan(const Plan& plan, const Shard& shard);
/// The same for programs, with the operations that were counted and the speed that seconds are predicted by.
std::string plan_json(const Plan& plan, const Shard& shard);

}  // namespace quantbench
