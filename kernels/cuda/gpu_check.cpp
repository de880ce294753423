#include "kernels/cuda/gpu_check.h"

#include <bit>
#include <cmath>
#include <vector>

#include "core/checked.h"
#include "core/error.h"
#include "core/half.h"
#include "kernels/cpu/int8_activations.h"
#include "quantizers/formats/all.h"
#include "quantizers/formats/decode.h"

namespace quantbench {
namespace {

/// At most `most` of 0 .. count-1, evenly spaced from the first to the last.
std::vector<std::size_t> spaced(std::size_t count, std::size_t most) {
  std::vector<std::size_t> chosen;
  const std::size_t size = std::min(count, std::max<std::size_t>(2, most));
  for (std::size_t i = 0; i < size; ++i) chosen.push_back(size == 1 ? 0 : i * (count - 1) / (size - 1));
  return chosen;
}

std::vector<float> decoded_row(const Tensor& weights, std::size_t row) {
  std::vector<float> values(weights.cols);
  weights.format->decode(*weights.format, weights.row(row), weights.cols, 0, values);
  return values;
}

/// Of each weight of the row: that of its group.
template <class F>
void offsets_of_row(const Tensor& weights, std::size_t row, std::span<float> offsets) {
  const auto shape = F::shape(*weights.format, weights.cols);
  for (std::size_t begin = 0, index = 0; begin < weights.cols; ++index) {
    const formats::BlockView block = F::block_at(shape, weights.row(row), index);
    const int group = F::group == 0 ? block.weights : F::group;
    for (int i = 0; i < block.weights; ++i)
      offsets[begin + static_cast<std::size_t>(i)] = formats::affine_of<F>(block, i / group).offset;
    begin += static_cast<std::size_t>(block.weights);
  }
}

/// abs(scale level) + abs(offset) is at most the result for each weight w: abs(w) + 2 abs(offset).
std::vector<double> magnitudes_of_row(const Tensor& weights, std::size_t row, std::span<const float> values) {
  std::vector<float> offsets(weights.cols);
  formats::for_each_format([&]<class F>(std::size_t layout) {
    if constexpr (!F::floating_point)
      if (F::has_offset && layout == weights.format->layout) offsets_of_row<F>(weights, row, offsets);
  });
  std::vector<double> magnitudes(weights.cols);
  for (std::size_t i = 0; i < weights.cols; ++i)
    magnitudes[i] = std::fabs(static_cast<double>(values[i])) + 2 * std::fabs(static_cast<double>(offsets[i]));
  return magnitudes;
}

double rounded_to_bf16(float number) { return static_cast<double>(bf16_to_f32(f32_to_bf16(number))); }

void check_decoded_row(const Tensor& weights, std::size_t row, std::span<const float> out) {
  const std::vector<float> expected = decoded_row(weights, row);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const bool same = std::bit_cast<std::uint32_t>(out[i]) == std::bit_cast<std::uint32_t>(expected[i]);
    if (!same && !(std::isnan(out[i]) && std::isnan(expected[i])))
      fail("decode of {}, {} x {}: weight {} of row {} is {} on the device and {} on the CPU", weights.format->id,
           weights.rows, weights.cols, i, row, out[i], expected[i]);
  }
}

/// The activation that a product multiplies instead, of each of a row.
std::vector<double> multiplied_activations(Op op, std::span<const float> x) {
  if (op == Op::matmul_bf16 || op == Op::matmul_w4a16) {
    std::vector<double> rounded;
    for (const float number : x) rounded.push_back(rounded_to_bf16(number));
    return rounded;
  }
  std::vector<double> numbers(x.begin(), x.end());
  if (op != Op::matmul_int8) return numbers;
  const Int8Activations rounded = round_activations(x.data(), 1, x.size(), x.size(), 1);
  for (std::size_t i = 0; i < x.size(); ++i)
    numbers[i] = static_cast<double>(rounded.scales[i / Int8Activations::run]) * rounded.values[i];
  return numbers;
}

/// One row of weights as a product multiplies it: numbers, and what the error of a sum is measured by.
struct MultipliedRow {
  std::vector<double> numbers, magnitudes;
  double unit;  // of the error
};

MultipliedRow multiplied_row(Op op, const Tensor& weights, std::size_t row) {
  const std::vector<float> values = decoded_row(weights, row);
  MultipliedRow multiplied;
  for (const float value : values)
    multiplied.numbers.push_back(op == Op::matmul_bf16 ? rounded_to_bf16(value) : static_cast<double>(value));
  if (op == Op::matmul_bf16 || op == Op::matmul_w4a16) {
    for (const double number : multiplied.numbers) multiplied.magnitudes.push_back(std::fabs(number));
    multiplied.unit = 0x1p-22 * static_cast<double>(weights.cols + 2);
    return multiplied;
  }
  const std::size_t terms = op == Op::matvec ? weights.cols : 4 * divide_up(weights.cols, Int8Activations::run);
  multiplied.magnitudes = magnitudes_of_row(weights, row, values);
  multiplied.unit = 0x1p-24 * static_cast<double>(terms + 8);
  return multiplied;
}

void check_output(Op op, const MultipliedRow& row, std::span<const float> x, float found, const std::string& where) {
  double sum = 0, magnitude = 0;
  const std::vector<double> activations = multiplied_activations(op, x);
  for (std::size_t i = 0; i < x.size(); ++i) {
    sum += row.numbers[i] * activations[i];
    magnitude += row.magnitudes[i] * std::fabs(activations[i]);
  }
  const double error = std::fabs(static_cast<double>(found) - sum);
  if (!(error <= row.unit * magnitude))
    fail("{} of {} is {} on the device and {} on the CPU; {} is allowed", to_string(op), where, found, sum,
         row.unit * magnitude);
}

}  // namespace

void check_against_cpu(Op op, const Tensor& weights, const MatrixView& activations, std::span<const float> out,
                       const GpuCheck& check) {
  const std::size_t expected = weights.rows * (is_product(op) ? activations.rows : weights.cols);
  if (out.size() != expected) fail("{} results of {}; {} expected", out.size(), to_string(op), expected);
  for (const std::size_t row : spaced(weights.rows, check.weight_rows)) {
    if (!is_product(op)) {
      check_decoded_row(weights, row, out.subspan(row * weights.cols, weights.cols));
      continue;
    }
    const MultipliedRow multiplied = multiplied_row(op, weights, row);
    for (const std::size_t b : spaced(activations.rows, check.activation_rows))
      check_output(op, multiplied, activations.row(b), out[b * weights.rows + row],
                   fmt::format("{}, {} x {}, output {} of row {} of {}", weights.format->id, weights.rows, weights.cols,
                               row, b, activations.rows));
  }
}

}  // namespace quantbench
