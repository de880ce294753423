#include "kernels/kernel_benchmarks.h"

#include <fmt/format.h>

#include <filesystem>

#include "core/file.h"
#include "eval/command.h"
#include "eval/commands/terminal.h"
#include "eval/environment.h"
#include "eval/report.h"
#include "eval/runner/throughput.h"

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

std::function<int()> declare(CLI::App& app) {
  auto out = std::make_shared<std::string>();
  app.add_option("--out", *out, "report.json to put the figures into; it is made when it is not there");
  app.allow_extras();
  app.footer(
      "All other options go to Google Benchmark: --benchmark_filter=REGEX, --benchmark_min_time=SECONDS,\n"
      "--benchmark_format=console|json|csv, --benchmark_list_tests. Cases are named\n"
      "op/format/instruction set/OUTPUTSxINPUTSxBATCH/threads:N.\n\n"
      "Example:\n  quantbench kernels --benchmark_filter='^matvec/q4_0' --out kernels.json");
  return [&app, out] {
    const std::vector<ThroughputResult> results = run_kernel_benchmarks(app.remaining());
    if (!out->empty()) write_report(*out, results);
    return 0;
  };
}

const Register<Command> registered{"kernels", {"Measure the throughput of the kernels on this machine", declare}};

}  // namespace
}  // namespace quantbench
