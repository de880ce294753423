#include "kernels/measure.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

#include "core/checked.h"
#include "kernels/synthetic.h"

namespace quantbench {
namespace {

constexpr std::uint32_t weights_seed = 1, activations_seed = 2;

struct MultiplyPeak {
  const char* name;
  double per_second;
};

MultiplyPeak multiply_peak(Op op, const Peaks& peaks) {
  if (in_integers(op)) return {"int8_dot", peaks.int8_ops_per_second};
  if (op == Op::matmul_bf16 || op == Op::matmul_w4a16) return {"bf16_dot", peaks.bf16_flops_per_second};
  return {"f32_fma", peaks.flops_per_second};
}

/// `sorted` is not empty; `fraction` of the way from its first to its last element, by linear interpolation of ranks.
double quantile(std::span<const double> sorted, double fraction) {
  const double rank = fraction * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(rank);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], rank - static_cast<double>(below));
}

}  // namespace

KernelWork work_of(const Kernel& kernel, const KernelShape& shape) {
  const double packed = static_cast<double>(kernel.format->tensor_bytes(shape.outputs, shape.inputs));
  const double weights = static_cast<double>(shape.outputs) * static_cast<double>(shape.inputs);
  if (!is_product(kernel.op)) return {packed + weights * sizeof(float), 0};
  const double batch = static_cast<double>(shape.batch);
  const double vectors = batch * static_cast<double>(shape.inputs + shape.outputs) * sizeof(float);
  return {packed + vectors, 2 * weights * batch};
}

ThroughputResult summarize(const Kernel& kernel, const KernelShape& shape, const Peaks& peaks,
                           std::vector<double> seconds, std::vector<double> reading) {
  std::sort(seconds.begin(), seconds.end());
  std::sort(reading.begin(), reading.end());
  const KernelWork work = work_of(kernel, shape);
  ThroughputResult result;
  result.id = kernel.id();
  result.device = "cpu";
  result.shape = to_string(shape);
  result.variant = kernel.variant;
  result.threads = peaks.threads;
  result.seconds_median = quantile(seconds, 0.5);
  result.seconds_p10 = quantile(seconds, 0.1);
  result.seconds_p90 = quantile(seconds, 0.9);
  result.bytes = work.bytes;
  result.flops = work.flops;
  result.bytes_per_second = work.bytes / result.seconds_median;
  result.flops_per_second = work.flops / result.seconds_median;
  const double reading_at_peak = work.bytes / peaks.read_bytes_per_second;
  const MultiplyPeak peak = multiply_peak(kernel.op, peaks);
  const double multiplying = work.flops / peak.per_second;
  result.peak = reading_at_peak >= multiplying ? "read_bandwidth" : peak.name;
  result.percent_of_peak = 100 * std::max(reading_at_peak, multiplying) / result.seconds_median;
  if (!reading.empty()) result.percent_of_reading = 100 * quantile(reading, 0.5) / result.seconds_median;
  return result;
}

void RotatingCopies::fill(std::span<const std::byte> input, std::size_t total_bytes, bool only_one) {
  constexpr std::size_t cache_line = 64;
  bytes_ = input.size();
  stride_ = checked_align_up(std::max<std::size_t>(1, bytes_), cache_line);
  copies_ = only_one ? 1 : std::max<std::size_t>(2, divide_up(total_bytes, stride_));
  turn_ = 0;
  if (storage_.size() < copies_ * stride_) storage_.resize(copies_ * stride_);
  for (std::size_t copy = 0; copy < copies_; ++copy)
    std::memcpy(storage_.data() + copy * stride_, input.data(), bytes_);
}

std::span<const std::byte> RotatingCopies::next() {
  turn_ = (turn_ + 1) % copies_;
  return {storage_.data() + turn_ * stride_, bytes_};
}

KernelRun::KernelRun(const Kernel& kernel, const KernelShape& shape, const MeasureOptions& options,
                     RotatingCopies& copies)
    : kernel_(kernel), copies_(&copies), shape_(shape), cold_(options.cold) {
  const std::size_t rotation = options.rotation_bytes != 0 ? options.rotation_bytes : default_rotation_bytes();
  const std::size_t weights = checked_multiply(shape.outputs, shape.inputs);
  if (kernel.op == Op::encode) {
    const std::vector<float> values = synthetic_values(weights, weights_seed);
    copies.fill(std::as_bytes(std::span(values)), rotation, !options.cold);
    if (!kernel.effort.empty())
      for (const float value : synthetic_values(shape.inputs, activations_seed))
        importance_.push_back(std::exp(2 * value));  // two orders of magnitude, as of the inputs of a layer
    encoded_ = TensorData("encoded", shape.outputs, shape.inputs, kernel.format);
    return;
  }
  const TensorData packed = synthetic_tensor(kernel.format, shape.outputs, shape.inputs, weights_seed);
  fill_with(packed, rotation);
  if (is_product(kernel.op))
    activations_ = synthetic_values(checked_multiply(shape.batch, shape.inputs), activations_seed);
  out_.resize(is_product(kernel.op) ? checked_multiply(shape.batch, shape.outputs) : weights);
}

void KernelRun::fill_with(const TensorData& packed, std::size_t rotation_bytes) {
  if (kernel_.op != Op::matvec_repacked) return copies_->fill(packed.view().bytes, rotation_bytes, !cold_);
  const auto start = std::chrono::steady_clock::now();
  const LargePages<std::byte> repacked = repack(packed.view(), 1);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  repacking_ = {seconds, static_cast<double>(repacked.size())};
  copies_->fill(repacked, rotation_bytes, !cold_);
}

double KernelRun::call(int threads) {
  const std::span<const std::byte> input = copies_->next();
  KernelOperands operands;
  operands.threads = threads;
  const Tensor packed{"synthetic", shape_.outputs, shape_.inputs, kernel_.format, input};
  const RepackedTensor repacked{kernel_.format, shape_.outputs, shape_.inputs, input};
  if (kernel_.op == Op::encode) {
    const auto* weights = reinterpret_cast<const float*>(input.data());
    operands.weights = {{weights, input.size() / sizeof(float)}, shape_.outputs, shape_.inputs};
    operands.importance = importance_;
    operands.encoded = &encoded_;
  } else {
    if (kernel_.op == Op::matvec_repacked)
      operands.repacked = &repacked;
    else
      operands.packed = &packed;
    operands.activations = {activations_, shape_.batch, shape_.inputs};
    operands.out = out_;
  }
  const auto start = std::chrono::steady_clock::now();
  kernel_.run(kernel_, operands);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

bool KernelRun::is_beside_reading() const { return cold_ && is_matvec(kernel_.op); }

double KernelRun::read(int threads) {
  const std::size_t packed = kernel_.format->tensor_bytes(shape_.outputs, shape_.inputs);
  return read_seconds(copies_->next().first(packed), threads);
}

const Peaks& ThroughputMeter::peaks(int threads) {
  const auto found = peaks_.find(threads);
  if (found != peaks_.end()) return found->second;
  const std::size_t buffer = options_.rotation_bytes != 0 ? options_.rotation_bytes : default_rotation_bytes();
  return peaks_.emplace(threads, measure_peaks(threads, buffer)).first->second;
}

ThroughputResult ThroughputMeter::measure(const Kernel& kernel, const KernelShape& shape, int threads) {
  const Peaks& bound = peaks(threads);
  KernelRun run = prepare(kernel, shape);
  run.call(threads);  // starts the threads and touches the outputs
  std::vector<double> seconds, reading;
  for (int sample = 0; sample < std::max(1, options_.samples); ++sample) {
    double total = 0;
    int calls = 0;
    for (; calls == 0 || total < options_.seconds_per_sample; ++calls) {
      if (run.is_beside_reading()) reading.push_back(run.read(threads));
      total += run.call(threads);
    }
    seconds.push_back(total / calls);
  }
  ThroughputResult result = summarize(kernel, shape, bound, std::move(seconds), std::move(reading));
  result.repacking = run.repacking();
  return result;
}

}  // namespace quantbench
