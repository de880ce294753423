// What `quantbench doctor` finds out about one thing.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace quantbench {

struct Finding {
  std::string name;  // "open files"; at most 16 characters
  std::string text;
  nlohmann::ordered_json figures =
      nlohmann::ordered_json::object();  // the same for programs; names with units, bytes and seconds
  std::string advice = {};               // what is wrong and what to do about it; empty: nothing is

  bool warns() const { return !advice.empty(); }
};

/// Instruction sets, processors, threads, and what may keep the process from using them.
std::vector<Finding> check_processors();
/// Memory, large pages, limits of the process.
std::vector<Finding> check_memory();
/// CUDA devices, and whether this build can use them.
std::vector<Finding> check_gpu();
/// Space where reports and temporary files go, limits on open files.
std::vector<Finding> check_storage();
/// Models and texts that ship with quantbench, and programs that some commands use.
std::vector<Finding> check_files();
/// Measures what memory and arithmetic can do, for some seconds; shows progress.
std::vector<Finding> check_speed();

/// 12.3 GiB, 45.1 MiB, 512 bytes.
std::string bytes_text(double bytes);

}  // namespace quantbench
