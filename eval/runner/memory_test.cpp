#include "eval/runner/memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/error.h"
#include "eval/testing/tiny_experiment.h"

namespace quantbench {
namespace {

using testing_support::TemporaryFolder;
using testing_support::TinyExperiment;
using testing_support::write_model;
using testing_support::write_tiny_text;

/// The most bytes that `quantbench run` has in memory.
std::uint64_t resident_bytes_of_run(const std::filesystem::path& config, const std::filesystem::path& out) {
  const auto program = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "quantbench";
  const pid_t child = ::fork();
  if (child == 0) {
    (void)!::freopen("/dev/null", "w", stdout);
    (void)!::freopen("/dev/null", "w", stderr);
    ::execl(program.c_str(), program.c_str(), "run", config.c_str(), "--threads", "2", "--out", out.c_str(), nullptr);
    ::_exit(127);
  }
  int status = 0;
  rusage usage{};
  if (::wait4(child, &status, 0, &usage) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
    fail("{} run {} did not end well", program.string(), config.string());
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

TEST(PredictedMemory, GrowsWithTextAndModel) {
  const TinyExperiment small, longer("[f32]", {"dataset.chunks=9"});
  EXPECT_LT(small.plan.cells[0].peak_bytes, longer.plan.cells[0].peak_bytes);
  EXPECT_GT(small.plan.cells[0].peak_bytes, std::uint64_t{16} << 20);
}

/// 71 M parameters, 284 MB in f32, in ten blocks: what is kept of it shows beside the program itself.
TEST(PredictedMemorySlow, IsKeptAndNotFarAbove) {
  const TemporaryFolder folder;
  write_model(folder / "model.gguf",
              {.width = 768, .layers = 10, .heads = 12, .kv_heads = 12, .head_size = 64, .feed_forward = 2048});
  write_tiny_text(folder / "text.txt", 1);
  write_tiny_text(folder / "calibration.txt", 2);
  for (const std::string methods : {"[f32]", "[f32, rtn:q8_0]", "[f32, q4_k]", "[f32, \"gptq:int4:g128\"]"}) {
    const std::filesystem::path config_path = folder / "big.yaml";
    write_text_atomically(config_path,
                          "model: model.gguf\n"
                          "dataset: {text: text.txt, protocol: llamacpp-512, n_ctx: 64, chunks: 4}\n"
                          "calibration: {text: calibration.txt, n_ctx: 64}\n"
                          "metrics: [rmse, perplexity, kld]\n"
                          "methods: " +
                              methods + "\n");
    const Config config = load_config(config_path, {});
    const Plan plan = make_plan(config, load_experiment(config));
    std::uint64_t predicted = 0;
    for (const PlannedCell& cell : plan.cells) predicted = std::max(predicted, cell.peak_bytes);
    const std::uint64_t measured = resident_bytes_of_run(config_path, folder / "out");
    RecordProperty("predicted " + methods, std::to_string(predicted >> 20));
    RecordProperty("measured " + methods, std::to_string(measured >> 20));
    EXPECT_LE(measured, predicted) << methods;
    EXPECT_LE(static_cast<double>(predicted), 1.5 * static_cast<double>(measured)) << methods;
    std::filesystem::remove_all(folder / "out");
  }
}

}  // namespace
}  // namespace quantbench
