#include "eval/sweep/status.h"
#include "eval/json_text.h"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "eval/command.h"
#include "eval/commands/terminal.h"

namespace quantbench {
namespace {

constexpr int exit_failed = 1;
constexpr int exit_unfinished = 3;

using Json = nlohmann::ordered_json;

std::string duration(double seconds) {
  if (seconds < 60) return fmt::format("{:.0f} s", seconds);
  const long minutes = static_cast<long>(seconds) / 60;
  return minutes < 60 ? fmt::format("{} min", minutes) : fmt::format("{} h {:02} min", minutes / 60, minutes % 60);
}

std::string holders(const SweepStatus& status) {
  std::string text;
  for (const CellStatus& cell : status.cells)
    if (cell.holder)
      text += fmt::format("  running  {}: {}, for {}\n", cell.method, to_string(cell.holder->holder),
                          duration(cell.holder->held_seconds));
  for (const ClaimState& claim : status.other)
    text +=
        fmt::format("  running  {}: {}, for {}\n", claim.what, to_string(claim.holder), duration(claim.held_seconds));
  return text;
}

std::string problems(const SweepStatus& status) {
  std::string text;
  for (const CellStatus& cell : status.cells)
    if (!cell.error.empty()) text += fmt::format("  {:<8} {}: {}\n", to_string(cell.state), cell.method, cell.error);
  for (const ClaimState& claim : status.dead)
    text += fmt::format("  dead     {}: {}, {}; the next process takes it over\n", claim.what, to_string(claim.holder),
                        claim.holder.state == HolderState::ended
                            ? "ended"
                            : "no sign of life for " + duration(claim.holder.silent_seconds));
  return text;
}

std::string to_text(const SweepStatus& status) {
  std::string text = fmt::format("{}: {} cells: {} done, {} failed, {} running, {} waiting", status.name,
                                 status.cells.size(), status.count(CellState::done), status.count(CellState::failed),
                                 status.count(CellState::running), status.count(CellState::waiting));
  if (status.seconds_left) text += fmt::format("; about {} left", duration(*status.seconds_left));
  text += "\n";
  text += holders(status) + problems(status);
  if (!status.queue.empty())
    text += fmt::format("queue of {} (job, state, reason)\n{}", status.record->engine, status.queue);
  return text;
}

Json to_json(const ClaimState& claim) {
  Json json = {
      {"what", claim.what},      {"host", claim.holder.host},     {"pid", claim.holder.pid},
      {"job", claim.holder.job}, {"seconds", claim.held_seconds}, {"silent_seconds", claim.holder.silent_seconds}};
  return json;
}

Json claims_json(const std::vector<ClaimState>& claims) {
  Json json = Json::array();
  for (const ClaimState& claim : claims) json.push_back(to_json(claim));
  return json;
}

std::string to_json_text(const SweepStatus& status) {
  Json cells = Json::array();
  for (const CellStatus& cell : status.cells) {
    Json& json = cells.emplace_back(Json{{"id", cell.id}, {"method", cell.method}, {"state", to_string(cell.state)}});
    if (!cell.error.empty()) json["error"] = cell.error;
    if (cell.holder) json["holder"] = to_json(*cell.holder);
  }
  Json document = {{"name", status.name}, {"planned", status.cells.size()}};
  for (const CellState state : {CellState::done, CellState::failed, CellState::running, CellState::waiting})
    document[to_string(state)] = status.count(state);
  document["seconds_left"] = status.seconds_left ? Json(*status.seconds_left) : Json();
  document["cells"] = std::move(cells);
  document["other_claims"] = claims_json(status.other);
  document["dead_claims"] = claims_json(status.dead);
  if (status.record) document["submitted"] = {{"engine", status.record->engine}, {"jobs", status.record->jobs}};
  document["queue"] = status.queue;
  return json_text(document);
}

int show(const std::string& folder, bool json) {
  const SweepStatus status = read_status(folder);
  print_text(json ? to_json_text(status) : to_text(status));
  if (status.count(CellState::running) + status.count(CellState::waiting) > 0) return exit_unfinished;
  return status.count(CellState::failed) > 0 ? exit_failed : 0;
}

std::function<int()> declare(CommandOptions& options) {
  struct Arguments {
    std::string folder;
    bool json = false;
  };
  auto arguments = std::make_shared<Arguments>();
  options.add("DIR", arguments->folder, "folder that `run` or `submit` writes to").required();
  options.add_flag("--json", arguments->json, "as a JSON object");
  options.footer(
      "Exit codes: 0 all cells are done, 1 all are done or failed, 2 not a results store, 3 cells are running or "
      "waiting.\n"
      "Examples:\n"
      "  quantbench status results/store/sweep\n"
      "  quantbench status results/store/sweep --json | jq '.cells[] | select(.state == \"failed\")'");
  return [arguments] { return show(arguments->folder, arguments->json); };
}

const Register<Command> registered{"status", {"Show how far a sweep is", declare}};

}  // namespace
}  // namespace quantbench
