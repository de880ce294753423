// Comparisons of what is the same: none may fail. 50 of runs by the same program, which give the same bits whatever the threads, and
// 100 of figures with noise put on them, as another machine or another order of sums would.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "core/hash.h"
#include "eval/metrics/perplexity.h"
#include "eval/testing/compared_runs.h"

namespace quantbench {
namespace {

using testing_support::failures;
using testing_support::reload;
using testing_support::run_into;
using testing_support::TinyExperiment;
using testing_support::write_tiny_text;

// Rounding, search, calibration, random rotations, and both ways in which evaluation itself rounds.
const char* const methods_of_all_kinds =
    "[f32, rtn:q4_0, q4_0, 'gptq:int4:g32:sym', 'hadamard+rtn:int4:g32:seed=3', 'rtn:q8_0:compute=native', "
    "'absmax:int8:row:activations=int8']";

/// Nothing may differ at all.
const char* const strictest =
    "inconclusive: fail\n"
    "gates:\n"
    "  bits_per_weight: {max_increase: 0}\n"
    "  substitutions: none\n"
    "  tensor_formats: same\n"
    "  relative_rmse: {max_increase: 0}\n"
    "  tensor_relative_rmse: {max_increase: 0}\n"
    "  perplexity_ratio: {max: 1}\n"
    "  mean_kld: {max_increase: 0}\n";

class NullComparisons : public testing::TestWithParam<unsigned> {};

/// For each of ten seeds of the texts: runs with 1, 2 and 3 threads and with 1 again, compared five times.
TEST_P(NullComparisons, RunsOfTheSameProgramNeverFail) {
  const unsigned seed = GetParam();
  TinyExperiment tiny(methods_of_all_kinds);
  write_tiny_text(tiny.folder / "text.txt", 100 + seed);
  write_tiny_text(tiny.folder / "calibration.txt", 200 + seed);
  reload(tiny, {fmt::format("dataset.chunks={}", 8 + seed % 5), fmt::format("seed={}", seed)});
  std::vector<ReportFile> runs;
  for (const int threads : {1, 2, 3, 1}) runs.push_back(run_into(tiny, std::to_string(runs.size()), threads));
  const Gates strict = parse_gates(strictest, "strictest"), usual = default_gates();
  for (const auto& [base, now] : {std::pair{0, 1}, {0, 2}, {1, 2}, {0, 3}, {2, 0}}) {
    const Comparison exact = compare_reports(runs[base], runs[now], strict);
    EXPECT_EQ(failures(exact), "") << "seed " << seed;
    EXPECT_EQ(exact.count(Verdict::pass), exact.checks.size());
    EXPECT_EQ(exact.checks.size(), 7u * 7u) << "methods and gates";
    EXPECT_FALSE(compare_reports(runs[base], runs[now], usual).fails());
  }
}

INSTANTIATE_TEST_SUITE_P(OfSeeds, NullComparisons, testing::Range(0U, 10U));

double normal(std::mt19937_64& generator) {
  const auto uniform = [&] { return (static_cast<double>(generator() >> 11) + 0.5) * 0x1p-53; };
  const double radius = std::sqrt(-2 * std::log(uniform()));
  return radius * std::cos(6.283185307179586 * uniform());
}

struct Noise {
  double of_windows;  // nats, common to the tokens of a window
  double alike;       // correlation of neighbouring windows
};

/// A report of one cell over 40 windows of 25 tokens, with files of tokens; the noise is put on the divergence in proportion.
class NoisyReports : public testing::Test {
 protected:
  static constexpr int windows = 40, tokens_of_window = 25;

  void write(ReportFile& file, CellReport& cell, const std::vector<float>& tokens, bool divergence) const {
    const std::string_view bytes(reinterpret_cast<const char*>(tokens.data()), tokens.size() * sizeof(float));
    const std::string name = divergence ? "cell.kld" : "cell.nll";
    write_text_atomically(file.path.parent_path() / name, bytes);
    (divergence ? cell.kld_file : cell.nll_file) = name;
    (divergence ? cell.kld_sha256 : cell.nll_sha256) = sha256(bytes);
  }

  ReportFile report_of(const std::string& side, std::uint64_t text, std::mt19937_64& generator, const Noise& noise) {
    std::filesystem::create_directories(folder_ / side);
    ReportFile file{Report{}, folder_ / side / "report.json"};
    file.report.dataset_windows = WindowFacts{
        .count = windows, .available = windows, .length = 50, .stride = 50, .scored_each = tokens_of_window};
    std::mt19937_64 text_generator(text);  // what is hard and easy is the same on both sides
    std::vector<float> nll, divergence;
    double state = normal(generator);
    for (int window = 0; window < windows; ++window) {
      state = noise.alike * state + std::sqrt(1 - noise.alike * noise.alike) * normal(generator);
      for (int token = 0; token < tokens_of_window; ++token) {
        nll.push_back(static_cast<float>(3 + normal(text_generator) + noise.of_windows * state));
        divergence.push_back(
            static_cast<float>(0.02 * std::exp(normal(text_generator)) * (1 + noise.of_windows * state)));
      }
    }
    double sum = 0;
    for (const float value : divergence) sum += static_cast<double>(value);
    CellReport cell;
    cell.method = "rtn:q4_0";
    cell.status = "ok";
    cell.bits_per_weight = 4.5;
    const Perplexity measured = perplexity(nll);
    cell.perplexity = PerplexityReport{measured.value, measured.stderr_, measured.tokens, "llamacpp-50", {}, {}, {}};
    cell.kld = KldReport{};
    cell.kld->mean = sum / static_cast<double>(divergence.size());
    write(file, cell, nll, false);
    write(file, cell, divergence, true);
    file.report.cells = {cell};
    return file;
  }

  testing_support::TemporaryFolder folder_;
};

TEST_F(NoisyReports, NoiseDoesNotFail) {
  std::mt19937_64 generator(17);
  int failed_by_much = 0, inconclusive = 0, passed = 0;
  for (const Noise& noise : {Noise{1e-6, 0}, Noise{1e-3, 0}, Noise{0.01, 0.3}, Noise{0.05, 0}, Noise{0.05, 0.3}})
    for (std::uint64_t text = 0; text < 20; ++text) {
      const ReportFile base = report_of("base", text, generator, noise), now = report_of("now", text, generator, noise);
      const Comparison comparison = compare_reports(base, now, default_gates());
      // The largest noise is more than twice the limit: the text cannot resolve it, and one failure in a hundred is the confidence.
      if (noise.of_windows > 0.01)
        failed_by_much += comparison.fails() ? 1 : 0;
      else
        EXPECT_EQ(failures(comparison), "") << noise.of_windows << " nats";
      inconclusive += comparison.verdict() == Verdict::inconclusive ? 1 : 0;
      passed += comparison.verdict() == Verdict::pass ? 1 : 0;
    }
  EXPECT_LE(failed_by_much, 1);
  EXPECT_GE(passed, 40) << "small noise passes";
  EXPECT_GE(inconclusive, 30) << "noise above the limits is seen as such, and not passed";
}

/// What the silence above is worth: the same noise, and a model that is really worse.
TEST_F(NoisyReports, ALossAboveTheNoiseIsStillSeen) {
  std::mt19937_64 generator(18);
  int caught = 0;
  for (std::uint64_t text = 0; text < 20; ++text) {
    const ReportFile base = report_of("base", text, generator, {0.01, 0.3});
    ReportFile now = report_of("now", text, generator, {0.01, 0.3});
    std::vector<float> tokens(windows * tokens_of_window);
    const std::string bytes = read_text(now.path.parent_path() / "cell.nll");
    std::memcpy(tokens.data(), bytes.data(), bytes.size());
    for (float& token : tokens) token += 0.03F;  // perplexity 3 % up, the limit is 0.5 %
    now.report.cells[0].perplexity->value = perplexity(tokens).value;
    write(now, now.report.cells[0], tokens, false);
    caught += compare_reports(base, now, default_gates()).fails() ? 1 : 0;
  }
  EXPECT_GE(caught, 19);
}

}  // namespace
}  // namespace quantbench
