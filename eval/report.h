// Report: what a run found, as plain values. Reading and writing JSON is here; tables and pictures are drawn from this
// struct by eval/render/. The JSON paths are a contract (schema: eval/report.schema.json); absent metrics are absent
// members.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quantbench {

inline constexpr int report_schema_version = 1;

struct TensorReport {
  std::string name;
  std::string format;
  std::size_t rows = 0, cols = 0;
  double bits_per_weight = 0;
  double relative_rmse = 0;  // ||W - W'|| / ||W||
  double rmse = 0;           // sqrt(mean (W - W')^2)
  double max_abs_error = 0;
  double cosine = 1;
  std::optional<double> weighted_relative_rmse;  // squared errors weighted by mean x^2 of the input column
  std::string fallback;                          // why another format than asked was used; empty: none
  std::optional<double> rms = {};                // sqrt(mean W^2); absent in old reports
  /// Above the least error of Gaussian weights at as many bits (eval/metrics/rate_distortion.h). Absent without an error.
  std::optional<double> rate_distortion_db = {};
};

struct RmseReport {
  double relative = 0;  // over all quantized weights of the cell together
  double absolute = 0;
  std::optional<double> weighted_relative;
  std::optional<double> rate_distortion_db = {};  // bits going to tensors as they lower the error most
};

struct PerplexityReport {
  double value = 0;
  double stderr_ = 0;      // JSON: "stderr"
  std::size_t tokens = 0;  // scored tokens
  std::string protocol;
  // Against the f32 cell of the same run, paired over tokens: mean NLL difference and its 95 % confidence interval.
  std::optional<double> difference, difference_lower, difference_upper;
};

struct KldReport {  // nats
  double mean = 0, median = 0, p90 = 0, p99 = 0, max = 0;
  double top1_agreement = 1;              // fraction of positions with the same most likely token
  double rms_probability_difference = 0;  // of the probability of the true next token
  double noise_floor = 0;  // mean KLD between two evaluations of the base that differ in summation order only
  std::optional<double> stderr_ = {};  // JSON: "stderr"; of the mean over scored tokens; absent in old reports
};

struct ThroughputReport {
  std::string id;  // op/format/isa, e.g. "matvec/q4_0/avx2"
  std::string device;
  std::string shape;    // "4096x4096x1": outputs x inputs x batch
  std::string variant;  // "generic", "tuned" or "repacked"
  int threads = 1;
  double seconds_median = 0, seconds_p10 = 0, seconds_p90 = 0;
  double bytes_per_second = 0;
  double flops_per_second = 0;
  double percent_of_peak = 0;                     // of the peak that bounds the op, measured in the same run
  std::string peak;                               // "read_bandwidth", "f32_fma", "int8_dot" or "bf16_dot": which
  std::optional<double> percent_of_reading = {};  // decode: time of reading the weights alone, in turn with the calls
  std::optional<double> repacking_seconds = {};   // repacked weights: once, on one thread
  std::optional<double> repacked_bytes = {};      // of the weights afterwards
  // CUDA devices, where the driver says: while the calls ran, medians, in MHz.
  std::optional<double> multiprocessor_clock = {}, memory_clock = {};
};

struct CellReport {
  std::string id;  // hash of all that determines the result
  std::string method;
  double bits_per_weight = 0;  // over the quantized tensors, scales and padding counted
  std::uint64_t size_bytes = 0;
  std::string status;  // "ok" or "failed"
  std::string error;   // when failed
  double seconds = 0;
  std::optional<RmseReport> rmse;
  std::optional<PerplexityReport> perplexity;
  std::optional<KldReport> kld;
  std::vector<TensorReport> tensors;
  /// What encoders weighted the columns by: an importance matrix or a calibration text. Empty: all counted the same.
  std::string importance;
  std::vector<std::string> notes;  // what the reader should know about the cell
  /// Per-token NLLs of the scored tokens, for paired comparisons between reports: file name relative to the report.
  std::string nll_file;
  std::string nll_sha256;
  /// KL divergence at the same tokens, where it is measured.
  std::string kld_file;
  std::string kld_sha256;
  /// Of the program that computed the cell, where the report was put together by another one; else empty.
  std::string commit = {};
};

/// How a stream of tokens was cut into windows, and what of them was scored (datasets/windows.h).
struct WindowFacts {
  std::size_t count = 0;         // evaluated
  std::size_t available = 0;     // that the text has
  std::size_t length = 0;        // tokens of each
  std::size_t stride = 0;        // from the start of one to the start of the next
  std::size_t first_scored = 0;  // predictions at positions first_scored .. length - 2 are scored
  std::size_t scored_each = 0;
  std::size_t bos_tokens = 0;  // put in, or written over tokens of the text, in the evaluated windows
};

struct TokenizerFacts {
  std::string kind;  // "llama", "gpt2/qwen2"
  std::size_t vocabulary = 0;
  bool adds_bos = false;  // the vocabulary asks for one at the start of a text
};

struct CalibrationFacts {
  std::string name, sha256, loader, protocol;
  std::size_t tokens = 0;  // of the text
  WindowFacts windows;
  bool sequential = true, true_sequential = false;  // docs/calibration.md
};

struct FileFacts {
  std::string name, sha256;
};

struct MetricFacts {
  std::string name;
  int version = 1;
};

/// A published figure beside the measured one (eval/expectations/judge.h).
struct ExpectationReport {
  std::string method, metric, model, source, dataset, protocol;
  double published = 0;
  double tolerance = 0;  // in units of the figure
  std::optional<double> measured, difference;
  std::string verdict;  // "within", "outside", "not comparable", "not measured"
  std::string reason;   // of the last two
};

/// Whether `better` had a lower figure than `worse`: mean difference over windows, with its 95 % confidence interval.
struct OrderingReport {
  std::string better, worse, metric, source;
  std::optional<double> difference, lower, upper;  // better - worse, nats for each token
  std::string verdict;                             // "holds", "fails", "inconclusive", "not measured"
  std::string reason;
};

struct Environment {
  std::string cpu, isa, compiler, flags, gpu, version;
  int threads = 1;
  /// The newest that the machine has: `isa`, unless the run was limited; empty in old reports.
  std::string machine_isa = {};
  /// Of the program's sources: quantbench_commit(); empty in old reports.
  std::string commit = {};
};

struct Report {
  int schema_version = report_schema_version;
  std::string run_name, config_sha256;
  /// JSON: the config after includes and overrides, which config_sha256 is of; empty in old reports.
  std::string config = {};
  std::uint64_t seed = 0;
  std::vector<MetricFacts> metrics;  // empty in old reports, as are all the optional facts below
  std::string device = {};           // where products with weights were evaluated: "cuda"; empty: the CPU
  Environment environment;
  std::string model_name, model_sha256;
  std::uint64_t model_parameters = 0;
  std::string dataset_name, dataset_sha256, protocol, tokenizer_sha256;
  std::size_t dataset_tokens = 0;
  std::string dataset_loader;  // how the text was put together; empty: a text file as it is
  std::optional<WindowFacts> dataset_windows;
  std::optional<TokenizerFacts> tokenizer;
  std::optional<CalibrationFacts> calibration;
  std::optional<FileFacts> importance_matrix;
  std::vector<CellReport> cells;
  std::vector<ThroughputReport> kernels;
  std::vector<ExpectationReport> expectations;
  std::vector<OrderingReport> orderings;
};

/// For a cell of one report that is put into another: names in the cell the commit that computed it, where the reports' differ.
void keep_commit(CellReport& cell, const Environment& computed_in, const Environment& reported_in);

/// nullptr when the report has no cell of the method.
const CellReport* find_cell(const Report& report, const std::string& method);

/// Pretty-printed JSON that validates against the published schema. Throws Error when a number is not finite.
std::string to_json(const Report& report);
/// Throws Error naming `source` and the JSON path for malformed JSON, missing or mistyped members, NaN, duplicate
/// cells, or a newer schema_version. Unknown members are ignored (later versions extend).
Report parse_report(std::string_view json, const std::string& source);
Report read_report(const std::filesystem::path& path);

/// The report without what differs from run to run: seconds are 0, environment.threads is 1, kernels is empty. Two runs
/// of one plan by the same program give equal JSON after this, whatever the number of threads.
Report without_timings(Report report);

}  // namespace quantbench
