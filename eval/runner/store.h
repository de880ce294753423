// The results store: a folder with one file for every finished cell, so that a killed run loses nothing finished.
//
//   DIR/plan.json            the cells of the last run, in order, and what its report says beside them: what `merge` expects to
//                            find. {"cells": [id], "planned": [{"id", "method", "assumed_seconds"}], "report": header}
//   DIR/cells/ID.json        {"content_sha256", "report"}: a report of this one cell
//   DIR/nll/ID.f32           negative log-likelihood of every scored token, f32 little-endian
//   DIR/kld/ID.f32           KL divergence at every scored token, likewise; where a cell measures it
//   DIR/shared/              what cells share: the base model's logits, calibration
//   DIR/claims/, processes/  which process makes what (eval/runner/claims.h)
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

/// What a cell says of every scored token, in nats; empty where it does not say it.
struct TokenFigures {
  std::vector<float> nll, divergence;
};

/// What the store says of a plan.
struct StoredPlan {
  struct Cell {
    std::string id, method;
    double assumed_seconds = 0;  // what cells weigh against each other (eval/runner/shards.h)
  };
  std::vector<std::string> ids = {};  // in the order of the report: cells, then measurements of kernels
  std::vector<Cell> cells = {};       // empty in plans of older versions
  std::optional<Report> header = {};  // a report without cells; likewise
};

struct StoredCell {
  std::optional<Report> report;  // of the one cell
  std::string problem;           // why a file that is there is not believed; empty when there is none

  /// The cell when it is there and did not fail; otherwise nullptr.
  const CellReport* finished() const {
    const bool is_ok = report && !report->cells.empty() && report->cells[0].status == "ok";
    return is_ok ? &report->cells[0] : nullptr;
  }
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
  /// All folders that results are written to.
  std::vector<std::filesystem::path> result_folders() const;

  enum class Check { everything, record_alone };  // the cell's file alone: files of tokens are not read
  /// Never throws for what a file holds: a damaged or foreign file is a `problem`.
  StoredCell find(const std::string& id, Check check = Check::everything) const;
  /// `report` has the one cell `id`, or is kernel measurements under that id. Sets the names and hashes of the cell's files
  /// of tokens.
  void save(const std::string& id, Report& report, const TokenFigures& tokens) const;
  void remove(const std::string& id) const;
  /// The NLLs of a cell that `find` returned.
  std::vector<float> read_nll(const CellReport& cell) const;

  void write_plan(const StoredPlan& plan) const;
  /// Throws Error when there is none or it is malformed.
  StoredPlan read_plan() const;

 private:
  std::filesystem::path folder_;
};

}  // namespace quantbench
