#include "eval/sensitivity/sensitivity.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "eval/metrics/correlation.h"

namespace quantbench {
namespace {

/// What is compared with the measured divergence; nothing: not known for this tensor.
using Estimate = std::function<std::optional<double>(const TensorSensitivity&, const FormatSensitivity&)>;

struct Series {
  std::vector<double> estimated, measured;
};

struct Pairs {
  Series all;
  std::map<std::string, Series> by_format;
};

Pairs pairs_of(const Sensitivity& sensitivity, const Estimate& estimate) {
  Pairs pairs;
  for (const TensorSensitivity& tensor : sensitivity.tensors)
    for (const FormatSensitivity& format : tensor.formats) {
      if (!format.kld || !format.full_error || format.format == sensitivity.probe) continue;
      const std::optional<double> value = estimate(tensor, format);
      if (!value) continue;
      for (Series* series : {&pairs.all, &pairs.by_format[format.format]}) {
        series->estimated.push_back(*value);
        series->measured.push_back(format.kld->mean);
      }
    }
  return pairs;
}

/// Where both are positive.
std::optional<double> pearson_of_logarithms(const Series& series) {
  Series logarithms;
  for (std::size_t i = 0; i < series.measured.size(); ++i) {
    if (series.estimated[i] <= 0 || series.measured[i] <= 0) continue;
    logarithms.estimated.push_back(std::log(series.estimated[i]));
    logarithms.measured.push_back(std::log(series.measured[i]));
  }
  return pearson_correlation(logarithms.estimated, logarithms.measured);
}

std::optional<double> spearman_within_format(const std::map<std::string, Series>& by_format) {
  double sum = 0;
  std::size_t formats = 0;
  for (const auto& [format, series] : by_format) {
    const auto correlation = spearman_correlation(series.estimated, series.measured);
    if (!correlation) continue;
    sum += *correlation;
    ++formats;
  }
  return formats == 0 ? std::nullopt : std::optional(sum / static_cast<double>(formats));
}

std::optional<double> scaled(double probe_divergence, double error, double probe_error) {
  if (probe_error <= 0) return std::nullopt;
  return probe_divergence * error / probe_error;
}

std::optional<double> diagonal_estimate(const TensorSensitivity& tensor, const FormatSensitivity& format,
                                        std::string_view probe) {
  const FormatSensitivity* probed = tensor.find(probe);
  if (probed == nullptr || !probed->kld) return std::nullopt;
  return scaled(probed->kld->mean, format.diagonal_error, probed->diagonal_error);
}

}  // namespace

const FormatSensitivity* TensorSensitivity::find(std::string_view format) const {
  const auto found = std::ranges::find(formats, format, &FormatSensitivity::format);
  return found == formats.end() ? nullptr : &*found;
}

std::optional<double> TensorSensitivity::estimate(const FormatSensitivity& format, std::string_view probe) const {
  const FormatSensitivity* probed = find(probe);
  if (probed == nullptr || !probed->kld) return std::nullopt;
  return scaled(probed->kld->mean, format.error(), probed->error());
}

std::vector<EstimateCorrelation> correlate_estimates(const Sensitivity& sensitivity) {
  using Tensor = TensorSensitivity;
  using Format = FormatSensitivity;
  const std::string& probe = sensitivity.probe;
  const std::vector<std::pair<std::string, Estimate>> estimates = {
      {"diagonal error", [](const Tensor&, const Format& format) { return std::optional(format.diagonal_error); }},
      {"full error", [](const Tensor&, const Format& format) { return format.full_error; }},
      {"diagonal error, scaled by the probe",
       [&](const Tensor& tensor, const Format& format) { return diagonal_estimate(tensor, format, probe); }},
      {"full error, scaled by the probe",
       [&](const Tensor& tensor, const Format& format) { return tensor.estimate(format, probe); }},
  };
  std::vector<EstimateCorrelation> correlations;
  for (const auto& [name, estimate] : estimates) {
    const Pairs pairs = pairs_of(sensitivity, estimate);
    correlations.push_back({name, pairs.all.measured.size(),
                            spearman_correlation(pairs.all.estimated, pairs.all.measured),
                            pearson_correlation(pairs.all.estimated, pairs.all.measured),
                            pearson_of_logarithms(pairs.all), spearman_within_format(pairs.by_format)});
  }
  return correlations;
}

}  // namespace quantbench
