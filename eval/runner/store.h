// The results store: a folder with one file for every finished cell, so that a killed run loses nothing finished.
//
//   DIR/plan.json            the cells of the last run, in order: what `merge` expects to find
//   DIR/cells/ID.json        {"content_sha256", "report"}: a report of this one cell
//   DIR/nll/ID.f32           negative log-likelihood of every scored token, f32 little-endian
//   DIR/kld/ID.f32           KL divergence at every scored token, likewise; where a cell measures it
//   DIR/shared/              what cells share: the base model's logits
//   DIR/locks/               one lock file for each thing that only one process at a time may compute
//
// Files appear by rename only. A stored cell is believed when its content hash, its id and the hashes of its files of tokens
// hold.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eval/report.h"
#include "eval/runner/plan.h"

namespace quantbench {

/// An exclusive lock between processes, held while the object lives. The system releases it when a process dies.
class FileLock {
 public:
  /// Waits for the lock. Throws Error when the file cannot be opened.
  static FileLock wait(const std::filesystem::path& path);
  /// Nothing when another process holds it.
  static std::optional<FileLock> try_lock(const std::filesystem::path& path);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

/// What a cell says of every scored token, in nats; empty where it does not say it.
struct TokenFigures {
  std::vector<float> nll, divergence;
};

struct StoredCell {
  std::optional<Report> report;  // of the one cell
  std::string problem;           // why a file that is there is not believed; empty when there is none
};

class ResultStore {
 public:
  /// Creates the folders. Throws Error when that fails.
  explicit ResultStore(std::filesystem::path folder);

  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path cell_file(const std::string& id) const { return folder_ / "cells" / (id + ".json"); }
  std::filesystem::path nll_file(const std::string& id) const { return folder_ / "nll" / (id + ".f32"); }
  std::filesystem::path kld_file(const std::string& id) const { return folder_ / "kld" / (id + ".f32"); }
  std::filesystem::path shared_file(const std::string& name) const { return folder_ / "shared" / name; }
  std::filesystem::path lock_file(const std::string& name) const { return folder_ / "locks" / name; }

  /// Never throws for what a file holds: a damaged or foreign file is a `problem`.
  StoredCell find(const std::string& id) const;
  /// `report` has the one cell `id`, or is kernel measurements under that id. Sets the names and hashes of the cell's files
  /// of tokens.
  void save(const std::string& id, Report& report, const TokenFigures& tokens) const;
  void remove(const std::string& id) const;
  /// The NLLs of a cell that `find` returned.
  std::vector<float> read_nll(const CellReport& cell) const;

  void write_plan(const std::vector<std::string>& ids) const;
  /// Throws Error when there is none or it is malformed.
  std::vector<std::string> read_plan() const;

 private:
  std::filesystem::path folder_;
};

/// Removes what a process that was killed while writing `path` left behind. Hold the lock of `path`.
void remove_unfinished(const std::filesystem::path& path);

}  // namespace quantbench
