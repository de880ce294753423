// What a report says of a run beside its cells: enough to find out why another tool gives another number.
#include <algorithm>

#include "eval/environment.h"
#include "eval/runner/metric.h"
#include "eval/runner/runner.h"

namespace quantbench {
namespace {

WindowFacts window_facts(const LoadedText& text, const Tokenizer& tokenizer) {
  const Protocol& protocol = text.protocol;
  const std::optional<TokenId> bos = tokenizer.leading_bos();
  const bool bos_added = bos && !text.cuts_windows;
  WindowFacts facts;
  facts.count = text.windows.count;
  facts.available = (text.tokens + (bos_added ? 1 : 0)) / protocol.window;
  facts.length = protocol.window;
  facts.stride = protocol.window;
  facts.first_scored = protocol.first_scored;
  facts.scored_each = protocol.scored_per_window();
  if (bos && text.cuts_windows)
    facts.bos_tokens = static_cast<std::size_t>(std::ranges::count(text.windows.tokens, *bos));
  else
    facts.bos_tokens = !bos ? 0 : protocol.bos_in_each_window ? facts.count : 1;
  return facts;
}

CalibrationFacts calibration_facts(const LoadedText& text, const Tokenizer& tokenizer, const CalibrationFlow& flow) {
  CalibrationFacts facts;
  facts.name = text.name;
  facts.sha256 = text.sha256;
  facts.loader = text.loader;
  facts.protocol = text.protocol.name;
  facts.tokens = text.tokens;
  facts.windows = window_facts(text, tokenizer);
  facts.sequential = flow.sequential;
  facts.true_sequential = flow.true_sequential;
  return facts;
}

void add_text(const Experiment& experiment, Report& report) {
  const LoadedText& text = *experiment.evaluation;
  report.dataset_name = text.name;
  report.dataset_sha256 = text.sha256;
  report.dataset_loader = text.loader;
  report.protocol = text.protocol.name;
  report.dataset_tokens = text.tokens;
  report.dataset_windows = window_facts(text, *experiment.model->tokenizer);
}

}  // namespace

Report report_header(const Config& config, const Experiment& experiment, int threads) {
  Report report;
  report.run_name = config.name;
  report.config_sha256 = config.sha256;
  report.config = config.json;
  report.seed = config.seed;
  report.device = config.device == "cpu" ? "" : config.device;
  for (const std::string& name : config.metrics)
    report.metrics.push_back({name, Registry<Metric>::instance().at(name).version});
  report.environment = current_environment(threads);
  if (const auto& model = experiment.model) {
    report.model_name = model->name;
    report.model_sha256 = model->sha256;
    report.model_parameters = model->parameters;
    const Tokenizer& tokenizer = *model->tokenizer;
    report.tokenizer_sha256 = tokenizer.sha256();
    report.tokenizer =
        TokenizerFacts{tokenizer.kind(), tokenizer.vocabulary_size(), tokenizer.leading_bos().has_value()};
  }
  if (experiment.evaluation) add_text(experiment, report);
  if (const auto& text = experiment.calibration)
    report.calibration = calibration_facts(*text, *experiment.model->tokenizer, config.calibration_flow);
  if (const auto& matrix = experiment.importance) report.importance_matrix = FileFacts{matrix->name, matrix->sha256};
  return report;
}

}  // namespace quantbench
