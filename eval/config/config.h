// The config of an experiment: YAML read strictly, includes merged, overrides applied, methods expanded
// (docs/config.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/windows.h"
#include "eval/calibration_flow.h"
#include "eval/expectations/expectations.h"
#include "quantizers/allocation/allocation.h"
#include "quantizers/method.h"

namespace quantbench {

/// A model or text: an `embedded:` name, or a path (relative in the config file: to that file).
struct FileReference {
  std::string name;  // "embedded:stories", or the path's last component: reports must not depend on where a file lies
  std::string location;  // for model_path and text_path
};

struct DatasetConfig {
  FileReference text;
  Protocol protocol;
  std::size_t chunks = 0;  // windows of the protocol; 0: all
};

struct ThroughputShape {
  std::size_t rows = 0;  // outputs
  std::size_t cols = 0;  // inputs
};

struct ThroughputConfig {
  std::vector<ThroughputShape> shapes;
  std::vector<std::size_t> batches;  // tokens at once; 1: matrix times vector
  std::vector<int> threads;
  std::vector<std::string> formats;         // ids; empty: those of the methods
  std::vector<std::string> devices{"cpu"};  // "cpu", "cuda"
};

struct Config {
  std::string name;
  std::optional<FileReference> model;  // absent only when throughput is all that is measured
  std::string model_name;              // what tables call the model: the key, else the name of its file or folder
  std::optional<DatasetConfig> dataset;
  std::optional<DatasetConfig> calibration;
  CalibrationFlow calibration_flow{};
  std::optional<FileReference> imatrix;
  std::map<std::string, std::vector<TensorRule>> rules;  // by the name that the option `rules` of methods gives
  Fallback fallback = Fallback::by_method;
  std::string device = "cpu";        // where products with weights are evaluated: "cpu" or "cuda"
  std::vector<std::string> metrics;  // names in the order of Registry<Metric>
  std::vector<Method> methods;
  std::optional<ThroughputConfig> throughput;
  Expectations expectations;
  std::uint64_t seed = 0;
  std::optional<int> threads;
  std::size_t most_cells = 1000;
  std::string json;    // the merged tree without `threads`, canonical_text (yaml.h): equal for equal experiments
  std::string sha256;  // of `json`
  std::vector<std::string> notes;  // what a reader should know: duplicates dropped, cells added

  bool measures(std::string_view metric) const;
  /// Empty when the method names none.
  std::vector<TensorRule> rules_of(const Method& method) const;
};

/// Reads an included file. Throws Error when it cannot.
using ConfigReader = std::function<std::string(const std::filesystem::path&)>;

/// `source` names the text in errors and is the path that relative paths in it start from. Throws Error naming
/// file:line:column, what was found and what is expected.
Config parse_config(std::string_view text, const std::string& source, const ConfigReader& read,
                    const std::vector<std::string>& overrides = {});
Config load_config(const std::filesystem::path& path, const std::vector<std::string>& overrides = {});

}  // namespace quantbench
