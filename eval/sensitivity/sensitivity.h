// Sensitivity: how much the predictions of a model suffer when one tensor alone is quantized, for each tensor and format.
//
// Measured: the mean KL divergence of a model in which everything else is as it was.
//
// Estimated to second order. With H = 2/n X'X of the layer's inputs, the mean squared change of its outputs, relative to their
// mean square, is
//
//   error(t, f)    = tr((W - Q) H (W - Q)') / tr(W H W')                                          "full"
//   diagonal(t, f) = sum_ij m_j (W_ij - Q_ij)^2 / sum_ij m_j W_ij^2     m_j: mean x_j^2           "diagonal"
//
// and where the divergence is quadratic in a change of the outputs, it is proportional to that. How much the outputs matter
// is the factor; it is taken from one measurement with the format `probe`, so that a tensor costs one forward pass instead of
// one for each format:
//
//   estimate(t, f) = KLD(t, probe) * error(t, f) / error(t, probe)
//
// An embedding has no X: its rows are weighted by how often the text has their tokens. An embedding that is the output
// projection, too, has the sum of both errors.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quantbench {

struct MeasuredDivergence {  // nats
  double mean = 0;
  double lower = 0, upper = 0;  // 95 % confidence interval of the mean over scored tokens
};

struct FormatSensitivity {
  std::string format;
  std::uint64_t bytes = 0;
  double diagonal_error = 0;
  std::optional<double> full_error;       // where second moments are known: linear layers
  std::optional<MeasuredDivergence> kld;  // nothing: only the probe was measured

  double error() const { return full_error.value_or(diagonal_error); }
};

struct TensorSensitivity {
  std::string name;
  std::size_t rows = 0, cols = 0;
  std::vector<FormatSensitivity> formats;

  std::size_t weights() const { return rows * cols; }
  /// Null when there is none of this id.
  const FormatSensitivity* find(std::string_view format) const;
  /// Nats; see above. Nothing when the probe was not measured or changes nothing.
  std::optional<double> estimate(const FormatSensitivity& format, std::string_view probe) const;
};

/// What the figures belong to.
struct SensitivityOrigin {
  std::string version;  // of quantbench
  std::string model, model_sha256;
  std::string text, text_sha256, protocol;
  std::size_t windows = 0;             // of which importance and moments are taken
  std::size_t divergence_windows = 0;  // the first of them: where divergences are measured
  std::string method;                  // its solver and options quantize every tensor
  bool operator==(const SensitivityOrigin&) const = default;
};

struct Sensitivity {
  SensitivityOrigin origin;
  std::string probe;
  double noise_floor = 0;  // nats
  std::vector<TensorSensitivity> tensors;
};

/// How well an estimate tells the measured divergence, over the pairs of tensor and format but those of the probe.
struct EstimateCorrelation {
  std::string estimate;
  std::size_t pairs = 0;
  std::optional<double> spearman, pearson;
  std::optional<double> pearson_of_logarithms;  // divergences span orders of magnitude
  std::optional<double>
      spearman_within_format;  // mean over formats of that among tensors: which tensor needs more bits
};

/// Of the errors alone and of the estimates, diagonal and full, over the tensors that have both.
std::vector<EstimateCorrelation> correlate_estimates(const Sensitivity& sensitivity);

std::string to_json(const Sensitivity& sensitivity);
/// Throws Error naming the file and what is wrong with it.
Sensitivity read_sensitivity(const std::filesystem::path& path);

}  // namespace quantbench
