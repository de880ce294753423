#include "eval/sweep/record.h"

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"

namespace quantbench {
namespace {

using Json = nlohmann::ordered_json;

std::filesystem::path record_file(const std::filesystem::path& store) { return submit_folder(store) / "sweep.json"; }

}  // namespace

std::filesystem::path submit_folder(const std::filesystem::path& store) { return store / "submit"; }

bool is_submitted(const std::filesystem::path& store) { return std::filesystem::exists(record_file(store)); }

void write_record(const std::filesystem::path& store, const SweepRecord& record) {
  const Json document = {{"engine", record.engine}, {"name", record.name},   {"plan", record.plan},
                         {"shards", record.shards}, {"cells", record.cells}, {"jobs", record.jobs}};
  write_text_atomically(record_file(store), document.dump(2) + "\n");
}

std::optional<SweepRecord> read_record(const std::filesystem::path& store) {
  const std::filesystem::path path = record_file(store);
  if (!std::filesystem::exists(path)) return std::nullopt;
  try {
    const Json document = Json::parse(read_text(path));
    SweepRecord record;
    document.at("engine").get_to(record.engine);
    document.at("name").get_to(record.name);
    document.at("plan").get_to(record.plan);
    document.at("shards").get_to(record.shards);
    document.at("cells").get_to(record.cells);
    document.at("jobs").get_to(record.jobs);
    return record;
  } catch (const Json::exception& error) {
    fail("{} is malformed: {}", path.string(), error.what());
  }
}

}  // namespace quantbench
