#include "quantizers/quantize.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <optional>

#include "core/checked.h"
#include "core/parallel.h"
#include "quantizers/column_weights.h"
#include "quantizers/formats/registry.h"
#include "quantizers/method_catalog.h"

namespace quantbench {
namespace {

struct Place {
  std::size_t row = 0;
  std::size_t column = 0;
};

/// Without branches, so that it is done many values at a time.
bool all_finite(std::span<const float> values) {
  constexpr std::uint32_t infinity = 0x7F800000;
  std::uint32_t any = 0;
  for (const float value : values) any |= (std::bit_cast<std::uint32_t>(value) & infinity) == infinity ? 1u : 0u;
  return any == 0;
}

/// The first value, in row order, that is NaN or infinite. `values_of(row)` returns a row of values.
template <class ValuesOf>
std::optional<Place> first_not_finite(std::size_t rows, int threads, const ValuesOf& values_of) {
  std::vector<std::optional<Place>> of_rows(rows);
  parallel_for(threads, rows, [&](std::size_t row) {
    const auto& values = values_of(row);
    if (all_finite(values)) return;
    const auto bad = std::ranges::find_if(values, [](float value) { return !std::isfinite(value); });
    if (bad != values.end()) of_rows[row] = Place{row, static_cast<std::size_t>(bad - values.begin())};
  });
  const auto first = std::ranges::find_if(of_rows, [](const auto& place) { return place.has_value(); });
  return first == of_rows.end() ? std::nullopt : *first;
}

void check_weights(const std::string& name, MatrixView weights, int threads) {
  if (weights.rows == 0 || weights.cols == 0) fail("tensor '{}' has no weights", name);
  if (weights.values.size() != checked_multiply(weights.rows, weights.cols))
    fail("tensor '{}': {} weights given for a shape of {} x {}", name, weights.values.size(), weights.rows,
         weights.cols);
  if (const auto bad = first_not_finite(weights.rows, threads, [&](std::size_t row) { return weights.row(row); }))
    fail("tensor '{}', row {}, column {}: the weight is {}; only finite weights can be quantized", name, bad->row,
         bad->column, weights.row(bad->row)[bad->column]);
}

/// Throws Error when a weight is out of the format's range: a model with infinite weights is of no use.
void convert(MatrixView weights, int threads, TensorData& out) {
  const Tensor& stored = out.view();
  const Format& format = *stored.format;
  const auto overflow = first_not_finite(weights.rows, threads, [&](std::size_t row) {
    format.encode_reference(format, weights.row(row), out.row(row));
    std::vector<float> decoded(weights.cols);
    format.decode(format, stored.row(row), weights.cols, 0, decoded);
    return decoded;
  });
  if (overflow)
    fail("tensor '{}', row {}, column {}: the weight {} is out of the range of {}", stored.name, overflow->row,
         overflow->column, weights.row(overflow->row)[overflow->column], format.id);
}

std::shared_ptr<const Format> format_for(const Method& method, const std::string& tensor, MatrixView weights) {
  if (mix_of_target(method.target))
    fail("tensor '{}': the mix {} gives each tensor of a model its own format; name a format for a single tensor",
         tensor, method.target);
  auto format = find_format(method.target);
  try {
    format->tensor_bytes(weights.rows, weights.cols);
  } catch (const Error& error) {
    fail("tensor '{}' ({} x {}) cannot be stored: {}", tensor, weights.rows, weights.cols, error.what());
  }
  return format;
}

}  // namespace

TensorData quantize_tensor(const Method& method, const std::string& name, MatrixView weights,
                           const LayerCalibration& calibration, int threads, std::vector<std::string>* remarks) {
  if (!method.transforms.empty())
    fail("tensor '{}': the transforms of method '{}' are to be applied before its solver", name, to_string(method));
  check_method(method);
  check_weights(name, weights, threads);
  TensorData out(name, weights.rows, weights.cols, format_for(method, name, weights));
  if (method.solver.empty()) {
    convert(weights, threads, out);
  } else {
    const auto& entry = Registry<SolverEntry>::instance().at(method.solver);
    LayerCalibration seen = calibration;
    const Format& format = *out.view().format;
    const std::vector<float> weights_of_columns =
        column_weights(method, format, format.bits_per_weight(weights.rows, weights.cols), calibration.mean_square);
    seen.mean_square = weights_of_columns;
    const auto options = solver_options(method);
    entry.solver->quantize({weights, seen, options, threads, best_isa(), remarks}, out);
  }
  return out;
}

}  // namespace quantbench
