#include "eval/config/config.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "core/file.h"
#include "core/hash.h"
#include "datasets/dataset_loader.h"
#include "eval/config/axes.h"
#include "eval/config/expectations.h"
#include "eval/config/include.h"
#include "eval/config/overrides.h"
#include "eval/config/rules.h"
#include "eval/embedded.h"
#include "eval/evaluation_device.h"
#include "eval/model_quantizer.h"
#include "eval/runner/metric.h"
#include "quantizers/formats/registry.h"
#include "quantizers/method_catalog.h"

namespace quantbench {
namespace {

using Keys = std::vector<std::string>;

constexpr std::uint64_t most_integer = (std::uint64_t{1} << 63) - 1;

void check_name(const std::string& name, const YamlPlace& place) {
  const bool plain = std::ranges::all_of(
      name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.'; });
  if (!plain || name.empty() || name[0] == '.' || name.size() > 100)
    fail_at(place, "name '{}' also names a folder: use letters, digits, '_', '-' and '.', at most 100", name);
}

std::string read_name(const YamlNode& root, const std::string& source) {
  const YamlNode* node = root.find("name");
  std::string name = node ? node->as_text("name") : std::filesystem::path(source).stem().string();
  check_name(name, node ? node->place : root.place);
  return name;
}

// Relative paths start at the file they are written in; those of `--set` at the working directory.
std::filesystem::path folder_of(const YamlNode& node) {
  return node.place.line > 0 ? std::filesystem::path(*node.place.source).parent_path() : std::filesystem::path();
}

FileReference read_file(const YamlNode& node, std::string_view what, EmbeddedFile::Kind kind) {
  const std::string text = node.as_text(what);
  try {
    if (is_embedded(text)) return {find_embedded(text, kind).name, text};
  } catch (const Error& error) {
    fail_at(node.place, "{}", error.what());
  }
  std::filesystem::path path(text);
  if (!path.has_filename() && path.has_relative_path()) path = path.parent_path();  // "models/opt-125m/"
  return {path.filename().string(), (folder_of(node) / path).string()};
}

/// A text may have a loader in front of its path.
FileReference read_text(const YamlNode& node, const std::string& what) {
  const std::string text = node.as_text(what);
  if (is_embedded(text)) return read_file(node, what, EmbeddedFile::Kind::text);
  try {
    const DatasetName name = parse_dataset_name(text);
    const std::filesystem::path path(name.path);
    return {to_string({name.loader, path.filename().string()}),
            to_string({name.loader, (folder_of(node) / path).string()})};
  } catch (const Error& error) {
    fail_at(node.place, "{}", error.what());
  }
}

FileReference read_imatrix(const YamlNode& node) {
  const std::filesystem::path path(node.as_text("imatrix"));
  return {path.filename().string(), (folder_of(node) / path).string()};
}

Fallback read_fallback(const YamlNode& node) {
  try {
    return parse_fallback(node.as_text("fallback"));
  } catch (const Error& error) {
    fail_at(node.place, "{}", error.what());
  }
}

std::string read_device(const YamlNode& node) {
  try {
    return parse_evaluation_device(node.as_text("device"));
  } catch (const Error& error) {
    fail_at(node.place, "{}", error.what());
  }
}

Protocol read_protocol(const YamlNode& map, const char* otherwise) {
  const YamlNode* name = map.find("protocol");
  const YamlNode* n_ctx = map.find("n_ctx");
  const YamlPlace& place = name ? name->place : n_ctx ? n_ctx->place : map.place;
  std::optional<std::size_t> window;
  if (n_ctx) window = n_ctx->as_integer("n_ctx", 2, std::uint64_t{1} << 20);
  const std::string text = name ? name->as_text("protocol") : otherwise;
  try {
    return parse_protocol(text, window);
  } catch (const Error& error) {
    fail_at(place, "{}", error.what());
  }
}

const Keys dataset_keys{"text", "protocol", "n_ctx", "chunks"};

DatasetConfig read_dataset(const YamlNode& node, const std::string& what, const char* protocol) {
  const YamlNode* text = node.find("text");
  if (!text) fail_at(node.place, "{} has no 'text'", what);
  DatasetConfig dataset{read_text(*text, what + ".text"), read_protocol(node, protocol), 0};
  if (const YamlNode* chunks = node.find("chunks"))
    dataset.chunks = chunks->as_integer(what + ".chunks", 0, std::uint64_t{1} << 40);
  return dataset;
}

// Calibration looks at every position, so its windows are those of the protocol that scores every position.
DatasetConfig read_calibration(const YamlNode& node) {
  constexpr const char* protocol = "gptq-512";
  if (node.kind == YamlNode::Kind::map) {
    Keys keys = dataset_keys;
    keys.insert(keys.end(), {"sequential", "true_sequential"});
    node.check_keys("calibration", keys);
    return read_dataset(node, "calibration", protocol);
  }
  return {read_text(node, "calibration"), parse_protocol(protocol), 0};
}

CalibrationFlow read_flow(const YamlNode& calibration) {
  CalibrationFlow flow;
  if (const YamlNode* node = calibration.find("sequential"))
    flow.sequential = node->as_boolean("calibration.sequential");
  if (const YamlNode* node = calibration.find("true_sequential")) {
    flow.true_sequential = node->as_boolean("calibration.true_sequential");
    if (flow.true_sequential && !flow.sequential)
      fail_at(node->place, "calibration.true_sequential needs calibration.sequential");
  }
  return flow;
}

std::vector<std::string> read_metrics(const YamlNode* node) {
  if (!node) return {"kld", "perplexity", "rmse"};
  const Keys known = Registry<Metric>::instance().names();
  std::vector<std::string> metrics;
  for (const YamlNode& item : node->as_list("metrics")) {
    const std::string name = item.as_text("a metric");
    if (std::ranges::find(known, name) == known.end())
      fail_at(item.place, "unknown metric '{}'{}", name, suggestion(name, known));
    if (std::ranges::find(metrics, name) != metrics.end()) fail_at(item.place, "metric '{}' is listed twice", name);
    metrics.push_back(name);
  }
  if (metrics.empty()) fail_at(node->place, "metrics is empty; known: {}", fmt::join(known, ", "));
  std::ranges::sort(metrics);
  return metrics;
}

template <class Value>
std::vector<Value> read_integers(const YamlNode& map, const char* key, Value otherwise, std::uint64_t most) {
  const YamlNode* node = map.find(key);
  if (!node) return {otherwise};
  std::vector<Value> values;
  for (const YamlNode& item : node->as_list_or_one())
    values.push_back(static_cast<Value>(item.as_integer(fmt::format("throughput.{}", key), 1, most)));
  if (values.empty()) fail_at(node->place, "throughput.{} is empty", key);
  return values;
}

std::vector<ThroughputShape> read_shapes(const YamlNode* node) {
  if (!node) return {{4096, 4096}};
  std::vector<ThroughputShape> shapes;
  for (const YamlNode& item : node->as_list("throughput.shapes")) {
    const auto& sides = item.as_list("a shape ([outputs, inputs])");
    if (sides.size() != 2) fail_at(item.place, "a shape is [outputs, inputs]; found {} numbers", sides.size());
    shapes.push_back({sides[0].as_integer("outputs", 1, 1 << 20), sides[1].as_integer("inputs", 1, 1 << 20)});
  }
  if (shapes.empty()) fail_at(node->place, "throughput.shapes is empty");
  return shapes;
}

std::vector<std::string> read_formats(const YamlNode* node) {
  std::vector<std::string> formats;
  if (!node) return formats;
  for (const YamlNode& item : node->as_list_or_one()) {
    try {
      formats.push_back(find_format(item.as_text("throughput.formats"))->id);
    } catch (const Error& error) {
      fail_at(item.place, "{}", error.what());
    }
  }
  return formats;
}

std::vector<std::string> read_devices(const YamlNode* node) {
  if (!node) return {"cpu"};
  std::vector<std::string> devices;
  for (const YamlNode& item : node->as_list_or_one()) {
    devices.push_back(item.as_text("throughput.device"));
    if (devices.back() != "cpu" && devices.back() != "cuda")
      fail_at(item.place, "throughput.device is cpu or cuda; found '{}'", devices.back());
  }
  if (devices.empty()) fail_at(node->place, "throughput.device is empty");
  return devices;
}

ThroughputConfig read_throughput(const YamlNode& node) {
  static const Keys keys{"shapes", "batches", "threads", "formats", "device"};
  node.check_keys("throughput", keys);
  return {read_shapes(node.find("shapes")), read_integers<std::size_t>(node, "batches", 1, 1 << 16),
          read_integers<int>(node, "threads", 1, 1024), read_formats(node.find("formats")),
          read_devices(node.find("device"))};
}

std::size_t read_limits(const YamlNode* node, std::size_t otherwise) {
  static const Keys keys{"cells"};
  if (!node) return otherwise;
  node->check_keys("limits", keys);
  const YamlNode* cells = node->find("cells");
  return cells ? cells->as_integer("limits.cells", 1, 1'000'000) : otherwise;
}

void require_key(const YamlNode& root, const char* key, const std::string& why) {
  if (!root.find(key))
    fail_at(root.place, "the config has no '{0}', which {1} needs{2}", key, why,
            std::string_view(key) == "model" ? "; give one with --set model=PATH" : "");
}

// What the metrics need and what is there although nothing uses it.
void check_needs(const YamlNode& root, const Config& config) {
  for (const std::string& name : config.metrics) {
    const Metric& metric = Registry<Metric>::instance().at(name);
    if (metric.measure) {
      require_key(root, "model", "metric " + name);
      if (config.expectations.empty()) require_key(root, "methods", "metric " + name);
    }
    if (metric.needs_text) require_key(root, "dataset", "metric " + name);
  }
  if (config.throughput && !config.measures("throughput"))
    fail_at(root.find("throughput")->place, "throughput is configured but not in metrics");
  if (config.measures("throughput") && config.methods.empty() &&
      (!config.throughput || config.throughput->formats.empty()))
    fail_at(root.place, "metric throughput needs methods or throughput.formats");
}

// The pairing of perplexities and the KL divergence are against f32: an ordinary cell, added when it is not listed.
void add_f32(Config& config) {
  const bool wanted = config.measures("perplexity") || config.measures("kld");
  const Method f32 = parse_method("f32");
  if (!wanted || config.methods.empty() || std::ranges::find(config.methods, f32) != config.methods.end()) return;
  config.methods.insert(config.methods.begin(), f32);
  config.notes.emplace_back("f32 is added: perplexity differences and KL divergences are against it");
}

// The rules that methods name must be there, and be rules that the methods can follow.
void check_rules(const YamlNode& root, const Config& config) {
  for (const Method& method : config.methods) {
    const auto option = method.options.find(std::string(rules_option));
    if (option == method.options.end()) continue;
    const YamlPlace& place = root.find("methods")->place;
    if (!config.rules.contains(option->second)) {
      Keys known;
      for (const auto& [name, rules] : config.rules) known.push_back(name);
      fail_at(place, "method {}: the config has no rules '{}'{}", to_string(method), option->second,
              suggestion(option->second, known));
    }
    AllocationOptions options;
    options.rules = config.rules_of(method);
    try {
      (void)Allocation(method, std::move(options));
    } catch (const Error& error) {
      fail_at(place, "method {}: {}", to_string(method), error.what());
    }
  }
}

// A table names its methods: they need not be listed again.
std::vector<Method> expected_methods(const Expectations& expectations) {
  std::vector<Method> methods;
  const auto add = [&methods](const std::string& id) {
    Method method = parse_method(id);
    if (std::ranges::find(methods, method) == methods.end()) methods.push_back(std::move(method));
  };
  for (const PublishedFigure& figure : expectations.figures)
    if (figure.unmeasurable.empty()) add(figure.method);
  for (const ExpectedOrdering& ordering : expectations.orderings) {
    add(ordering.better);
    add(ordering.worse);
  }
  return methods;
}

std::string experiment_text(YamlNode root) {
  std::erase_if(root.members, [](const YamlNode::Member& member) { return member.key == "threads"; });
  return canonical_text(root);
}

Config read_config(const YamlNode& root, const std::string& source) {
  static const Keys keys{"name",    "include",  "model",      "dataset",      "calibration", "imatrix",
                         "rules",   "fallback", "metrics",    "methods",      "throughput",  "seed",
                         "threads", "limits",   "model_name", "expectations", "device"};
  root.check_keys("the config", keys);
  Config config;
  config.name = read_name(root, source);
  config.most_cells = read_limits(root.find("limits"), config.most_cells);
  if (const YamlNode* node = root.find("model")) config.model = read_file(*node, "model", EmbeddedFile::Kind::model);
  if (const YamlNode* node = root.find("model_name"))
    config.model_name = node->as_text("model_name");
  else if (config.model)
    config.model_name = config.model->name;
  if (const YamlNode* node = root.find("dataset")) {
    node->check_keys("dataset", dataset_keys);
    config.dataset = read_dataset(*node, "dataset", "llamacpp-512");
  }
  if (const YamlNode* node = root.find("calibration")) {
    config.calibration = read_calibration(*node);
    config.calibration_flow = read_flow(*node);
  }
  if (const YamlNode* node = root.find("imatrix")) config.imatrix = read_imatrix(*node);
  if (const YamlNode* node = root.find("rules")) config.rules = read_rule_sets(*node);
  if (const YamlNode* node = root.find("fallback")) config.fallback = read_fallback(*node);
  if (const YamlNode* node = root.find("device")) config.device = read_device(*node);
  if (const YamlNode* node = root.find("seed")) config.seed = node->as_integer("seed", 0, most_integer);
  if (const YamlNode* node = root.find("threads"))
    config.threads = static_cast<int>(node->as_integer("threads", 1, 1024));
  if (const YamlNode* node = root.find("throughput")) config.throughput = read_throughput(*node);
  config.metrics = read_metrics(root.find("metrics"));
  if (const YamlNode* node = root.find("expectations")) config.expectations = read_expectations(*node);
  if (const YamlNode* node = root.find("methods")) {
    ExpandedMethods expanded = expand_methods(*node, config.most_cells);
    config.methods = std::move(expanded.methods);
    config.notes = std::move(expanded.notes);
  } else {
    config.methods = expected_methods(config.expectations);
  }
  check_needs(root, config);
  check_rules(root, config);
  for (const Method& method : config.methods)
    if (needs_calibration_text(method)) require_key(root, "calibration", "method " + to_string(method));
  add_f32(config);
  config.json = experiment_text(root);
  config.sha256 = sha256(config.json);
  return config;
}

}  // namespace

std::vector<TensorRule> Config::rules_of(const Method& method) const {
  const auto option = method.options.find(std::string(rules_option));
  return option == method.options.end() ? std::vector<TensorRule>{} : rules.at(option->second);
}

bool Config::measures(std::string_view metric) const { return std::ranges::find(metrics, metric) != metrics.end(); }

Config parse_config(std::string_view text, const std::string& source, const ConfigReader& read,
                    const std::vector<std::string>& overrides) {
  YamlNode root = parse_with_includes(text, source, read);
  for (const std::string& assignment : overrides) apply_override(root, assignment);
  return read_config(root, source);
}

Config load_config(const std::filesystem::path& path, const std::vector<std::string>& overrides) {
  const ConfigReader read = [](const std::filesystem::path& file) { return read_text(file); };
  return parse_config(read_text(path), path.string(), read, overrides);
}

}  // namespace quantbench
