// All that differs between two reports, the important first. eval/explain/explain.h says what of it stands behind other figures;
// eval/compare/ judges whether they are worse.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eval/compare/compare.h"

namespace quantbench {

/// Parts of a report, in the order in which differences are listed.
enum class DiffSection {
  config,        // the text of the config
  data,          // facts (facts.h) of each topic
  protocol,      //
  environment,   //
  cells,         // cells that only one report has, or that failed in one
  results,       // figures of cells that both have
  tensors,       // formats and errors of single tensors
  kernels,       // measurements that only one report has
  expectations,  // published figures and orderings, with their verdicts
};
std::string_view to_string(DiffSection section);
const std::vector<DiffSection>& diff_sections();

struct ReportDifference {
  DiffSection section;
  std::string cell;    // method of the cell, id of the kernel measurement or of the expectation; else empty
  std::string tensor;  // in `tensors`
  std::string what;    // key of the config, fact, or member of the cell, tensor or kernel: "perplexity.value"
  nlohmann::ordered_json first, second;  // null: one report does not have it
  /// second / first - 1, of numbers that are not 0 before.
  std::optional<double> change = {};
  /// Facts, for people; else empty: the values as they are.
  std::string first_shown = {}, second_shown = {};
};

struct ReportDiff {
  std::vector<ReportDifference> differences;
  /// What differs from run to run and counts as no difference: seconds of cells, figures of kernels, the number of threads.
  std::vector<ReportDifference> timings;
  std::vector<std::string> not_recorded;  // facts and figures that only one of the reports says, each once

  std::size_t count(DiffSection section) const;
};

/// Cells are paired by method. `sections`: what is compared; empty: all. Throws Error when a method is twice in a report.
ReportDiff diff_reports(const ReportFile& first, const ReportFile& second,
                        const std::vector<DiffSection>& sections = {});

/// `most_rows`: of each table; 0: all.
std::string diff_text(const ReportFile& first, const ReportFile& second, const ReportDiff& diff, std::size_t most_rows,
                      std::size_t width);
std::string diff_json(const ReportFile& first, const ReportFile& second, const ReportDiff& diff);

}  // namespace quantbench
