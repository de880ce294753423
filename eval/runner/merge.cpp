#include "eval/runner/merge.h"

#include <algorithm>
#include <map>
#include <utility>

#include "core/error.h"
#include "core/file.h"
#include "eval/runner/store.h"

namespace quantbench {
namespace {

class Merger {
 public:
  Merger(const std::vector<std::filesystem::path>& folders, std::filesystem::path out) : out_(std::move(out)) {
    for (const auto& folder : folders) {
      if (!std::filesystem::exists(folder / "plan.json"))
        fail("{} is not a results store: it has no plan.json", folder.string());
      stores_.emplace_back(folder);
    }
  }

  MergedStores merge() {
    std::vector<StoredPlan> plans;
    for (const ResultStore& store : stores_) plans.push_back(store.read_plan());
    take_header(plans);
    std::map<std::string, bool> seen;
    for (const StoredPlan& plan : plans)
      for (const StoredPlan::Cell& cell : plan.cells) methods_[cell.id] = cell.method;
    for (const StoredPlan& plan : plans)
      for (const std::string& id : plan.ids)
        if (seen.emplace(id, true).second) add(id);
    return std::move(merged_);
  }

 private:
  // A cell may have been finished by a run of another name: the first store's last run is what the report is of. Plans of older
  // versions do not say it; then it is what the first cell says.
  void take_header(std::vector<StoredPlan>& plans) {
    const auto known = std::ranges::find_if(plans, [](const StoredPlan& plan) { return plan.header.has_value(); });
    if (known == plans.end()) return;
    merged_.report = std::move(*known->header);
    has_header_ = true;
  }

  // The cell from the first store that holds it finished, or failed when none does.
  void add(const std::string& id) {
    std::string problem;
    std::optional<std::pair<const ResultStore*, Report>> best;
    for (const ResultStore& store : stores_) {
      StoredCell stored = store.find(id);
      if (!stored.problem.empty()) problem = ": " + stored.problem;
      if (!stored.report) continue;
      const bool failed = !stored.report->cells.empty() && stored.report->cells[0].status != "ok";
      if (!best || !failed) best.emplace(&store, std::move(*stored.report));
      if (!failed) break;
    }
    if (!best)
      merged_.missing.push_back((methods_.contains(id) ? methods_.at(id) + " " : "") + id + problem);
    else
      append(*best->first, std::move(best->second));
  }

  void append(const ResultStore& store, Report&& part) {
    if (!part.cells.empty()) check(store, part);
    for (CellReport& cell : part.cells) {
      copy(store.nll_file(cell.id), cell.nll_file);
      copy(store.kld_file(cell.id), cell.kld_file);
      keep_commit(cell, part.environment, merged_.report.environment);
      merged_.report.cells.push_back(std::move(cell));
    }
    if (!has_header_ && merged_.report.run_name.empty()) {
      merged_.report = part;
      merged_.report.kernels.clear();
    }
    for (ThroughputReport& kernel : part.kernels) merged_.report.kernels.push_back(std::move(kernel));
  }

  void take_facts(const Report& part) {
    std::vector<ThroughputReport> kernels = std::move(merged_.report.kernels);
    merged_.report = part;
    merged_.report.cells.clear();
    merged_.report.kernels = std::move(kernels);
  }

  // The first cell decides what the others must have been measured on; kernels do not depend on it.
  void check(const ResultStore& store, const Report& part) {
    if (first_.empty()) {
      first_ = store.folder().string();
      if (!has_header_) take_facts(part);
    }
    const Report& whole = merged_.report;
    const auto equal = [&](const char* what, const std::string& one, const std::string& other) {
      if (one != other)
        fail("{} and {} do not merge: their {} differ ({} and {})", first_, store.folder().string(), what, one, other);
    };
    equal("models", whole.model_sha256, part.model_sha256);
    equal("tokenizers", whole.tokenizer_sha256, part.tokenizer_sha256);
    equal("texts", whole.dataset_sha256, part.dataset_sha256);
    equal("protocols", whole.protocol, part.protocol);
    equal("devices", whole.device, part.device);
  }

  /// name: of the copy, relative to the report; empty when the cell has no such file.
  void copy(const std::filesystem::path& from, const std::string& name) const {
    if (name.empty()) return;
    const std::filesystem::path target = out_.parent_path() / name;
    if (std::filesystem::exists(target) && std::filesystem::equivalent(target, from)) return;
    std::filesystem::create_directories(target.parent_path());
    const MappedFile source(from);
    AtomicFile file(target);
    file.write(source.bytes());
    file.commit();
  }

  std::vector<ResultStore> stores_;
  std::filesystem::path out_;
  std::string first_;
  bool has_header_ = false;
  std::map<std::string, std::string> methods_;  // of planned cells, by id; unknown in plans of older versions
  MergedStores merged_;
};

}  // namespace

MergedStores merge_stores(const std::vector<std::filesystem::path>& folders, const std::filesystem::path& report_file) {
  return Merger(folders, report_file).merge();
}

}  // namespace quantbench
