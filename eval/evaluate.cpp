#include "eval/evaluate.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

#include "core/error.h"
#include "core/parallel.h"
#include "eval/forward_windows.h"

namespace quantbench {
namespace {

/// Consecutive scored positions of one window.
struct ScoredBlock {
  std::size_t window = 0;
  std::size_t first_position = 0;             // in the window
  std::size_t first_index = 0;                // among the scored tokens of all windows
  MatrixView logits;                          // (positions, vocabulary)
  std::span<const std::int32_t> next_tokens;  // (positions)
};

struct Subject {
  const Model& model;
  const Weights& weights;
  const Windows& windows;
  const Protocol& protocol;
};

void check_windows(const Subject& subject) {
  const Windows& windows = subject.windows;
  if (windows.length != subject.protocol.window || windows.scored_per_window != subject.protocol.scored_per_window() ||
      windows.tokens.size() != windows.count * windows.length || windows.count == 0)
    fail("{} windows of {} tokens were not cut by protocol {}", windows.count, windows.length, subject.protocol.name);
}

/// Runs the model and calls body(block) for every scored position, in order.
template <class Body>
void for_each_scored_block(const Subject& subject, const EvaluateOptions& options, const Body& body) {
  check_windows(subject);
  const Windows& windows = subject.windows;
  const std::size_t first_scored = subject.protocol.first_scored;
  ForwardOptions forward;
  forward.threads = options.threads;
  forward.first_position = first_scored;
  forward.sum_order = options.sum_order;
  forward.compute = options.compute;
  forward.products = options.products;
  forward.cache = options.cache;
  forward.input = options.input;
  forward_windows({subject.model, subject.weights, windows, forward}, options.progress,
                  [&](std::size_t first_window, const LogitsBlock& block) {
                    const std::size_t window = first_window + block.window;
                    // The last position predicts a token of the next window, which no protocol scores.
                    const std::size_t end = std::min(block.first_position + block.logits.rows, windows.length - 1);
                    if (end <= block.first_position) return;
                    const std::size_t count = end - block.first_position;
                    body(ScoredBlock{window,
                                     block.first_position,
                                     window * windows.scored_per_window + block.first_position - first_scored,
                                     {block.logits.values.first(count * block.logits.cols), count, block.logits.cols},
                                     windows.window(window).subspan(block.first_position + 1, count)});
                  });
}

LogitsRow normalized(const ScoredBlock& block, std::size_t row) {
  const std::span<const float> logits = block.logits.row(row);
  const LogitsRow result{logits, log_sum_exp(logits)};
  if (!std::isfinite(result.log_normalizer))
    fail("logits are not finite in window {} at position {}", block.window, block.first_position + row);
  return result;
}

float negative_log_likelihood(const LogitsRow& row, std::int32_t next_token) {
  return static_cast<float>(row.log_normalizer - static_cast<double>(row.logits[static_cast<std::size_t>(next_token)]));
}

void check_base(const BaseLogits& base, const Subject& subject) {
  if (base.vocabulary() != subject.model.vocabulary_size() || base.positions() < subject.windows.scored_tokens())
    fail("base logits of {} positions x {} tokens do not fit {} scored positions of a vocabulary of {}",
         base.positions(), base.vocabulary(), subject.windows.scored_tokens(), subject.model.vocabulary_size());
}

/// KL divergences of a block's positions, added in order.
void add_divergences(const BaseLogits& base, const ScoredBlock& block, std::span<const LogitsRow> rows, int threads,
                     KlDivergenceAccumulator& accumulator) {
  std::vector<PositionDivergence> positions(rows.size());
  parallel_for(threads, rows.size(), [&](std::size_t row) {
    positions[row] = position_divergence(base.row(block.first_index + row), rows[row],
                                         static_cast<std::size_t>(block.next_tokens[row]));
    if (!std::isfinite(positions[row].divergence))
      fail("the KL divergence is not finite in window {} at position {}", block.window, block.first_position + row);
  });
  for (const PositionDivergence& position : positions) accumulator.add(position);
  base.release(block.first_index, rows.size());
}

Evaluation evaluate_subject(const Subject& subject, const EvaluateOptions& options) {
  if (options.base != nullptr) check_base(*options.base, subject);
  Evaluation evaluation;
  evaluation.nll.resize(subject.windows.scored_tokens());
  KlDivergenceAccumulator divergences;
  for_each_scored_block(subject, options, [&](const ScoredBlock& block) {
    std::vector<LogitsRow> rows(block.logits.rows);
    parallel_for(options.threads, rows.size(), [&](std::size_t row) {
      rows[row] = normalized(block, row);
      evaluation.nll[block.first_index + row] = negative_log_likelihood(rows[row], block.next_tokens[row]);
    });
    if (options.base != nullptr) add_divergences(*options.base, block, rows, options.threads, divergences);
  });
  if (options.base != nullptr) {
    evaluation.kl_divergence = divergences.statistics();
    evaluation.divergence.assign(divergences.divergences().begin(), divergences.divergences().end());
  }
  return evaluation;
}

Windows first_windows(const Windows& windows, std::size_t most) {
  Windows first = windows;
  first.count = std::min(windows.count, most);
  first.tokens.resize(first.count * first.length);
  return first;
}

}  // namespace

Evaluation evaluate(const Model& model, const Weights& weights, const Windows& windows, const Protocol& protocol,
                    const EvaluateOptions& options) {
  Evaluation evaluation = evaluate_subject({model, weights, windows, protocol}, options);
  const auto unlikely = std::ranges::find_if_not(evaluation.nll, [](float nll) { return std::isfinite(nll); });
  if (unlikely != evaluation.nll.end())
    fail("the negative log-likelihood of scored token {} is not finite", unlikely - evaluation.nll.begin());
  return evaluation;
}

BaseLogits collect_base_logits(const Model& model, const Weights& weights, const Windows& windows,
                               const Protocol& protocol, const BaseLogitsFile& file, const EvaluateOptions& options) {
  BaseLogitsWriter writer(file.path, file.key, model.vocabulary_size(), windows.scored_tokens());
  for_each_scored_block({model, weights, windows, protocol}, options, [&](const ScoredBlock& block) {
    std::vector<LogitsRow> rows(block.logits.rows);
    parallel_for(options.threads, rows.size(), [&](std::size_t row) { rows[row] = normalized(block, row); });
    for (const LogitsRow& row : rows) writer.add(row);
  });
  writer.commit();
  return BaseLogits(file.path, file.key);
}

double noise_floor(const Model& model, const Weights& weights, const Windows& windows, const Protocol& protocol,
                   const BaseLogits& base, int threads) {
  const Windows first = first_windows(windows, noise_floor_windows);
  const EvaluateOptions options{.threads = threads, .sum_order = SumOrder::descending, .base = &base};
  return evaluate(model, weights, first, protocol, options).kl_divergence->mean;
}

}  // namespace quantbench
