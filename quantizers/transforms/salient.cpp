#include "quantizers/transforms/salient.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "core/half.h"
#include "quantizers/transforms/transform.h"

namespace quantbench {
namespace {

std::string option_of(const Method& method, const std::string& name, const std::string& otherwise) {
  const auto found = method.options.find(name);
  return found == method.options.end() ? otherwise : found->second;
}

bool keeps_columns(const Method& method) {
  return std::ranges::find(method.transforms, "salient") != method.transforms.end();
}

double percent_kept(const Method& method) { return std::stod(option_of(method, "keep", "1")); }
std::string kept_by(const Method& method) { return option_of(method, "by", "activation"); }

std::vector<float> column_norms(MatrixView weights) {
  std::vector<double> squares(weights.cols);
  for (std::size_t row = 0; row < weights.rows; ++row)
    for (std::size_t col = 0; col < weights.cols; ++col)
      squares[col] += static_cast<double>(weights.row(row)[col]) * static_cast<double>(weights.row(row)[col]);
  std::vector<float> norms;
  for (const double square : squares) norms.push_back(static_cast<float>(std::sqrt(square)));
  return norms;
}

/// FNV-1a: the same on every machine, unlike std::hash.
std::uint64_t hash_of(std::string_view name) {
  std::uint64_t hash = 0xCBF29CE484222325u;
  for (const char letter : name) hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001B3u;
  return hash;
}

/// Independent of the others for each column; the columns of the largest ones are a random choice.
std::vector<float> random_figures(std::size_t cols, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<float> figures;
  for (std::size_t col = 0; col < cols; ++col) figures.push_back(static_cast<float>(random() >> 40));
  return figures;
}

std::vector<float> figures_by(const std::string& by, const Method& method, std::string_view name, MatrixView weights,
                              const LayerCalibration& calibration) {
  if (by == "weight") return column_norms(weights);
  if (by == "random") {
    const double seed = std::stod(option_of(method, "seed", "0"));
    return random_figures(weights.cols, hash_of(name) + static_cast<std::uint64_t>(seed));
  }
  if (calibration.mean_absolute.empty())
    fail("tensor '{}': columns are kept by mean |x|, which needs a calibration text", name);
  return {calibration.mean_absolute.begin(), calibration.mean_absolute.end()};
}

void check(const Method& method, const Format& format) {
  const std::string id = to_string(method);
  const double percent = percent_kept(method), seed = std::stod(option_of(method, "seed", "0"));
  if (!(percent > 0 && percent <= 100)) fail("method '{}': keep is more than 0 and at most 100 percent", id);
  if (seed != std::floor(seed) || seed > 1e9) fail("method '{}': seed is a whole number up to 1000000000", id);
  const bool other_seed = rotates(method);  // a rotation has a seed, too
  if (method.options.contains("seed") && kept_by(method) != "random" && !other_seed)
    fail("method '{}': a seed is for by=random", id);
  if (const auto factor = salient_factor(method); factor && !(*factor >= 1 && *factor <= 1024))
    fail("method '{}': times is a factor from 1 to 1024", id);
  if (salient_factor(method) && method.solver != "rtn")
    fail("method '{}': times scales columns for plain rounding; '{}' would not know of it", id, method.solver);
  if (format.floating_point) fail("method '{}': {} quantizes no columns", id, format.id);
  if (method.transforms.back() != "salient")
    fail("method '{}': salient comes last of the transforms, as it keeps columns of what they made", id);
}

const Register<TransformEntry> registered{
    "salient", {"keeps some input columns in binary16: by activation, weight or at random", check, nullptr}};

}  // namespace

std::size_t kept_count(const Method& method, std::size_t cols) {
  if (!keeps_columns(method)) return 0;
  const double count = std::round(percent_kept(method) / 100 * static_cast<double>(cols));
  return std::clamp<std::size_t>(static_cast<std::size_t>(count), 1, cols);
}

std::uint64_t kept_bytes(const Method& method, std::size_t rows, std::size_t cols) {
  const std::uint64_t bytes_of_weights = salient_factor(method) ? 0 : 2 * rows;
  return std::uint64_t{kept_count(method, cols)} * (bytes_of_weights + 4);
}

std::vector<std::size_t> kept_columns(const Method& method, std::string_view name, MatrixView weights,
                                      const LayerCalibration& calibration) {
  const std::size_t count = kept_count(method, weights.cols);
  if (count == 0) return {};
  const std::vector<float> figures = figures_by(kept_by(method), method, name, weights, calibration);
  std::vector<std::size_t> columns(weights.cols);
  std::iota(columns.begin(), columns.end(), std::size_t{0});
  std::ranges::stable_sort(columns, [&](std::size_t a, std::size_t b) { return figures[a] > figures[b]; });
  columns.resize(count);
  std::ranges::sort(columns);
  return columns;
}

std::optional<float> salient_factor(const Method& method) {
  const std::string factor = option_of(method, "times", "");
  if (factor.empty() || !keeps_columns(method)) return {};
  return std::stof(factor);
}

void scale_columns(std::span<const std::size_t> columns, float factor, std::size_t cols, std::span<float> values) {
  for (std::size_t row = 0; row < values.size() / cols; ++row)
    for (const std::size_t col : columns) values[row * cols + col] *= factor;
}

void put_back(std::span<const std::size_t> columns, MatrixView weights, std::span<float> quantized) {
  for (std::size_t row = 0; row < weights.rows; ++row)
    for (const std::size_t col : columns)
      quantized[row * weights.cols + col] = f16_to_f32(f32_to_f16(weights.row(row)[col]));
}

}  // namespace quantbench
