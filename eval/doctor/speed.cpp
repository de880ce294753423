#include <fmt/format.h>

#include "core/parallel.h"
#include "eval/commands/terminal.h"
#include "eval/doctor/finding.h"
#include "kernels/peaks.h"

namespace quantbench {
namespace {

struct Rate {
  const char* name;
  const char* key;
  double Peaks::*value;
  const char* unit;
};

constexpr Rate rates[] = {
    {"read bandwidth", "bytes_per_second", &Peaks::read_bytes_per_second, "GB/s"},
    {"f32 products", "flops_per_second", &Peaks::flops_per_second, "Gflop/s"},
    {"int8 products", "operations_per_second", &Peaks::int8_ops_per_second, "Gop/s"},
    {"bf16 products", "flops_per_second", &Peaks::bf16_flops_per_second, "Gflop/s"},
};

std::string threads_text(int threads) { return fmt::format("{} {}", threads, threads == 1 ? "thread" : "threads"); }

Finding finding_of(const Rate& rate, const std::vector<Peaks>& measured) {
  Finding finding{rate.name, ""};
  finding.figures = {{"measured", nlohmann::ordered_json::array()}};
  for (const Peaks& peaks : measured) {
    const double value = peaks.*rate.value;
    finding.text += fmt::format("{}{:.1f} {} with {}", finding.text.empty() ? "" : ", ", value / 1e9, rate.unit,
                                threads_text(peaks.threads));
    finding.figures["measured"].push_back({{"threads", peaks.threads}, {rate.key, value}});
  }
  if (measured.back().*rate.value < measured.front().*rate.value)
    finding.advice =
        "less with all threads than with one: other processes or a limit keep threads waiting for each other";
  return finding;
}

}  // namespace

std::vector<Finding> check_speed() {
  std::vector<int> thread_counts{1};
  if (hardware_threads() > 1) thread_counts.push_back(hardware_threads());
  Progress progress("measuring peaks", thread_counts.size());
  std::vector<Peaks> measured;
  for (const int threads : thread_counts) {
    progress.advance_to(measured.size(), threads_text(threads));
    measured.push_back(measure_peaks(threads, default_rotation_bytes()));
  }
  progress.advance_to(measured.size(), "done");
  std::vector<Finding> findings;
  for (const Rate& rate : rates) findings.push_back(finding_of(rate, measured));
  return findings;
}

}  // namespace quantbench
