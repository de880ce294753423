// Run a model over windows of tokens and score its predictions: negative log-likelihood of every scored token and, when
// the base model's logits are given, the KL divergence from them. Logits are streamed; only one or two numbers per
// scored token are kept.
//
//   nll = log_sum_exp(logits) - logits[next token]      in f64, kept as f32
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "datasets/windows.h"
#include "eval/base_logits.h"
#include "eval/metrics/kl_divergence.h"
#include "eval/window_batches.h"
#include "models/model.h"

namespace quantbench {

struct EvaluateOptions {
  int threads = 1;
  SumOrder sum_order = SumOrder::ascending;
  Compute compute = Compute::exact;
  WeightProducts* products = nullptr;  // of a device, instead of those of the CPU as `compute` says
  const BaseLogits* base = nullptr;    // scored positions of the same windows, in order; null: no KL divergence
  WindowProgress progress{};           // may be empty
  CacheHook cache{};                   // what a quantized cache does to keys and values; may be empty
  InputHook input{};                   // what quantized activations do to inputs of layers; may be empty
};

struct Evaluation {
  std::vector<float> nll;         // nats per scored token, in text order
  std::vector<float> divergence;  // nats per scored token; empty without a base
  std::optional<KlDivergence> kl_divergence;
};

/// The figures depend neither on the thread count nor on how windows are grouped into batches. Throws Error when a
/// logit is not finite (naming window and position), a token is not in the vocabulary, or the base does not fit the
/// windows.
Evaluation evaluate(const Model& model, const Weights& weights, const Windows& windows, const Protocol& protocol,
                    const EvaluateOptions& options);

/// Where base logits are kept and what they belong to: the key must name all that determines them.
struct BaseLogitsFile {
  std::filesystem::path path;
  std::string key;
};

/// Evaluates the base model and writes its logits at the scored positions to `file`, replacing what is there. Of
/// `options` base is not used.
BaseLogits collect_base_logits(const Model& model, const Weights& weights, const Windows& windows,
                               const Protocol& protocol, const BaseLogitsFile& file, const EvaluateOptions& options);

inline constexpr std::size_t noise_floor_windows = 8;

/// The mean KL divergence that rounding alone makes: the base weights evaluated once more with all sums of products in
/// descending order, against `base`, over at most the first 8 windows. A KL divergence near it means nothing.
double noise_floor(const Model& model, const Weights& weights, const Windows& windows, const Protocol& protocol,
                   const BaseLogits& base, int threads);

}  // namespace quantbench
