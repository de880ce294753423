#include "eval/runner/throughput.h"

#include <algorithm>
#include <optional>

#include "core/hash.h"
#include "eval/environment.h"
#include "eval/runner/metric.h"
#include "kernels/measure.h"
#include "quantizers/formats/registry.h"

namespace quantbench {
namespace {

const Register<Metric> registered{
    "throughput", {.summary = "speed of the kernels of each format on this machine", .measure = nullptr}};

// The formats named, else those of the methods, each once.
std::vector<std::string> formats_of(const Config& config, const ThroughputConfig& throughput) {
  if (!throughput.formats.empty()) return throughput.formats;
  std::vector<std::string> formats;
  for (const Method& method : config.methods)
    if (std::ranges::find(formats, method.target) == formats.end()) formats.push_back(method.target);
  return formats;
}

std::string kernel_id(const ThroughputRequest& request) {
  return std::visit([](const auto& kernel) { return kernel.id(); }, request.kernel);
}

std::string id_of(const ThroughputRequest& request, const Environment& environment) {
  const bool on_gpu = std::holds_alternative<GpuKernel>(request.kernel);
  return sha256(fmt::format("throughput\nquantbench {}\nkernel={}\nshape={}\nthreads={}\n{}\n", environment.version,
                            kernel_id(request), to_string(request.shape), request.threads,
                            on_gpu ? "gpu=" + environment.gpu : "cpu=" + environment.cpu));
}

// Whether to measure on a CUDA device: asked for, and there.
bool measures_on_gpu(const ThroughputConfig& throughput, const RunEvents& events) {
  if (std::ranges::find(throughput.devices, "cuda") == throughput.devices.end()) return false;
  const GpuDevices found = gpu_devices();
  if (!found.devices.empty()) return true;
  const std::string absence = fmt::format("throughput.device is cuda, and there is no CUDA device: {}", found.absence);
  if (std::ranges::find(throughput.devices, "cpu") == throughput.devices.end()) fail("{}", absence);
  if (events.notice) events.notice(absence);
  return false;
}

// Of one format and shape.
std::vector<ThroughputRequest> requests_of(const std::string& format, const KernelShape& shape,
                                           const ThroughputConfig& throughput, bool on_gpu) {
  std::vector<ThroughputRequest> requests;
  if (std::ranges::find(throughput.devices, "cpu") != throughput.devices.end())
    for (const int threads : throughput.threads)
      requests.push_back({find_kernel(shape.batch == 1 ? Op::matvec : Op::matmul, format), shape, threads, ""});
  if (on_gpu)
    requests.push_back({find_gpu_kernel(shape.batch == 1 ? Op::matvec : Op::matmul_bf16, format), shape, 1, ""});
  return requests;
}

// Opens the device when it is first needed.
class Meters {
 public:
  ThroughputResult measure(const ThroughputRequest& request) {
    if (const auto* kernel = std::get_if<Kernel>(&request.kernel))
      return cpu_.measure(*kernel, request.shape, request.threads);
    if (!session_) session_ = open_gpu();
    if (!gpu_) gpu_.emplace(*session_);
    return gpu_->measure(std::get<GpuKernel>(request.kernel), request.shape);
  }

 private:
  ThroughputMeter cpu_;
  std::unique_ptr<GpuSession> session_;
  std::optional<GpuMeter> gpu_;
};

}  // namespace

ThroughputReport report_of(const ThroughputResult& result) {
  ThroughputReport report;
  report.id = result.id;
  report.device = result.device;
  report.shape = result.shape;
  report.variant = result.variant;
  report.threads = result.threads;
  report.seconds_median = result.seconds_median;
  report.seconds_p10 = result.seconds_p10;
  report.seconds_p90 = result.seconds_p90;
  report.bytes_per_second = result.bytes_per_second;
  report.flops_per_second = result.flops_per_second;
  report.percent_of_peak = result.percent_of_peak;
  report.peak = result.peak;
  report.percent_of_reading = result.percent_of_reading;
  if (result.clocks) {
    report.multiprocessor_clock = result.clocks->multiprocessor_megahertz;
    report.memory_clock = result.clocks->memory_megahertz;
  }
  if (result.repacking) {
    report.repacking_seconds = result.repacking->seconds;
    report.repacked_bytes = result.repacking->bytes;
  }
  return report;
}

std::vector<ThroughputRequest> throughput_requests(const Config& config, const RunEvents& events) {
  std::vector<ThroughputRequest> requests;
  if (!config.measures("throughput")) return requests;
  const Environment environment = current_environment(1);
  const ThroughputConfig throughput = config.throughput.value_or(ThroughputConfig{{{4096, 4096}}, {1}, {1}, {}});
  const bool on_gpu = measures_on_gpu(throughput, events);
  for (const std::string& format : formats_of(config, throughput))
    for (const ThroughputShape& shape : throughput.shapes) {
      (void)find_format(format)->tensor_bytes(shape.rows, shape.cols);
      for (const std::size_t batch : throughput.batches)
        for (ThroughputRequest& request : requests_of(format, {shape.rows, shape.cols, batch}, throughput, on_gpu)) {
          request.id = id_of(request, environment);
          requests.push_back(std::move(request));
        }
    }
  return requests;
}

std::vector<ThroughputReport> run_throughput(const std::vector<ThroughputRequest>& requests, const Report& header,
                                             const ResultStore& store, const RunOptions& options) {
  Meters meters;
  std::vector<ThroughputReport> results;
  for (const ThroughputRequest& request : requests) {
    StoredCell stored = options.fresh ? StoredCell{} : store.find(request.id);
    if (!stored.report) {
      if (options.events.begin) options.events.begin(kernel_id(request), 0);
      stored.report = header;
      stored.report->kernels = {report_of(meters.measure(request))};
      store.save(request.id, *stored.report, {});
      if (options.events.end) options.events.end();
    }
    results.insert(results.end(), stored.report->kernels.begin(), stored.report->kernels.end());
  }
  return results;
}

}  // namespace quantbench
