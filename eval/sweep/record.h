// What `submit` leaves in the store's folder: DIR/submit/sweep.json, beside the job scripts and logs.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace quantbench {

struct SweepRecord {
  std::string engine;
  std::string name;  // of the config
  std::string plan;  // hash_of_plan
  std::size_t shards = 1;
  std::size_t cells = 0;          // of the plan
  std::vector<std::string> jobs;  // as the engine calls them; empty where it has no queue
};

std::filesystem::path submit_folder(const std::filesystem::path& store);
/// Whether the store belongs to a submitted sweep.
bool is_submitted(const std::filesystem::path& store);
void write_record(const std::filesystem::path& store, const SweepRecord& record);
/// Nothing when there is none. Throws Error when it is malformed.
std::optional<SweepRecord> read_record(const std::filesystem::path& store);

}  // namespace quantbench
