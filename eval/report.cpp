#include "eval/report.h"

#include <cmath>
#include <concepts>
#include <nlohmann/json.hpp>
#include <set>
#include <type_traits>
#include <utility>

#include "core/error.h"
#include "core/file.h"

namespace quantbench {
namespace {

using Json = nlohmann::ordered_json;

template <class T, class Wanted>
concept Is = std::same_as<std::remove_const_t<T>, Wanted>;

// The members of each object, once for both directions: `visit` is the writer or the reader.

template <class Visit>
void fields(Visit& visit, Is<TensorReport> auto& tensor) {
  visit("name", tensor.name);
  visit("format", tensor.format);
  visit("rows", tensor.rows);
  visit("cols", tensor.cols);
  visit("bits_per_weight", tensor.bits_per_weight);
  visit("relative_rmse", tensor.relative_rmse);
  visit("rmse", tensor.rmse);
  visit("max_abs_error", tensor.max_abs_error);
  visit("cosine", tensor.cosine);
  visit("rms", tensor.rms);
  visit("rate_distortion_db", tensor.rate_distortion_db);
  visit("weighted_relative_rmse", tensor.weighted_relative_rmse);
  visit("fallback", tensor.fallback);
}

template <class Visit>
void fields(Visit& visit, Is<RmseReport> auto& rmse) {
  visit("relative", rmse.relative);
  visit("absolute", rmse.absolute);
  visit("weighted_relative", rmse.weighted_relative);
  visit("rate_distortion_db", rmse.rate_distortion_db);
}

template <class Visit>
void fields(Visit& visit, Is<PerplexityReport> auto& perplexity) {
  visit("value", perplexity.value);
  visit("stderr", perplexity.stderr_);
  visit("tokens", perplexity.tokens);
  visit("protocol", perplexity.protocol);
  visit("difference", perplexity.difference);
  visit("difference_lower", perplexity.difference_lower);
  visit("difference_upper", perplexity.difference_upper);
}

template <class Visit>
void fields(Visit& visit, Is<KldReport> auto& kld) {
  visit("mean", kld.mean);
  visit("median", kld.median);
  visit("p90", kld.p90);
  visit("p99", kld.p99);
  visit("max", kld.max);
  visit("top1_agreement", kld.top1_agreement);
  visit("rms_probability_difference", kld.rms_probability_difference);
  visit("noise_floor", kld.noise_floor);
  visit("stderr", kld.stderr_);
}

template <class Visit>
void fields(Visit& visit, Is<ThroughputReport> auto& kernel) {
  visit("id", kernel.id);
  visit("device", kernel.device);
  visit("shape", kernel.shape);
  visit("variant", kernel.variant);
  visit("threads", kernel.threads);
  visit("seconds_median", kernel.seconds_median);
  visit("seconds_p10", kernel.seconds_p10);
  visit("seconds_p90", kernel.seconds_p90);
  visit("bytes_per_second", kernel.bytes_per_second);
  visit("flops_per_second", kernel.flops_per_second);
  visit("percent_of_peak", kernel.percent_of_peak);
  visit("peak", kernel.peak);
  visit("percent_of_reading", kernel.percent_of_reading);
  visit("repacking_seconds", kernel.repacking_seconds);
  visit("repacked_bytes", kernel.repacked_bytes);
  visit("multiprocessor_clock", kernel.multiprocessor_clock);
  visit("memory_clock", kernel.memory_clock);
}

template <class Visit>
void fields(Visit& visit, Is<CellReport> auto& cell) {
  visit("id", cell.id);
  visit("method", cell.method);
  visit("bits_per_weight", cell.bits_per_weight);
  visit("size_bytes", cell.size_bytes);
  visit("status", cell.status);
  visit.unless_empty("error", cell.error);
  visit("seconds", cell.seconds);
  visit("rmse", cell.rmse);
  visit("perplexity", cell.perplexity);
  visit("kld", cell.kld);
  visit.unless_empty("importance", cell.importance);
  visit.unless_empty("notes", cell.notes);
  visit.unless_empty("nll_file", cell.nll_file);
  visit.unless_empty("nll_sha256", cell.nll_sha256);
  visit.unless_empty("kld_file", cell.kld_file);
  visit.unless_empty("kld_sha256", cell.kld_sha256);
  visit.unless_empty("commit", cell.commit);
  visit("tensors", cell.tensors);
}

template <class Visit>
void fields(Visit& visit, Is<Environment> auto& environment) {
  visit("version", environment.version);
  visit.unless_empty("commit", environment.commit);
  visit("cpu", environment.cpu);
  visit("isa", environment.isa);
  visit.unless_empty("machine_isa", environment.machine_isa);
  visit("threads", environment.threads);
  visit("compiler", environment.compiler);
  visit("flags", environment.flags);
  visit("gpu", environment.gpu);
}

template <class Visit>
void fields(Visit& visit, Is<WindowFacts> auto& windows) {
  visit("count", windows.count);
  visit("available", windows.available);
  visit("length", windows.length);
  visit("stride", windows.stride);
  visit("first_scored", windows.first_scored);
  visit("scored_each", windows.scored_each);
  visit("bos_tokens", windows.bos_tokens);
}

template <class Visit>
void fields(Visit& visit, Is<TokenizerFacts> auto& tokenizer) {
  visit("kind", tokenizer.kind);
  visit("vocabulary", tokenizer.vocabulary);
  visit("adds_bos", tokenizer.adds_bos);
}

template <class Visit>
void fields(Visit& visit, Is<CalibrationFacts> auto& calibration) {
  visit("name", calibration.name);
  visit("sha256", calibration.sha256);
  visit.unless_empty("loader", calibration.loader);
  visit("tokens", calibration.tokens);
  visit("protocol", calibration.protocol);
  visit("windows", calibration.windows);
  visit("sequential", calibration.sequential);
  visit("true_sequential", calibration.true_sequential);
}

template <class Visit>
void fields(Visit& visit, Is<FileFacts> auto& file) {
  visit("name", file.name);
  visit("sha256", file.sha256);
}

template <class Visit>
void fields(Visit& visit, Is<MetricFacts> auto& metric) {
  visit("name", metric.name);
  visit("version", metric.version);
}

template <class Visit>
void fields(Visit& visit, Is<ExpectationReport> auto& expectation) {
  visit("method", expectation.method);
  visit("metric", expectation.metric);
  visit.unless_empty("model", expectation.model);
  visit("source", expectation.source);
  visit.unless_empty("dataset", expectation.dataset);
  visit.unless_empty("protocol", expectation.protocol);
  visit("published", expectation.published);
  visit("tolerance", expectation.tolerance);
  visit("measured", expectation.measured);
  visit("difference", expectation.difference);
  visit("verdict", expectation.verdict);
  visit.unless_empty("reason", expectation.reason);
}

template <class Visit>
void fields(Visit& visit, Is<OrderingReport> auto& ordering) {
  visit("better", ordering.better);
  visit("worse", ordering.worse);
  visit("metric", ordering.metric);
  visit.unless_empty("source", ordering.source);
  visit("difference", ordering.difference);
  visit("lower", ordering.lower);
  visit("upper", ordering.upper);
  visit("verdict", ordering.verdict);
  visit.unless_empty("reason", ordering.reason);
}

template <class Visit>
void fields(Visit& visit, Is<Report> auto& report) {
  visit("schema_version", report.schema_version);
  visit.group("run", [&](auto& run) {
    run("name", report.run_name);
    run("config_sha256", report.config_sha256);
    run.object_unless_empty("config", report.config);
    run("seed", report.seed);
    run.unless_empty("metrics", report.metrics);
    run.unless_empty("device", report.device);
  });
  visit("environment", report.environment);
  visit.group("model", [&](auto& model) {
    model("name", report.model_name);
    model("sha256", report.model_sha256);
    model("parameters", report.model_parameters);
  });
  visit.group("dataset", [&](auto& dataset) {
    dataset("name", report.dataset_name);
    dataset("sha256", report.dataset_sha256);
    dataset("protocol", report.protocol);
    dataset("tokenizer_sha256", report.tokenizer_sha256);
    dataset("tokens", report.dataset_tokens);
    dataset.unless_empty("loader", report.dataset_loader);
    dataset("windows", report.dataset_windows);
  });
  visit("tokenizer", report.tokenizer);
  visit("calibration", report.calibration);
  visit("importance_matrix", report.importance_matrix);
  visit.unless_empty("expectations", report.expectations);
  visit.unless_empty("orderings", report.orderings);
  visit("cells", report.cells);
  visit("kernels", report.kernels);
}

template <class T>
constexpr bool is_optional = false;
template <class T>
constexpr bool is_optional<std::optional<T>> = true;
template <class T>
constexpr bool is_list = false;
template <class T>
constexpr bool is_list<std::vector<T>> = true;

std::string member_path(const std::string& parent, const char* name) {
  return parent.empty() ? name : parent + "." + name;
}

class Writer {
 public:
  explicit Writer(std::string path) : path_(std::move(path)) {}

  template <class T>
  void operator()(const char* name, const T& value) {
    if constexpr (is_optional<T>) {
      if (value) (*this)(name, *value);
    } else {
      object_[name] = encode(value, member_path(path_, name));
    }
  }

  void unless_empty(const char* name, const auto& text_or_list) {
    if (!text_or_list.empty()) (*this)(name, text_or_list);
  }

  /// A member that is an object of any shape, held as JSON text.
  void object_unless_empty(const char* name, const std::string& json) {
    if (!json.empty()) object_[name] = Json::parse(json);
  }

  template <class Body>
  void group(const char* name, const Body& body) {
    Writer inner(member_path(path_, name));
    body(inner);
    object_[name] = std::move(inner.object_);
  }

  template <class T>
  static Json encode(const T& value, const std::string& path) {
    if constexpr (std::floating_point<T>) {
      if (!std::isfinite(value)) fail("the report cannot hold {} = {}: JSON has finite numbers only", path, value);
      return value;
    } else if constexpr (std::integral<T> || std::same_as<T, std::string>) {
      return value;
    } else if constexpr (is_list<T>) {
      Json list = Json::array();
      for (std::size_t i = 0; i < value.size(); ++i) list.push_back(encode(value[i], fmt::format("{}[{}]", path, i)));
      return list;
    } else {
      Writer inner(path);
      fields(inner, value);
      return std::move(inner.object_);
    }
  }

 private:
  Json object_ = Json::object();
  std::string path_;
};

class Reader {
 public:
  Reader(const Json& object, const std::string& source, std::string path)
      : object_(object), source_(source), path_(std::move(path)) {
    if (!object.is_object()) mistyped(path_.empty() ? "the document" : path_, object, "an object");
  }

  template <class T>
  void operator()(const char* name, T& value) const {
    const std::string path = member_path(path_, name);
    const auto found = object_.find(name);
    if constexpr (is_optional<T>) {
      if (found != object_.end()) decode(*found, value.emplace(), path);
    } else {
      if (found == object_.end()) fail("{}: {} is missing", source_, path);
      decode(*found, value, path);
    }
  }

  void unless_empty(const char* name, auto& text_or_list) const {
    if (object_.contains(name)) (*this)(name, text_or_list);
  }

  void object_unless_empty(const char* name, std::string& json) const {
    const auto found = object_.find(name);
    if (found == object_.end()) return;
    if (!found->is_object()) mistyped(member_path(path_, name), *found, "an object");
    check_depth(*found, member_path(path_, name), most_depth);
    json = found->dump();
  }

  template <class Body>
  void group(const char* name, const Body& body) const {
    const std::string path = member_path(path_, name);
    const auto found = object_.find(name);
    if (found == object_.end()) fail("{}: {} is missing", source_, path);
    const Reader inner(*found, source_, path);
    body(inner);
  }

 private:
  [[noreturn]] void mistyped(const std::string& path, const Json& found, const char* expected) const {
    fail("{}: {} is {} and must be {}", source_, path, found.type_name(), expected);
  }

  // Configs are nested 32 deep at most; text is made of them by recursion.
  static constexpr int most_depth = 64;

  void check_depth(const Json& json, const std::string& path, int left) const {
    if (left == 0) fail("{}: {} is nested more than {} deep", source_, path, most_depth);
    if (!json.is_structured()) return;
    for (const Json& item : json) check_depth(item, path, left - 1);
  }

  template <class T>
  void decode(const Json& json, T& value, const std::string& path) const {
    if constexpr (std::floating_point<T>) {
      if (!json.is_number()) mistyped(path, json, "a number");
      value = json.get<T>();
    } else if constexpr (std::same_as<T, bool>) {
      if (!json.is_boolean()) mistyped(path, json, "true or false");
      value = json.get<bool>();
    } else if constexpr (std::integral<T>) {
      decode_integer(json, value, path);
    } else if constexpr (std::same_as<T, std::string>) {
      if (!json.is_string()) mistyped(path, json, "a string");
      value = json.get<std::string>();
    } else if constexpr (is_list<T>) {
      if (!json.is_array()) mistyped(path, json, "an array");
      for (std::size_t i = 0; i < json.size(); ++i)
        decode(json[i], value.emplace_back(), fmt::format("{}[{}]", path, i));
    } else {
      const Reader inner(json, source_, path);
      fields(inner, value);
    }
  }

  template <std::integral T>
  void decode_integer(const Json& json, T& value, const std::string& path) const {
    if (!json.is_number_integer()) mistyped(path, json, "a whole number");
    const bool fits = json.is_number_unsigned() ? std::in_range<T>(json.get<std::uint64_t>())
                                                : std::in_range<T>(json.get<std::int64_t>());
    if (!fits) fail("{}: {} = {} is out of range", source_, path, json.dump());
    value = json.get<T>();
  }

  const Json& object_;
  const std::string& source_;
  std::string path_;
};

Json parse_json(std::string_view text, const std::string& source) {
  try {
    return Json::parse(text);
  } catch (const Json::exception& error) {
    fail("{} is not a readable JSON report: {}", source, error.what());
  }
}

void check_version(const Json& json, const std::string& source) {
  int version = 0;
  Reader(json, source, "")("schema_version", version);
  if (version < 1 || version > report_schema_version)
    fail("{}: schema_version is {}; this version of quantbench reads 1 to {}", source, version, report_schema_version);
}

void check_cells(const Report& report, const std::string& source) {
  std::set<std::string_view> ids;
  for (std::size_t i = 0; i < report.cells.size(); ++i) {
    const CellReport& cell = report.cells[i];
    if (cell.status != "ok" && cell.status != "failed")
      fail("{}: cells[{}].status is '{}' and must be ok or failed", source, i, cell.status);
    if (!ids.insert(cell.id).second) fail("{}: cells[{}].id {} appears twice", source, i, cell.id);
  }
}

}  // namespace

void keep_commit(CellReport& cell, const Environment& computed_in, const Environment& reported_in) {
  if (!cell.commit.empty() || computed_in.commit == reported_in.commit) return;
  cell.commit = computed_in.commit.empty() ? "unknown" : computed_in.commit;
}

std::string to_json(const Report& report) {
  const Json json = Writer::encode(report, "");
  try {
    return json.dump(2) + "\n";
  } catch (const Json::exception& error) {
    fail("the report of '{}' cannot be written as JSON: {}", report.run_name, error.what());
  }
}

Report parse_report(std::string_view json, const std::string& source) {
  const Json document = parse_json(json, source);
  check_version(document, source);
  Report report;
  const Reader reader(document, source, "");
  fields(reader, report);
  check_cells(report, source);
  return report;
}

Report read_report(const std::filesystem::path& path) { return parse_report(read_text(path), path.string()); }

const CellReport* find_cell(const Report& report, const std::string& method) {
  const auto found = std::ranges::find(report.cells, method, &CellReport::method);
  return found == report.cells.end() ? nullptr : &*found;
}

Report without_timings(Report report) {
  report.environment.threads = 1;
  report.kernels.clear();
  for (CellReport& cell : report.cells) cell.seconds = 0;
  return report;
}

}  // namespace quantbench
