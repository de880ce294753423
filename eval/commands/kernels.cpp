#include "kernels/kernel_benchmarks.h"

#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "core/file.h"
#include "eval/command.h"
#include "eval/commands/terminal.h"
#include "eval/environment.h"
#include "eval/report.h"
#include "eval/runner/throughput.h"
#include "kernels/cuda/gpu_benchmarks.h"

namespace quantbench {
namespace {

// A measurement of the same kernel, shape and threads replaces the one that is there.
void merge_kernel(Report& report, ThroughputReport kernel) {
  const auto same = [&](const ThroughputReport& other) {
    return other.id == kernel.id && other.shape == kernel.shape && other.threads == kernel.threads;
  };
  std::erase_if(report.kernels, same);
  report.kernels.push_back(std::move(kernel));
}

void write_report(const std::filesystem::path& path, const std::vector<ThroughputResult>& results) {
  Report report;
  if (std::filesystem::exists(path)) {
    report = read_report(path);
  } else {
    report.run_name = "kernels";
    report.environment = current_environment(results.empty() ? 1 : results.front().threads);
  }
  for (const ThroughputResult& result : results) merge_kernel(report, report_of(result));
  write_text_atomically(path, to_json(report));
}

struct KernelsArguments {
  std::string out;
  std::vector<std::string> devices{"cpu"};
  std::vector<std::string> shapes;
  std::vector<std::size_t> batches;
  std::vector<int> threads;
  bool warm = false;
};

BenchmarkPlan plan_of(const KernelsArguments& arguments) {
  constexpr std::size_t most_of_matvec = 8;
  BenchmarkPlan plan;
  if (!arguments.shapes.empty()) plan.matrices.clear();
  for (const std::string& shape : arguments.shapes) plan.matrices.push_back(parse_kernel_shape(shape));
  if (!arguments.batches.empty()) {
    plan.matvec_batches.clear();
    plan.matmul_batches.clear();
  }
  for (const std::size_t batch : arguments.batches)
    (batch <= most_of_matvec ? plan.matvec_batches : plan.matmul_batches).push_back(batch);
  if (!arguments.threads.empty()) plan.threads = arguments.threads;
  plan.options.cold = !arguments.warm;
  return plan;
}

/// With other devices, one that is not there is told and left out; alone, it is an error.
std::vector<ThroughputResult> measure_gpu(const std::vector<std::string>& flags, const KernelsArguments& arguments) {
  if (const GpuDevices found = gpu_devices(); found.devices.empty() && arguments.devices.size() > 1) {
    fmt::print(stderr, "cuda: there is no CUDA device: {}\n", found.absence);
    return {};
  }
  return run_gpu_benchmarks(*open_gpu(), flags, plan_of(arguments));
}

std::vector<ThroughputResult> measure(const std::vector<std::string>& flags, const KernelsArguments& arguments) {
  std::vector<ThroughputResult> results;
  for (const std::string& device : arguments.devices)
    for (ThroughputResult& result :
         device == "cuda" ? measure_gpu(flags, arguments) : run_kernel_benchmarks(flags, plan_of(arguments)))
      results.push_back(std::move(result));
  return results;
}

std::function<int()> declare(CommandOptions& options) {
  auto arguments = std::make_shared<KernelsArguments>();
  options.add("--out", arguments->out, "report.json to put the figures into; it is made when it is not there");
  options.add("--device", arguments->devices, "cpu, cuda (the first CUDA device), or both with a comma between (cpu)")
      .comma_separated()
      .one_of({"cpu", "cuda"});
  options.add("--shapes", arguments->shapes, "OUTPUTSxINPUTS of the weights, with commas between (4096x4096)")
      .comma_separated();
  options
      .add("--batches", arguments->batches,
           "rows of activations, with commas between (1,8,128): up to 8 for matvec, more for matmul")
      .comma_separated()
      .positive();
  options.add("--threads", arguments->threads, "thread counts, with commas between (1)").comma_separated().positive();
  options.add_flag("--warm", arguments->warm, "weights stay in the cache; else copies in turn, too large for it");
  options.allow_undeclared();
  options.footer(
      "All other options go to Google Benchmark: --benchmark_filter=REGEX, --benchmark_min_time=SECONDS,\n"
      "--benchmark_format=console|json|csv, --benchmark_list_tests. Cases are named\n"
      "op/format/instruction set/OUTPUTSxINPUTSxBATCH/threads:N.\n\n"
      "Examples:\n"
      "  quantbench kernels --benchmark_filter='^matvec/q4_0' --out kernels.json\n"
      "  quantbench kernels --shapes 4096x4096,4096x11008 --batches 1,256 --threads 1,2 --benchmark_filter=_int8/q4_k");
  return [options, arguments] {
    const std::vector<ThroughputResult> results = measure(options.undeclared(), *arguments);
    if (!arguments->out.empty()) write_report(arguments->out, results);
    return 0;
  };
}

const Register<Command> registered{"kernels", {"Measure the throughput of the kernels on this machine", declare}};

}  // namespace
}  // namespace quantbench
