// The table of results/gguf_encoders.md, which scripts/gguf_encoders.sh writes: the error of every GGUF format at each effort,
// beside the reference encoder's and beside the least error that an exhaustive search finds.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "quantizers/formats/registry.h"
#include "quantizers/quantize.h"
#include "quantizers/solvers/search/exhaustive_for_tests.h"

namespace quantbench {
namespace {

const std::filesystem::path golden = std::filesystem::path(QUANTBENCH_SOURCE_DIR) / "testdata/formats/encode";
constexpr std::size_t golden_cols = 2048;
constexpr const char* efforts[] = {":effort=fast:gain=least_squares", ":effort=default:gain=least_squares",
                                   ":effort=best:gain=least_squares"};

std::vector<float> read_floats(const std::string& name) {
  const MappedFile file(golden / name);
  std::vector<float> values(file.bytes().size() / sizeof(float));
  std::memcpy(values.data(), file.bytes().data(), file.bytes().size());
  return values;
}

struct Errors {
  double squares = 0, relative = 0;
  std::vector<std::byte> bytes;
};

/// `options` of the solver search.
Errors encode(const std::string& format, const std::string& options, std::span<const float> weights,
              std::span<const float> importance, bool weighted) {
  LayerCalibration calibration;
  if (weighted) calibration.mean_square = importance;
  const std::size_t cols = importance.size();
  const TensorData data = quantize_tensor(parse_method("search:" + format + options + ":imatrix=on"), "w",
                                          {weights, weights.size() / cols, cols}, calibration, 2);
  const Tensor& tensor = data.view();
  std::vector<float> decoded(cols);
  Errors errors;
  double power = 0;
  for (std::size_t row = 0; row < tensor.rows; ++row) {
    tensor.format->decode(*tensor.format, tensor.row(row), cols, 0, decoded);
    for (std::size_t i = 0; i < cols; ++i) {
      const double weight = weights[row * cols + i], of_column = weighted ? importance[i] : 1.0;
      errors.squares += of_column * (weight - decoded[i]) * (weight - decoded[i]);
      power += of_column * weight * weight;
    }
  }
  errors.relative = std::sqrt(errors.squares / power);
  errors.bytes.assign(tensor.bytes.begin(), tensor.bytes.end());
  return errors;
}

bool is_searched(const Format& format) {
  try {
    check_method(parse_method("search:" + format.id));
    return true;
  } catch (const Error&) {
    return false;
  }
}

TEST(SlowEncoderTable, OfReferenceAndEfforts) {
  const auto reference = nlohmann::json::parse(read_text(golden / "reference.json"));
  const std::vector<float> importance = read_floats("importance.f32");
  std::cout << "TABLE | format | tensor | importance | reference | fast | default | best | default / reference |\n"
            << "TABLE |---|---|---|---|---|---|---|---|\n";
  std::map<std::string, std::pair<double, int>> means;
  for (const auto& result : reference["results"]) {
    const auto format = find_gguf_format(result["type_id"].get<std::uint32_t>());
    if (format == nullptr || format->floating_point || !is_searched(*format)) continue;
    const bool weighted = result["importance"];
    const double expected = result[weighted ? "rel_wrmse" : "rel_rmse"];
    const std::vector<float> weights = read_floats(result["tensor"].get<std::string>() + ".f32");
    double errors[3];
    for (int i = 0; i < 3; ++i) errors[i] = encode(format->id, efforts[i], weights, importance, weighted).relative;
    std::cout << fmt::format("TABLE | {} | {} | {} | {:.5f} | {:.5f} | {:.5f} | {:.5f} | {:.4f} |\n", format->id,
                             result["tensor"].get<std::string>(), weighted ? "yes" : "no", expected, errors[0],
                             errors[1], errors[2], errors[1] / expected);
    EXPECT_LE(errors[1], expected * 1.000001) << format->id;
    EXPECT_LE(encode(format->id, "", weights, importance, weighted).relative, expected * 1.000001)
        << format->id << ": not even with the gain that undoes the shrinkage";
    EXPECT_LE(errors[1], errors[0] * 1.000001) << format->id;
    EXPECT_LE(errors[2], errors[1] * 1.000001) << format->id;
    auto& [logarithms, count] = means[format->id];
    logarithms += std::log(errors[1] / expected);
    ++count;
  }
  std::cout << "MEANS | format | geometric mean of default / reference |\nMEANS |---|---|\n";
  for (const auto& [format, sum] : means)
    std::cout << fmt::format("MEANS | {} | {:.4f} |\n", format, std::exp(sum.first / sum.second));
}

/// For super-blocks with mins: with dmin as it is, over all d and all integer scales and mins; or the other way round.
double least_error_of_affine_block(const Format& format, const WeightedGroup& block, double fixed, bool fixed_is_dmin) {
  const auto [smallest, largest] = std::ranges::minmax(block.weights);
  const std::vector<double> levels = levels_of(format);
  const TwoLevelScales& range = *format.two_level;
  const double full = fixed_is_dmin ? static_cast<double>(largest - smallest) / format.level_max / range.scale_max
                                    : -static_cast<double>(smallest) / range.largest_min;
  double least = std::numeric_limits<double>::infinity();
  for (const float unit : halves_between(0.4 * full, 1.6 * full)) {
    const double d = fixed_is_dmin ? unit : fixed, dmin = fixed_is_dmin ? fixed : unit;
    double total = 0;
    for (std::size_t begin = 0; begin < format.block && total < least; begin += format.group) {
      const WeightedGroup group = block.part(begin, format.group);
      const auto [low, high] = std::ranges::minmax(group.weights);
      const double step = static_cast<double>(high - low) / format.level_max;
      double of_group = std::numeric_limits<double>::infinity();
      for (int scale = range.scale_min; scale <= range.scale_max; ++scale) {
        if (d * scale < 0.45 * step || d * scale > 1.2 * step) continue;  // the range of the group asks for `step`
        for (int min = 0; min <= range.largest_min; ++min)
          if (std::fabs(dmin * min + low) < 3 * step)
            of_group = std::min(of_group, nearest_error(group, levels, d * scale, -dmin * min));
      }
      total += of_group;
    }
    least = std::min(least, total);
  }
  return least;
}

float half_at(const std::vector<std::byte>& bytes, std::size_t offset) {
  std::uint16_t half;
  std::memcpy(&half, bytes.data() + offset, sizeof half);
  return f16_to_f32(half);
}

struct Bound {
  double least;
  const char* over;
};

Bound least_error(const Format& format, const WeightedGroup& all, const std::vector<std::byte>& best) {
  if (format.two_level != nullptr && !format.has_offset)
    return {least_error_of_block(format, all.part(0, format.block)), "all d, all integer scales"};
  if (format.two_level != nullptr) {
    const std::size_t at = format.id == "q2_k" ? 80 : 0;
    const WeightedGroup block = all.part(0, format.block);
    return {std::min(least_error_of_affine_block(format, block, half_at(best, at + 2), true),
                     least_error_of_affine_block(format, block, half_at(best, at), false)),
            "all d with dmin as found (and all dmin with d as found), all integer scales and mins"};
  }
  double least = 0;
  for (std::size_t begin = 0; begin < all.weights.size(); begin += format.group) {
    const WeightedGroup group = all.part(begin, format.group);
    least += format.has_offset ? least_error_of_affine(format, group) : least_error_of_scale(format, group);
  }
  return {least, format.has_offset ? "all pairs of scale and offset near the range" : "all stored scales"};
}

TEST(SlowEncoderTable, OfTheDistanceFromTheOptimum) {
  const std::vector<float> weights = read_floats("gauss.f32"), importance = read_floats("importance.f32");
  std::cout << "BOUND | format | default / optimum | best / optimum | optimum over |\nBOUND |---|---|---|---|\n";
  for (const std::string& id : format_ids()) {
    const auto format = find_format(id);
    const bool has_scale_in_half = format->round_affine != nullptr && id != "q8_k";
    if (!format->gguf_type || format->floating_point || !is_searched(*format)) continue;
    if (format->two_level == nullptr && !has_scale_in_half) continue;  // codebooks have a test of their own
    const std::size_t count = format->two_level != nullptr ? 256 : format->has_offset ? 128 : 2048;
    const WeightedGroup all = WeightedGroup{weights, importance}.part(0, count);
    const Errors standard = encode(id, efforts[1], all.weights, all.importance, true);
    const Errors best = encode(id, efforts[2], all.weights, all.importance, true);
    const Bound bound = least_error(*format, all, best.bytes);
    // The solver divides importances by their mean, which changes the last bits of what it compares.
    EXPECT_GE(best.squares, bound.least * 0.9999) << id;
    EXPECT_LE(standard.squares, bound.least * 1.3) << id;
    std::cout << fmt::format("BOUND | {} | {:.4f} | {:.4f} | {} |\n", id, std::sqrt(standard.squares / bound.least),
                             std::sqrt(best.squares / bound.least), bound.over);
  }
}

}  // namespace
}  // namespace quantbench
