// The solver `search`: scales (and offsets) found by trying candidates, each with its levels rounded and its weighted least
// squares solved exactly. What is tried for a format is its RowEncoder's business; here is what all have in common.
//
// The objective is sum importance_j (w_ij - w'_ij)^2 over a row, with importance = mean x^2 of input column j: the expected
// squared error of the layer's output when inputs are uncorrelated. Without calibration every column counts the same.
//
// Least squares shrinks; so the weights are multiplied by one gain for each tensor first (shrinkage.h). The option
// gain=least_squares leaves that out.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/parallel.h"
#include "quantizers/solver.h"
#include "quantizers/solvers/round_levels.h"
#include "quantizers/solvers/search/encoders.h"
#include "quantizers/solvers/search/row_encoder.h"
#include "quantizers/solvers/shrinkage.h"

namespace quantbench {
namespace {

const RowEncoder* find_encoder(const Format& format) {
  const auto& encoders = Registry<RowEncoder>::instance();
  for (const std::string& name : encoders.names())
    if (encoders.at(name).writes(format)) return &encoders.at(name);
  return nullptr;
}

Effort effort_of(const std::map<std::string, std::string>& options) {
  const auto found = options.find("effort");
  if (found == options.end() || found->second == "default") return Effort::standard;
  return found->second == "best" ? Effort::best : Effort::fast;
}

/// Columns that calibration never saw active still count a little: a weight of 0 would leave them to chance.
std::vector<float> importance_of(const SolverInput& input) {
  constexpr float least_share_of_mean = 1e-6f;
  const auto mean_square = input.calibration.mean_square;
  double sum = 0;
  for (const float value : mean_square) sum += value;
  if (!(sum > 0)) return std::vector<float>(input.weights.cols, 1.0f);
  const float mean = static_cast<float>(sum / static_cast<double>(mean_square.size()));
  std::vector<float> importance(mean_square.begin(), mean_square.end());
  // Relative to the mean, so that sums of products stay in the range of binary32 whatever the inputs' unit.
  for (float& value : importance) value = std::max(value / mean, least_share_of_mean);
  return importance;
}

/// What a row needs to be encoded, but for its weights.
struct RowWork {
  const Format& format;
  const RowEncoder& encoder;
  std::span<const float> importance;
  Effort effort;
};

/// With the importance as the inner product; w' is the row as it is decoded again.
WeightPower power_of(const RowWork& work, std::span<const float> row) {
  std::vector<std::byte> bytes(work.format.row_bytes(work.format, row.size()));
  std::vector<float> decoded(row.size());
  work.encoder.encode(work.format, {row, work.importance, work.effort}, {nullptr, bytes.data()});
  work.format.decode(work.format, {nullptr, bytes.data()}, row.size(), 0, decoded);
  WeightPower power;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const double weighted = static_cast<double>(work.importance[i]) * static_cast<double>(row[i]);
    power.of_weights += weighted * static_cast<double>(row[i]);
    power.of_product += weighted * static_cast<double>(decoded[i]);
  }
  return power;
}

/// From some rows of the tensor: rows of a tensor shrink alike.
float unbiased_gain(const RowWork& work, MatrixView weights, int threads) {
  constexpr std::size_t most_rows = 8, enough_weights = 16384;
  if (work.format.bits_per_weight(weights.rows, weights.cols) < least_bits_for_gain) return 1;
  const std::size_t samples = std::clamp(enough_weights / weights.cols, std::size_t{2}, most_rows);
  std::vector<WeightPower> powers(std::min(weights.rows, samples));
  parallel_for(threads, powers.size(), [&](std::size_t sample) {
    powers[sample] = power_of(work, weights.row(sample * weights.rows / powers.size()));
  });
  WeightPower sum;
  for (const WeightPower& power : powers) sum.add(power);
  return gain_against_shrinkage(sum);
}

/// The row times the gain, kept finite; in `scratch` when the gain is not 1.
std::span<const float> scaled(std::span<const float> row, float gain, std::vector<float>& scratch) {
  if (gain == 1) return row;
  constexpr float largest = std::numeric_limits<float>::max();
  constexpr std::uint32_t infinity = 0x7F800000;
  scratch.resize(row.size());
  std::uint32_t overflows = 0;  // clamping every number would cost several times this
  for (std::size_t i = 0; i < row.size(); ++i) {
    scratch[i] = row[i] * gain;
    overflows |= (std::bit_cast<std::uint32_t>(scratch[i]) & infinity) == infinity ? 1u : 0u;
  }
  if (overflows != 0)
    for (float& value : scratch) value = std::clamp(value, -largest, largest);
  return scratch;
}

const Format& with_single_scales(const Format& format) {
  return format.with_single_scales == nullptr ? format : *format.with_single_scales;
}

/// Double quantization: scales are found as if each was stored by itself, which work.format does, and then rounded together.
void store_together(const SolverInput& input, const RowWork& work, float gain, TensorData& out) {
  const std::size_t cols = input.weights.cols, groups = work.format.groups_of_row(cols);
  std::vector<float> weights(input.weights.rows * cols), scales(input.weights.rows * groups);
  parallel_for(input.threads, input.weights.rows, [&](std::size_t row) {
    std::vector<float> scratch;
    const std::span<const float> wanted = scaled(input.weights.row(row), gain, scratch);
    std::ranges::copy(wanted, weights.begin() + static_cast<std::ptrdiff_t>(row * cols));
    const auto affines = search::find_group_affines(work.format, {wanted, work.importance, work.effort}, input.isa);
    for (std::size_t group = 0; group < groups; ++group) scales[row * groups + group] = affines[group].scale;
  });
  store_rounded({weights, input.weights.rows, cols}, std::move(scales), input.threads, out);
}

class Search : public Solver {
 public:
  void check(const Format& format, const std::map<std::string, std::string>&) const override {
    if (find_encoder(with_single_scales(format)) == nullptr) fail("the solver search does not write {}", format.id);
  }

  void quantize(const SolverInput& input, TensorData& out) const override {
    const Format& format = with_single_scales(*out.view().format);
    const RowEncoder& encoder = *find_encoder(format);
    const std::vector<float> importance = importance_of(input);
    const RowWork work{format, encoder, importance, effort_of(input.options)};
    const auto gain = input.options.find("gain");
    const bool keeps_shrinkage = gain != input.options.end() && gain->second == "least_squares";
    const float factor = keeps_shrinkage ? 1 : unbiased_gain(work, input.weights, input.threads);
    if (out.view().format->round_scales != nullptr) return store_together(input, work, factor, out);
    parallel_for(input.threads, input.weights.rows, [&](std::size_t row) {
      std::vector<float> scratch;
      encoder.encode(format, {scaled(input.weights.row(row), factor, scratch), importance, work.effort}, out.row(row));
    });
  }
};

const Register<SolverEntry> registered{
    "search", {std::make_shared<Search>(), "weighted least squares over candidate scales, for each group of weights"}};

}  // namespace
}  // namespace quantbench
