// For tests: the folders of testdata that hold one fixture each.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace quantbench::testing_support {

/// Names of the folders in `path`, sorted.
inline std::vector<std::string> folders_in(const std::filesystem::path& path) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path))
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

}  // namespace quantbench::testing_support
