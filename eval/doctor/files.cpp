#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "core/error.h"
#include "eval/doctor/finding.h"
#include "eval/embedded.h"

namespace quantbench {
namespace {

struct OptionalProgram {
  const char* name;
  const char* use;
  const char* how_to_get;
};

/// Nothing else needs them, so that their absence is no warning.
constexpr OptionalProgram optional_programs[] = {
    {"rsvg-convert", "makes PNG files of plots", "apt-get install librsvg2-bin"},
    {"sbatch", "submits sweeps to Slurm", "a node of a cluster has it; to try it out: scripts/slurm_single_node.sh"},
    {"nvcc", "builds the CUDA kernels", "the CUDA toolkit of NVIDIA, or apt-get install nvidia-cuda-toolkit"},
};

std::string find_program(const std::string& name) {
  const char* const path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::filesystem::path file = std::filesystem::path(folder.empty() ? "." : folder) / name;
    std::error_code ignored;
    if (std::filesystem::is_regular_file(file, ignored) && ::access(file.c_str(), X_OK) == 0) return file.string();
  }
  return "";
}

Finding program(const OptionalProgram& wanted) {
  const std::string path = find_program(wanted.name);
  Finding finding{wanted.name, path.empty() ? fmt::format("not found; {}: {}", wanted.use, wanted.how_to_get) : path};
  finding.figures = {{"path", path}, {"use", wanted.use}};
  return finding;
}

Finding embedded() {
  Finding finding{"embedded files", ""};
  std::size_t found = 0;
  std::string folder;
  for (const EmbeddedFile& file : embedded_files()) {
    try {
      const std::filesystem::path path = embedded_path(file.name, file.kind);
      finding.figures[file.name] = path.string();
      folder = path.parent_path().string();
      ++found;
    } catch (const Error& error) {
      finding.figures[file.name] = nullptr;
      finding.advice = error.what();
    }
  }
  finding.text =
      fmt::format("{} of {}{}", found, embedded_files().size(), folder.empty() ? "" : fmt::format(" in {}", folder));
  if (finding.warns()) finding.advice += "; install the package again, or keep the program in its build folder";
  return finding;
}

}  // namespace

std::vector<Finding> check_files() {
  std::vector<Finding> findings{embedded()};
  for (const OptionalProgram& wanted : optional_programs) findings.push_back(program(wanted));
  return findings;
}

}  // namespace quantbench
