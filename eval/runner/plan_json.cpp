#include <nlohmann/json.hpp>

#include "eval/json_text.h"
#include "eval/runner/plan.h"
#include "eval/runner/shards.h"

namespace quantbench {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const Work& work) {
  return {{"evaluating", work.evaluating}, {"calibrating", work.calibrating}, {"searching", work.searching},
          {"logits", work.logits},         {"output", work.output},           {"moments", work.moments},
          {"factoring", work.factoring},   {"feedback", work.feedback},       {"clipping", work.clipping},
          {"compared", work.compared},     {"encoded", work.encoded}};
}

Json json_of(const PlannedCell& cell) {
  return {{"id", cell.id},
          {"method", cell.method_id},
          {"bits_per_weight", cell.bits_per_weight},
          {"size_bytes", cell.size_bytes},
          {"seconds", cell.seconds.total()},
          {"quantizing_seconds", cell.seconds.quantizing},
          {"peak_bytes", cell.peak_bytes},
          {"work", json_of(cell.work)}};
}

}  // namespace

std::string plan_json(const Plan& plan, const Shard& shard) {
  Json cells = Json::array();
  const std::vector<std::size_t> shards = assign_shards(plan, shard.count);
  double seconds = plan.shared_seconds;
  for (std::size_t i = 0; i < plan.cells.size(); ++i) {
    if (shards[i] != shard.number) continue;
    cells.push_back(json_of(plan.cells[i]));
    seconds += plan.cells[i].seconds.total();
  }
  const Json json{{"cells", std::move(cells)},
                  {"shared", {{"seconds", plan.shared_seconds}, {"work", json_of(plan.shared_work)}}},
                  {"seconds", seconds},
                  {"speed",
                   {{"operations_per_second", plan.speed.operations_per_second},
                    {"encoding_seconds", plan.speed.encoding_seconds}}},
                  {"notes", plan.notes}};
  return json_text(json);
}

}  // namespace quantbench
