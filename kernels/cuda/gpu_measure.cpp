#include "kernels/cuda/gpu_measure.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/checked.h"
#include "kernels/cuda/gpu_check.h"
#include "kernels/cuda/w4_kernels.h"
#include "kernels/synthetic.h"
#include "quantizers/formats/registry.h"

namespace quantbench {
namespace {

constexpr std::uint32_t weights_seed = 1, activations_seed = 2;
constexpr Op gpu_ops[] = {Op::decode, Op::matvec, Op::matmul_bf16, Op::matmul_int8, Op::matmul_w4a16};

/// Four times the cache: a copy of the weights is gone from it long before its turn comes again.
std::size_t default_rotation(const GpuDevice& device) {
  return std::max<std::size_t>(std::size_t{256} << 20, 4 * device.cache_bytes);
}

std::size_t rotation_of(const MeasureOptions& options, const GpuDevice& device) {
  if (!options.cold) return 0;
  return options.rotation_bytes != 0 ? options.rotation_bytes : default_rotation(device);
}

/// The upper one of two.
double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

}  // namespace

std::string GpuKernel::id() const { return fmt::format("{}/{}/cuda", to_string(op), format->id); }

std::vector<GpuKernel> gpu_kernels() {
  std::vector<GpuKernel> kernels;
  for (const Op op : gpu_ops)
    for (const std::string& id : format_ids())
      if (auto format = find_format(id); runs_on_gpu(op, *format)) kernels.push_back({op, std::move(format)});
  return kernels;
}

GpuKernel find_gpu_kernel(Op op, std::string_view format) {
  GpuKernel kernel{op, find_format(format)};
  if (!runs_on_gpu(op, *kernel.format))
    fail("there is no kernel {} of {} for CUDA devices", to_string(op), kernel.format->id);
  return kernel;
}

CheckedGpuRun::CheckedGpuRun(GpuSession& session, const GpuKernel& kernel, const KernelShape& shape,
                             const MeasureOptions& options) {
  constexpr int warm_up_calls = 5, most_calls = 1000;
  const TensorData weights = synthetic_tensor(kernel.format, shape.outputs, shape.inputs, weights_seed);
  std::vector<float> x;
  if (is_product(kernel.op)) x = synthetic_values(checked_multiply(shape.batch, shape.inputs), activations_seed);
  const MatrixView activations{x, x.empty() ? 0 : shape.batch, shape.inputs};
  check_against_cpu(kernel.op, weights.view(), activations, session.run(kernel.op, weights.view(), activations));
  run_ = session.prepare(kernel.op, weights.view(), activations, rotation_of(options, session.device()));
  const double seconds = run_->seconds_of_call(warm_up_calls);
  calls_ = static_cast<int>(std::clamp(options.seconds_per_sample / std::max(seconds, 1e-9), 1.0, double{most_calls}));
}

double CheckedGpuRun::sample() {
  const double seconds = run_->seconds_of_call(calls_);
  if (const std::optional<GpuClocks> clocks = run_->clocks()) {
    multiprocessor_megahertz_.push_back(clocks->multiprocessor_megahertz);
    memory_megahertz_.push_back(clocks->memory_megahertz);
  }
  return seconds;
}

std::optional<GpuClocks> CheckedGpuRun::clocks() const {
  if (multiprocessor_megahertz_.empty()) return std::nullopt;
  return GpuClocks{median(multiprocessor_megahertz_), median(memory_megahertz_)};
}

double GpuMeter::copy_bandwidth() {
  if (copy_bytes_per_second_ == 0)
    copy_bytes_per_second_ = session_->copy_bytes_per_second(default_rotation(session_->device()), options_.samples);
  return copy_bytes_per_second_;
}

double GpuMeter::dense_rate(const KernelShape& shape) {
  double& rate = dense_flops_per_second_[to_string(shape)];
  if (rate == 0) rate = session_->dense_bf16_flops_per_second(shape, options_.samples);
  return rate;
}

ThroughputResult GpuMeter::result_of(const GpuKernel& kernel, const KernelShape& shape, std::vector<double> seconds) {
  constexpr double not_a_bound = std::numeric_limits<double>::infinity();
  const bool few_rows = kernel.op == Op::matmul_w4a16 && shape.batch <= gpu::W4MatvecKernel<1>::rows;
  const bool many_rows = kernel.op != Op::decode && kernel.op != Op::matvec && !few_rows;
  const double dense = many_rows ? dense_rate(shape) : not_a_bound;
  const Peaks peaks{.threads = 1,
                    .read_bytes_per_second = copy_bandwidth(),
                    .flops_per_second = not_a_bound,
                    .int8_ops_per_second = dense,
                    .bf16_flops_per_second = dense};
  Kernel described;
  described.op = kernel.op;
  described.format = kernel.format;
  described.variant = kernel.op == Op::matmul_w4a16 ? "repacked" : "generic";
  ThroughputResult result = summarize(described, shape, peaks, std::move(seconds));
  result.id = kernel.id();
  result.device = session_->device().name;
  result.peak = result.peak == "read_bandwidth" ? "copy_bandwidth" : "cublas_bf16";
  return result;
}

ThroughputResult GpuMeter::measure(const GpuKernel& kernel, const KernelShape& shape) {
  CheckedGpuRun run = prepare(kernel, shape);
  std::vector<double> seconds;
  for (int sample = 0; sample < std::max(1, options_.samples); ++sample) seconds.push_back(run.sample());
  ThroughputResult result = result_of(kernel, shape, std::move(seconds));
  result.clocks = run.clocks();
  return result;
}

}  // namespace quantbench
