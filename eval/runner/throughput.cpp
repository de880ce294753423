#include "eval/runner/throughput.h"

#include <algorithm>

#include "core/hash.h"
#include "eval/environment.h"
#include "eval/runner/metric.h"
#include "kernels/measure.h"

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

std::string id_of(const ThroughputRequest& request, const Environment& environment) {
  return sha256(fmt::format("throughput\nquantbench {}\nkernel={}\nshape={}\nthreads={}\ncpu={}\n", environment.version,
                            request.kernel.id(), to_string(request.shape), request.threads, environment.cpu));
}

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
  if (result.repacking) {
    report.repacking_seconds = result.repacking->seconds;
    report.repacked_bytes = result.repacking->bytes;
  }
  return report;
}

std::vector<ThroughputRequest> throughput_requests(const Config& config) {
  std::vector<ThroughputRequest> requests;
  if (!config.measures("throughput")) return requests;
  const Environment environment = current_environment(1);
  const ThroughputConfig throughput = config.throughput.value_or(ThroughputConfig{{{4096, 4096}}, {1}, {1}, {}});
  for (const std::string& format : formats_of(config, throughput))
    for (const ThroughputShape& shape : throughput.shapes)
      for (const std::size_t batch : throughput.batches)
        for (const int threads : throughput.threads) {
          const Op op = batch == 1 ? Op::matvec : Op::matmul;
          ThroughputRequest request{find_kernel(op, format), {shape.rows, shape.cols, batch}, threads, ""};
          (void)request.kernel.format->tensor_bytes(shape.rows, shape.cols);
          request.id = id_of(request, environment);
          requests.push_back(std::move(request));
        }
  return requests;
}

std::vector<ThroughputReport> run_throughput(const std::vector<ThroughputRequest>& requests, const Report& header,
                                             const ResultStore& store, const RunOptions& options) {
  ThroughputMeter meter;
  std::vector<ThroughputReport> results;
  for (const ThroughputRequest& request : requests) {
    StoredCell stored = options.fresh ? StoredCell{} : store.find(request.id);
    if (!stored.report) {
      if (options.events.begin) options.events.begin(request.kernel.id(), 0);
      stored.report = header;
      stored.report->kernels = {report_of(meter.measure(request.kernel, request.shape, request.threads))};
      store.save(request.id, *stored.report, {});
      if (options.events.end) options.events.end();
    }
    results.insert(results.end(), stored.report->kernels.begin(), stored.report->kernels.end());
  }
  return results;
}

}  // namespace quantbench
