// For tests: runs of the tiny experiment as the two sides of a comparison.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "eval/compare/compare.h"
#include "eval/runner/report_files.h"
#include "eval/runner/runner.h"
#include "eval/testing/tiny_experiment.h"

namespace quantbench::testing_support {

/// Runs the plan into a store of its own, as `quantbench run --threads N --out` does.
inline ReportFile run_into(const TinyExperiment& tiny, const std::string& store, int threads = 1) {
  RunOptions options;
  options.folder = tiny.folder / store;
  options.threads = threads;
  return {run_plan(tiny.config, tiny.experiment, tiny.plan, options).report, options.folder / "report.json"};
}

/// Reads the config again, with other overrides or files.
inline void reload(TinyExperiment& tiny, const std::vector<std::string>& overrides) {
  tiny.config = load_config(tiny.folder / "tiny.yaml", overrides);
  tiny.experiment = load_experiment(tiny.config);
  tiny.plan = make_plan(tiny.config, tiny.experiment);
}

/// "gate of method; ..." of what fails.
inline std::string failures(const Comparison& comparison) {
  std::string text;
  for (const GateCheck& check : comparison.checks)
    if (check.fails) text += describe(check) + "\n";
  return text;
}

}  // namespace quantbench::testing_support
