#include "eval/explain/facts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "core/error.h"
#include "datasets/windows.h"
#include "eval/model_quantizer.h"
#include "quantizers/method.h"

namespace quantbench {
namespace {

constexpr std::size_t shown_hash = 12;

Fact plain(Topic topic, std::string name, Affects affects, const std::string& value) {
  return {std::move(name), value, value, affects, topic};
}

// Names of files are for people; bytes decide.
Fact file(std::string name, Affects affects, const std::string& file_name, const std::string& hash) {
  const std::string shown = hash.empty() ? "" : fmt::format("{}, sha256 {}", file_name, hash.substr(0, shown_hash));
  return {std::move(name), hash, shown, affects, Topic::data};
}

// A name, for reports that do not have it, still says how long windows are and what of them is scored.
std::optional<Protocol> protocol_of(const Report& report) {
  try {
    return parse_protocol(report.protocol);
  } catch (const Error&) {
    return {};
  }
}

std::string scored_positions(std::size_t first, std::size_t length) {
  return fmt::format("{} to {} of each window", first, length - 2);
}

std::string tokens_text(std::size_t count) { return fmt::format("{} tokens", count); }

std::string scored_tokens(const Report& report) {
  for (const CellReport& cell : report.cells)
    if (cell.perplexity) return std::to_string(cell.perplexity->tokens);
  return "";
}

void add_windows(const Report& report, std::vector<Fact>& facts) {
  const auto& windows = report.dataset_windows;
  const std::optional<Protocol> protocol = protocol_of(report);
  const auto add = [&facts](const char* name, const std::string& value) {
    facts.push_back(plain(Topic::protocol, name, Affects::predictions, value));
  };
  add("window length", windows ? tokens_text(windows->length) : protocol ? tokens_text(protocol->window) : "");
  add("stride", windows ? tokens_text(windows->stride) : protocol ? tokens_text(protocol->window) : "");
  add("scored positions", windows    ? scored_positions(windows->first_scored, windows->length)
                          : protocol ? scored_positions(protocol->first_scored, protocol->window)
                                     : "");
  add("scored in each window", windows    ? std::to_string(windows->scored_each)
                               : protocol ? std::to_string(protocol->scored_per_window())
                                          : "");
  add("BOS tokens", windows ? std::to_string(windows->bos_tokens) : "");
  add("windows", windows ? fmt::format("{} of {}", windows->count, windows->available) : "");
  add("scored tokens", scored_tokens(report));
}

void add_text(const Report& report, std::vector<Fact>& facts) {
  constexpr Affects affects = Affects::predictions;
  facts.push_back(file("text", affects, report.dataset_name, report.dataset_sha256));
  facts.push_back(
      plain(Topic::data, "text loader", affects, report.dataset_loader.empty() ? "text file" : report.dataset_loader));
  facts.push_back(file("tokenizer", affects,
                       report.tokenizer
                           ? fmt::format("{}, {} tokens", report.tokenizer->kind, report.tokenizer->vocabulary)
                           : "kind not recorded",
                       report.tokenizer_sha256));
  facts.push_back(plain(Topic::data, "tokens of the text", affects, std::to_string(report.dataset_tokens)));
  facts.push_back(plain(Topic::protocol, "protocol", affects, report.protocol));
  add_windows(report, facts);
}

// One fact that says "none", and no others, without a calibration text.
void add_calibration(const Report& report, std::vector<Fact>& facts) {
  constexpr Affects affects = Affects::calibration;
  if (!report.calibration) {
    // Reports that do not say how they were measured may still have been calibrated.
    facts.push_back(plain(Topic::data, "calibration text", affects, report.metrics.empty() ? "" : "none"));
    return;
  }
  const CalibrationFacts& calibration = *report.calibration;
  const WindowFacts& windows = calibration.windows;
  facts.push_back(file("calibration text", affects, calibration.name, calibration.sha256));
  facts.push_back(plain(Topic::data, "tokens of the calibration text", affects, std::to_string(calibration.tokens)));
  const auto add = [&facts](const char* name, const std::string& value) {
    facts.push_back(plain(Topic::protocol, name, Affects::calibration, value));
  };
  add("calibration loader", calibration.loader.empty() ? "text file" : calibration.loader);
  add("calibration windows", fmt::format("{} of {}", windows.count, windows.available));
  add("calibration window length", tokens_text(windows.length));
  add("calibration protocol", calibration.protocol);
  add("calibration BOS tokens", std::to_string(windows.bos_tokens));
  add("calibration flow", calibration.true_sequential ? "true sequential"
                          : calibration.sequential    ? "sequential"
                                                      : "inputs of the original model");
}

std::string metric_versions(const Report& report) {
  std::vector<std::string> versions;
  for (const MetricFacts& metric : report.metrics)
    versions.push_back(fmt::format("{} {}", metric.name, metric.version));
  return fmt::format("{}", fmt::join(versions, ", "));
}

void add_program(const Report& report, std::vector<Fact>& facts) {
  const Environment& environment = report.environment;
  facts.push_back(plain(Topic::protocol, "metric versions", Affects::everything, metric_versions(report)));
  const auto add = [&facts](const char* name, Affects affects, const std::string& value) {
    facts.push_back(plain(Topic::environment, name, affects, value));
  };
  add("quantbench", Affects::everything, environment.version);
  add("commit", Affects::everything, environment.commit == "unknown" ? "" : environment.commit);
  add("products on", Affects::last_digits,
      report.device.empty() ? "CPU" : fmt::format("{} ({})", report.device, environment.gpu));
  add("instruction set", Affects::last_digits, environment.isa);
  add("compiler", Affects::last_digits, environment.compiler);
  add("compiler flags", Affects::last_digits, environment.flags);
  add("CPU", Affects::timings, environment.cpu);
  add("its newest instruction set", Affects::timings, environment.machine_isa);
  add("GPU", Affects::timings, environment.gpu);
  add("threads", Affects::timings, std::to_string(environment.threads));
  // Methods that draw random numbers say from which seed in their ids.
  facts.push_back(plain(Topic::config, "seed of the config", Affects::identity, std::to_string(report.seed)));
}

bool needs_text(const CellReport& cell) {
  try {
    return needs_calibration_text(parse_method(cell.method));
  } catch (const Error&) {
    return false;  // a method of another version
  }
}

}  // namespace

std::vector<Fact> facts_of(const Report& report) {
  std::vector<Fact> facts;
  facts.push_back(file("model", Affects::everything, report.model_name, report.model_sha256));
  add_text(report, facts);
  add_calibration(report, facts);
  const auto& matrix = report.importance_matrix;
  facts.push_back(
      matrix ? file("importance matrix", Affects::importance, matrix->name, matrix->sha256)
             : plain(Topic::data, "importance matrix", Affects::importance, report.metrics.empty() ? "" : "none"));
  add_program(report, facts);
  return facts;
}

FactComparison compare_facts(const std::vector<Fact>& first, const std::vector<Fact>& second) {
  FactComparison comparison;
  for (const Fact& fact : first) {
    const auto other = std::ranges::find(second, fact.name, &Fact::name);
    if (other == second.end() || fact.value == other->value) continue;
    if (fact.value.empty() || other->value.empty())
      comparison.not_recorded.push_back(fact.name);
    else
      comparison.different.push_back({fact, *other});
  }
  return comparison;
}

bool depends_on_calibration(const CellReport& cell, const Report& report) {
  if (needs_text(cell)) return true;
  return report.calibration && !report.importance_matrix && cell.importance == report.calibration->name;
}

bool depends_on_importance_matrix(const CellReport& cell, const Report& report) {
  return report.importance_matrix && cell.importance == report.importance_matrix->name;
}

std::string learned_from(const CellReport& cell, const Report& report) {
  if (depends_on_importance_matrix(cell, report)) return report.importance_matrix->name;
  if (!depends_on_calibration(cell, report)) return cell.importance.empty() ? "nothing" : cell.importance;
  return report.calibration ? report.calibration->name : "a text that is not recorded";
}

std::size_t substituted_tensors(const CellReport& cell) {
  return static_cast<std::size_t>(
      std::ranges::count_if(cell.tensors, [](const TensorReport& tensor) { return !tensor.fallback.empty(); }));
}

AffectedFigures affected_figures(Affects affects, const Report& report) {
  AffectedFigures affected;
  const auto add_methods = [&](const std::function<bool(const CellReport&)>& wanted) {
    for (const CellReport& cell : report.cells)
      if (wanted(cell)) affected.methods.push_back(cell.method);
  };
  const auto every = [](const CellReport&) { return true; };
  switch (affects) {
    case Affects::everything:
      affected.figures = {"rmse", "perplexity", "kld"};
      add_methods(every);
      break;
    case Affects::predictions:
    case Affects::last_digits:
      affected.figures = {"perplexity", "kld"};
      add_methods(every);
      break;
    case Affects::calibration:
      affected.figures = {"weighted_rmse", "rmse", "perplexity", "kld"};
      add_methods([&](const CellReport& cell) { return depends_on_calibration(cell, report); });
      break;
    case Affects::importance:
      affected.figures = {"rmse", "perplexity", "kld"};
      add_methods([](const CellReport& cell) { return !cell.importance.empty(); });
      break;
    case Affects::timings:
      affected.figures = {"seconds", "kernels"};
      add_methods(every);
      break;
    case Affects::identity:
      affected.figures = {"id"};
      add_methods(every);
      break;
  }
  return affected;
}

}  // namespace quantbench
