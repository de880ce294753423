#include "eval/explain/cell_figures_explained.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>

#include "core/error.h"
#include "core/suggest.h"
#include "eval/compare/paired_perplexity.h"
#include "eval/metrics/rate_distortion.h"
#include "quantizers/method.h"

namespace quantbench {
namespace {

/// Sums over the tensors of a cell, taken back from their figures.
struct TensorSums {
  std::size_t weights = 0;
  double squared_error = 0, squared_weights = 0;
  bool complete = true;  // false: of some tensor the sum of squared weights cannot be told
  std::vector<GaussianSource> sources;
};

/// Old reports hold it only through the errors.
std::optional<double> squared_weights_of(const TensorReport& tensor) {
  const auto weights = static_cast<double>(tensor.rows * tensor.cols);
  if (tensor.rms) return *tensor.rms * *tensor.rms * weights;
  if (tensor.relative_rmse == 0) return {};
  return weights * tensor.rmse * tensor.rmse / (tensor.relative_rmse * tensor.relative_rmse);
}

TensorSums sums_of(const CellReport& cell) {
  TensorSums sums;
  for (const TensorReport& tensor : cell.tensors) {
    const std::size_t weights = tensor.rows * tensor.cols;
    const double squared_error = tensor.rmse * tensor.rmse * static_cast<double>(weights);
    sums.weights += weights;
    sums.squared_error += squared_error;
    const std::optional<double> squared_weights = squared_weights_of(tensor);
    sums.complete = sums.complete && squared_weights;
    sums.squared_weights += squared_weights.value_or(0);
    if (squared_weights) sums.sources.push_back({weights, *squared_weights / static_cast<double>(weights)});
  }
  return sums;
}

class Explaining {
 public:
  Explaining(const ReportFile& file, const CellReport& cell) : file_(file), cell_(cell) {}

  ExplainedCell run() {
    if (!cell_.tensors.empty()) explain_weights();
    if (cell_.perplexity) explain_perplexity();
    if (cell_.kld) explain_divergence();
    return std::move(explained_);
  }

 private:
  void add(const char* figure, double value, const char* formula, std::string numbers, double computed) {
    explained_.figures.push_back({figure, value, formula, std::move(numbers), computed});
  }

  void explain_weights() {
    const TensorSums sums = sums_of(cell_);
    const auto weights = static_cast<double>(sums.weights);
    add("bits_per_weight", cell_.bits_per_weight, "8 x bytes / weights",
        fmt::format("8 x {} / {}", cell_.size_bytes, sums.weights),
        8 * static_cast<double>(cell_.size_bytes) / weights);
    if (!cell_.rmse) return;
    add("rmse.absolute", cell_.rmse->absolute, "sqrt(sum of squared errors / weights)",
        fmt::format("sqrt({:.9g} / {})", sums.squared_error, sums.weights), std::sqrt(sums.squared_error / weights));
    if (sums.squared_error == 0) return;
    if (!sums.complete) {
      explained_.notes.emplace_back(
          "rmse.relative is not explained: of a tensor without error, the report does not hold the sum of squared "
          "weights");
      return;
    }
    add("rmse.relative", cell_.rmse->relative, "sqrt(sum of squared errors / sum of squared weights)",
        fmt::format("sqrt({:.9g} / {:.9g})", sums.squared_error, sums.squared_weights),
        std::sqrt(sums.squared_error / sums.squared_weights));
    explain_distance(sums);
  }

  void explain_distance(const TensorSums& sums) {
    if (!cell_.rmse->rate_distortion_db) return;
    const double error = sums.squared_error / static_cast<double>(sums.weights);
    const double bound = least_squared_error(sums.sources, cell_.bits_per_weight);
    add("rmse.rate_distortion_db", *cell_.rmse->rate_distortion_db,
        "10 log10(mean squared error / least one of Gaussian weights)",
        fmt::format("10 log10({:.9g} / {:.9g})", error, bound), 10 * std::log10(error / bound));
  }

  /// Whether the report lies where it was written, with its files of tokens.
  bool has_file(const std::string& name) const {
    return !name.empty() && std::filesystem::exists(file_.path.parent_path() / name);
  }

  void explain_perplexity() {
    const PerplexityReport& reported = *cell_.perplexity;
    const auto tokens = static_cast<double>(reported.tokens);
    double mean = std::log(reported.value), spread = reported.stderr_ / reported.value * std::sqrt(tokens);
    if (has_file(cell_.nll_file)) {
      const std::vector<float> nll = read_token_nll(file_, cell_);
      const Perplexity measured = perplexity(nll);
      mean = std::log(measured.value);
      spread = measured.stderr_ / measured.value * std::sqrt(tokens);
      explained_.notes.push_back(fmt::format("sum and spread of NLL: of {}", cell_.nll_file));
    } else {
      explained_.notes.emplace_back(
          "sum and spread of NLL: taken back from perplexity and stderr, since the file of single tokens is not beside "
          "the report");
    }
    add("perplexity.value", reported.value, "exp(sum of NLL / tokens)",
        fmt::format("exp({:.9g} / {}) = exp({:.9g})", mean * tokens, reported.tokens, mean), std::exp(mean));
    add("perplexity.stderr", reported.stderr_, "perplexity x standard deviation of NLL / sqrt(tokens)",
        fmt::format("{:.9g} x {:.9g} / sqrt({})", std::exp(mean), spread, reported.tokens),
        std::exp(mean) * spread / std::sqrt(tokens));
    const CellReport* base = find_cell(file_.report, "f32");
    if (!reported.difference || base == nullptr || !base->perplexity) return;
    const double base_mean = std::log(base->perplexity->value);
    add("perplexity.difference", *reported.difference, "mean NLL - mean NLL of f32",
        fmt::format("{:.9g} - {:.9g}", mean, base_mean), mean - base_mean);
  }

  void explain_divergence() {
    const KldReport& reported = *cell_.kld;
    if (!cell_.perplexity) return;
    const std::size_t tokens = cell_.perplexity->tokens;
    double sum = reported.mean * static_cast<double>(tokens);
    if (has_file(cell_.kld_file)) {
      const std::vector<float> divergence = read_token_divergence(file_, cell_);
      sum = std::accumulate(divergence.begin(), divergence.end(), 0.0);
      explained_.notes.push_back(fmt::format("sum of KL divergences: of {}", cell_.kld_file));
    } else {
      explained_.notes.emplace_back("sum of KL divergences: taken back from their mean");
    }
    add("kld.mean", reported.mean, "sum of KL divergences / tokens", fmt::format("{:.9g} / {}", sum, tokens),
        sum / static_cast<double>(tokens));
    const double same = std::round(reported.top1_agreement * static_cast<double>(tokens));
    add("kld.top1_agreement", reported.top1_agreement, "tokens with the same likeliest next token / tokens",
        fmt::format("{} / {}", same, tokens), same / static_cast<double>(tokens));
  }

  const ReportFile& file_;
  const CellReport& cell_;
  ExplainedCell explained_;
};

}  // namespace

bool ExplainedFigure::agrees() const {
  // Differences of nearly equal means have few digits: the NLLs are f32 and their means some units.
  constexpr double relative = 1e-5, absolute = 1e-9;
  return std::abs(computed - value) <= relative * std::abs(value) + absolute;
}

ExplainedCell explain_cell(const ReportFile& file, const CellReport& cell) { return Explaining(file, cell).run(); }

const CellReport& find_explained_cell(const ReportFile& file, const std::string& method) {
  std::string id = method;
  try {
    id = to_string(parse_method(method));
  } catch (const Error&) {
    // A method of another version is looked for as it is written.
  }
  std::vector<std::string> known;
  for (const CellReport& cell : file.report.cells) {
    if (cell.method == id || cell.method == method) return cell;
    known.push_back(cell.method);
  }
  fail("{} has no cell of method '{}'{}", file.path.string(), method, suggestion(method, known));
}

}  // namespace quantbench
