// One report from several stores: the shards of a plan, or runs of several configs on the same model and text.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "eval/report.h"

namespace quantbench {

struct MergedStores {
  Report report;  // cells in the order of the stores' plans, none twice
  /// Planned cells that no store holds finished: "METHOD ID" or "METHOD ID: why it is not believed".
  std::vector<std::string> missing;
};

/// Throws Error for a folder that is no store, and for stores that differ in model, tokenizer, text or protocol, naming
/// both. Copies the files of tokens into `nll/` and `kld/` beside `report_file`.
MergedStores merge_stores(const std::vector<std::filesystem::path>& folders, const std::filesystem::path& report_file);

}  // namespace quantbench
