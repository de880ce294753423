#include "eval/runner/machine_speed.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <random>
#include <vector>

#include "eval/layer_statistics.h"
#include "eval/model_quantizer.h"
#include "eval/window_batches.h"
#include "quantizers/formats/registry.h"
#include "quantizers/quantize.h"

namespace quantbench {
namespace {

/// In units of an operation of a product: fitted, see docs/scaling.md.
namespace cost {
constexpr double logit = 400;
constexpr double moment = 3;
constexpr double factoring = 1.2;
constexpr double feedback = 1;
constexpr double clipping = 24;
constexpr double compared = 300;
}  // namespace cost

constexpr double timing_seconds = 0.01;  // least time of what is measured

/// Of some rounds: the first one may have to read from a file, and each may be held up by other processes.
double least_seconds(const std::function<void()>& body) {
  constexpr int rounds = 3;
  double least = std::numeric_limits<double>::infinity();
  for (int round = 0; round < rounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    body();
    least = std::min(least, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return least;
}

/// The windows, or a shorter one, that a block takes about `operations` for.
TokenBatch timed_batch(const Windows& windows, double operations_of_token, double operations) {
  constexpr std::size_t least_tokens = 64;
  const std::size_t most = std::max<std::size_t>(tokens_per_batch / windows.length, 1);
  const double window = operations_of_token * static_cast<double>(windows.length);
  TokenBatch batch{
      windows.tokens,
      std::clamp<std::size_t>(static_cast<std::size_t>(operations / window), 1, std::min(most, windows.count)),
      windows.length};
  if (window > operations)
    batch.length = std::clamp(static_cast<std::size_t>(operations / operations_of_token),
                              std::min(least_tokens, windows.length), windows.length);
  batch.tokens = batch.tokens.first(batch.windows * batch.length);
  return batch;
}

double measure_products(const LoadedModel& model, const Windows& windows, int threads) {
  constexpr double most_operations = 4e9;
  const std::size_t block = model.model->block_count() / 2;
  double weights = 0;
  for (const InputGroup& group : model.model->input_groups(block))
    for (const std::string& layer : group.layers) weights += static_cast<double>(model.weights.at(layer).weights());
  const TokenBatch batch = timed_batch(windows, 2 * weights, most_operations);
  const ForwardOptions options{.threads = threads};
  const Weights loaded = loaded_block(model.weights, block);
  const Matrix start = model.model->embed(model.weights, batch, options);
  const double seconds = least_seconds([&] {
    Matrix stream = start;
    model.model->run_block(block, loaded, batch, options, stream);
  });
  release_block(model.weights, block);
  return 2 * weights * static_cast<double>(batch.tokens.size()) / seconds;
}

/// Random weights and inputs: how long encoding takes depends little on the numbers.
class EncodingProbe {
 public:
  explicit EncodingProbe(int threads) : threads_(threads) {}

  /// Of a weight.
  double seconds(const Method& method) {
    const auto format = find_format(method.target);
    const std::size_t cols = std::max<std::size_t>(least_cols, format->group);
    if (statistics_cols_ != cols) collect(cols);
    for (std::size_t rows = static_cast<std::size_t>(threads_) * least_rows;; rows *= 4) {
      const std::vector<float> weights = normal(rows * cols);
      const double seconds = least_seconds([&] {
        (void)quantize_tensor(method, "timed", {weights, rows, cols}, needed(solver_needs(method)), threads_);
      });
      if (seconds > timing_seconds || rows * cols >= most_weights) return seconds / static_cast<double>(rows * cols);
    }
  }

 private:
  static constexpr std::size_t least_cols = 256, least_rows = 8, most_weights = std::size_t{1} << 19;

  std::vector<float> normal(std::size_t count) {
    std::normal_distribution<float> distribution(0, 0.02f);
    std::vector<float> values(count);
    for (float& value : values) value = distribution(random_);
    return values;
  }

  void collect(std::size_t cols) {
    const std::size_t tokens = 2 * cols;
    LayerSums sums(cols, {.mean_square = true, .second_moments = true, .cross_moments = true});
    const std::vector<float> inputs = normal(tokens * cols), original = normal(tokens * cols);
    sums.add({inputs, tokens, cols}, {original, tokens, cols}, tokens, threads_);
    statistics_ = sums.statistics();
    statistics_cols_ = cols;
  }

  LayerCalibration needed(const CalibrationNeeds& needs) const {
    LayerCalibration known = statistics_.view();
    if (!needs.second_moments) known.second_moments = {};
    if (!needs.cross_moments) known.cross_moments = {};
    return known;
  }

  int threads_;
  std::mt19937 random_;
  LayerStatistics statistics_;
  std::size_t statistics_cols_ = 0;
};

}  // namespace

CellSeconds predicted_seconds(const Work& work, const MachineSpeed& speed) {
  CellSeconds seconds;
  const double quantizing = work.calibrating + work.searching + cost::moment * work.moments +
                            cost::factoring * work.factoring + cost::feedback * work.feedback +
                            cost::clipping * work.clipping;
  const double measuring = work.evaluating + work.output + cost::logit * work.logits + cost::compared * work.compared;
  seconds.quantizing = quantizing / speed.operations_per_second;
  seconds.measuring = measuring / speed.operations_per_second;
  for (const auto& [method, weights] : work.encoded) {
    const auto found = speed.encoding_seconds.find(method);
    seconds.quantizing +=
        weights * (found == speed.encoding_seconds.end() ? assumed_encoding_operations / speed.operations_per_second
                                                         : found->second);
  }
  return seconds;
}

MachineSpeed measure_speed(const Experiment& experiment, const Work& work, int threads,
                           const std::function<void(double share)>& progress) {
  MachineSpeed speed{.operations_per_second = assumed_operations_per_second * threads};
  const double steps = static_cast<double>(work.encoded.size()) + 1;
  double done = 0;
  const auto step = [&] {
    if (progress) progress(++done / steps);
  };
  const std::optional<LoadedText>& text = experiment.evaluation ? experiment.evaluation : experiment.calibration;
  if (experiment.model && text && !experiment.model->linear_layers.empty())
    speed.operations_per_second = measure_products(*experiment.model, text->windows, threads);
  step();
  EncodingProbe probe(threads);
  for (const auto& [method, weights] : work.encoded) {
    speed.encoding_seconds[method] = probe.seconds(parse_method(method));
    step();
  }
  return speed;
}

}  // namespace quantbench
