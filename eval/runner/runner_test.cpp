#include "eval/runner/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>
#include <ostream>

#include <cmath>
#include <csignal>
#include <limits>

#include "core/error.h"
#include "core/hash.h"
#include "eval/environment.h"
#include "eval/metrics/perplexity.h"
#include "eval/runner/merge.h"
#include "eval/runner/metric.h"
#include "eval/testing/report_schema.h"
#include "eval/testing/tiny_experiment.h"
#include "kernels/cuda/gpu_devices.h"
#include "models/importance/imatrix_file.h"

namespace quantbench {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::TinyExperiment;

/// Fails on q4_0 only: what a broken quantizer looks like. It is also how a metric is added: one file.
const Register<Metric> fails_on_q4_0{"test_fails_on_q4_0",
                                     {.summary = "for tests", .measure = [](CellContext& context, CellReport&) {
                                        if (context.quantized_tensors()[0].format->id == "q4_0") fail("q4_0 is broken");
                                      }}};

RunOptions options_for(const TinyExperiment& tiny, const std::string& store = "store") {
  RunOptions options;
  options.folder = tiny.folder / store;
  return options;
}

RunResult run(const TinyExperiment& tiny, const RunOptions& options) {
  return run_plan(tiny.config, tiny.experiment, tiny.plan, options);
}

std::string comparable(const Report& report) { return to_json(without_timings(report)); }

TEST(Runner, ReportsEveryCellOfThePlan) {
  const TinyExperiment tiny;
  const RunResult result = run(tiny, options_for(tiny));
  EXPECT_EQ(result.computed, 5u);
  EXPECT_EQ(result.failed, 0u);
  EXPECT_EQ(schema_errors(to_json(result.report)), "");
  EXPECT_EQ(result.report.run_name, "tiny");
  EXPECT_EQ(result.report.model_name, "model.gguf");
  EXPECT_EQ(result.report.dataset_tokens, 403u) << "400 letters, and three bytes of the space put before them";
  ASSERT_EQ(result.report.cells.size(), 5u);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(result.report.cells[i].method, tiny.plan.cells[i].method_id);
}

TEST(Runner, TheFiguresOrderAsTheyMust) {
  const TinyExperiment tiny;
  const std::vector<CellReport> cells = run(tiny, options_for(tiny)).report.cells;
  const CellReport &f32 = cells[0], &f16 = cells[1], &int8 = cells[2], &int4 = cells[3];
  EXPECT_EQ(f32.rmse->relative, 0);
  EXPECT_EQ(f32.kld->mean, 0) << "the base against itself";
  EXPECT_FALSE(f32.perplexity->difference.has_value());
  EXPECT_LT(f16.rmse->relative, int8.rmse->relative);
  EXPECT_LT(int8.rmse->relative, int4.rmse->relative);
  EXPECT_LT(int8.kld->mean, int4.kld->mean);
  EXPECT_GT(int4.kld->mean, int4.kld->noise_floor);
  EXPECT_EQ(int4.tensors.size(), 7u);
  EXPECT_TRUE(int4.rmse->weighted_relative.has_value()) << "calibration is configured";
  EXPECT_EQ(int4.perplexity->tokens, 5u * 15u) << "llamacpp-32 scores 15 tokens of each window";
}

TEST(Runner, CellsAndTensorsSayHowFarFromTheGaussianBoundTheyAre) {
  const TinyExperiment tiny;
  const std::vector<CellReport> cells = run(tiny, options_for(tiny)).report.cells;
  EXPECT_FALSE(cells[0].rmse->rate_distortion_db.has_value()) << "f32 has no error";
  const CellReport& int4 = cells[3];
  double nearest = std::numeric_limits<double>::infinity();
  for (const TensorReport& tensor : int4.tensors) {
    EXPECT_NEAR(*tensor.rms, tensor.rmse / tensor.relative_rmse, 1e-9 * *tensor.rms);
    EXPECT_NEAR(*tensor.rate_distortion_db,
                20 * std::log10(tensor.relative_rmse) + 20 * std::log10(2.0) * tensor.bits_per_weight, 1e-9);
    nearest = std::min(nearest, *tensor.rate_distortion_db);
  }
  EXPECT_GE(*int4.rmse->rate_distortion_db, nearest) << "equal bits everywhere are no better than those that fit";
}

const TensorReport& tensor(const CellReport& cell, std::string_view name) {
  const auto found = std::ranges::find(cell.tensors, name, &TensorReport::name);
  if (found == cell.tensors.end()) fail("no tensor {} in {}", name, cell.method);
  return *found;
}

TEST(Runner, MixesQuantizeEmbeddingAndOutputToo) {
  const TinyExperiment tiny("[f32, rtn:q8_0, rtn:mix:q8_0]");
  const std::vector<CellReport> cells = run(tiny, options_for(tiny)).report.cells;
  EXPECT_EQ(cells[1].tensors.size(), 7u) << "the linear layers";
  EXPECT_EQ(cells[2].tensors.size(), 9u);
  for (const char* name : {"token_embd.weight", "output.weight"}) EXPECT_EQ(tensor(cells[2], name).format, "q8_0");
  EXPECT_EQ(cells[2].size_bytes - cells[1].size_bytes, 2u * 259 * 64 / 32 * 34);
  EXPECT_DOUBLE_EQ(cells[2].bits_per_weight, 8.5);
  EXPECT_GT(cells[2].kld->mean, cells[1].kld->mean) << "the forward pass reads the quantized embedding and output";
  EXPECT_EQ(cells[1].rmse->weighted_relative, cells[2].rmse->weighted_relative) << "over the calibrated layers";
}

TEST(Runner, RulesGiveTensorsOtherFormats) {
  const std::vector<std::string> careful = {
      "rules={careful: [{tensor: 'attn_v|output.w', format: q8_0}, {tensor: down, format: keep}]}"};
  const TinyExperiment tiny("[f32, rtn:q4_0, 'rtn:q4_0:rules=careful']", careful);
  const std::vector<CellReport> cells = run(tiny, options_for(tiny)).report.cells;
  EXPECT_EQ(cells[2].tensors.size(), 7u) << "without ffn_down, with output";
  EXPECT_EQ(tensor(cells[2], "blk.0.attn_v.weight").format, "q8_0");
  EXPECT_EQ(tensor(cells[2], "output.weight").format, "q8_0");
  EXPECT_EQ(tensor(cells[2], "blk.0.attn_q.weight").format, "q4_0");
  const TinyExperiment other("[f32, 'rtn:q4_0:rules=careful']", {"rules={careful: [{tensor: attn_v, format: q4_1}]}"});
  EXPECT_NE(other.plan.cells[1].id, tiny.plan.cells[2].id) << "the rules are part of the hash";
  EXPECT_EQ(other.plan.cells[0].id, TinyExperiment("[f32]").plan.cells[0].id);
}

TEST(Runner, SubstitutesAreListedAndCounted) {
  const TinyExperiment tiny("[f32, rtn:q1_0]", {"fallback=warn"});  // 128 weights in a block, and rows of 64 and 96
  ASSERT_EQ(tiny.plan.notes.size(), 1u);
  EXPECT_THAT(tiny.plan.notes[0], HasSubstr("rtn:q1_0: 7 of 7 tensors are stored in another format than asked"));
  const RunResult result = run(tiny, options_for(tiny));
  const CellReport& cell = result.report.cells[1];
  EXPECT_DOUBLE_EQ(cell.bits_per_weight, 4.5);
  for (const TensorReport& each : cell.tensors) {
    EXPECT_EQ(each.format, "q4_0");
    EXPECT_THAT(each.fallback, HasSubstr("q4_0 instead of q1_0"));
  }
  EXPECT_THAT(cell.notes, ElementsAre(HasSubstr("7 of 7 tensors")));
  EXPECT_EQ(schema_errors(to_json(result.report)), "");
  EXPECT_EQ(parse_report(to_json(result.report), "r").cells[1].notes, cell.notes);
  EXPECT_TRUE(TinyExperiment("[f32, rtn:q1_0]", {"fallback=allow"}).plan.notes.empty());
  EXPECT_THROW(TinyExperiment("[f32, rtn:q1_0]"), Error);
}

TEST(Runner, ImportanceIsUsedUnlessTheMethodSaysOff) {
  const TinyExperiment tiny("[f32, {method: search, format: q4_0, imatrix: [true, false]}]");
  const std::vector<CellReport> cells = run(tiny, options_for(tiny)).report.cells;
  ASSERT_EQ(cells.size(), 3u);
  EXPECT_EQ(cells[1].method, "q4_0");
  EXPECT_EQ(cells[2].method, "q4_0:imatrix=off");
  EXPECT_EQ(cells[0].importance, "");
  EXPECT_EQ(cells[1].importance, "calibration.txt");
  EXPECT_EQ(cells[2].importance, "");
  EXPECT_LT(*cells[1].rmse->weighted_relative, *cells[2].rmse->weighted_relative);
  EXPECT_GT(cells[1].rmse->relative, cells[2].rmse->relative);
  EXPECT_TRUE(cells[1].notes.empty());
}

TEST(Runner, AnImportanceMatrixGoesBeforeTheCalibration) {
  const TinyExperiment first("[f32]");
  ImportanceMatrix matrix;
  for (const Tensor& layer : first.experiment.model->linear_layers)
    matrix.entries[layer.name] = {std::vector<float>(layer.cols, 1), {1}};
  matrix.entries["blk.0.attn_q.weight"].sums_of_squares.assign(64, 0);
  const std::string file = (first.folder / "i.gguf").string();
  write_importance_matrix(file, matrix);
  const TinyExperiment tiny("[f32, 'mix:q8_0']", {"imatrix=" + file});
  EXPECT_NE(tiny.plan.cells[1].id, TinyExperiment("[f32, 'mix:q8_0']").plan.cells[1].id);
  const CellReport cell = run(tiny, options_for(tiny)).report.cells[1];
  EXPECT_EQ(cell.importance, "i.gguf");
  EXPECT_THAT(cell.notes, ElementsAre(HasSubstr("blk.0.attn_q.weight: the importance matrix is zero"),
                                      HasSubstr("token_embd.weight, output.weight")));
  matrix.entries["blk.0.attn_q.weight"].sums_of_squares.resize(63);
  write_importance_matrix(file, matrix);
  EXPECT_THROW(TinyExperiment("[f32]", {"imatrix=" + file}), Error) << "another size than the model's";
  ImportanceMatrix foreign;
  foreign.entries["blk.9.attn_q.weight"] = {{1}, {1}};
  write_importance_matrix(file, foreign);
  EXPECT_THROW(TinyExperiment("[f32]", {"imatrix=" + file}), Error) << "of another model";
}

std::size_t moment_files(const TinyExperiment& tiny, const std::string& store) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(tiny.folder / store / "shared"))
    if (entry.path().filename().string().starts_with("moments-")) ++count;
  return count;
}

// The witness rounds to nearest whatever it is told: the cell must have the figures of rtn.
TEST(Runner, CellsThatCalibrateAreQuantizedBlockByBlock) {
  const std::string methods = "[f32, absmax:int4:g32, test_witness:int4:g32:sym, test_witness:int4:g32:sym:again]";
  for (const bool sequential : {true, false}) {
    const TinyExperiment tiny(methods, {fmt::format("calibration.sequential={}", sequential)});
    const std::vector<CellReport> cells = run(tiny, options_for(tiny)).report.cells;
    ASSERT_EQ(cells[2].status, "ok") << cells[2].error;
    EXPECT_EQ(cells[2].perplexity->value, cells[1].perplexity->value);
    EXPECT_EQ(cells[2].kld->mean, cells[1].kld->mean);
    EXPECT_EQ(cells[2].rmse->relative, cells[1].rmse->relative);
    EXPECT_EQ(cells[2].rmse->weighted_relative, cells[1].rmse->weighted_relative);
    EXPECT_EQ(moment_files(tiny, "store"), sequential ? 0u : 4u) << "one for each group, shared by both cells";
    RunOptions two = options_for(tiny, "two");
    two.threads = 2;
    EXPECT_EQ(comparable(run(tiny, two).report), comparable(run(tiny, options_for(tiny)).report));
  }
}

TEST(Runner, OfAMixOnlyTheLinearLayersAreCalibrated) {
  const TinyExperiment tiny("[f32, 'test_witness:mix:q8_0']");
  const CellReport cell = run(tiny, options_for(tiny)).report.cells[1];
  ASSERT_EQ(cell.status, "ok") << cell.error;
  EXPECT_EQ(cell.tensors.size(), 9u);
  EXPECT_THAT(cell.notes, Contains(HasSubstr("token_embd.weight (q8_0), output.weight (q8_0)")));
}

TEST(Runner, ThePairedDifferenceIsThatOfTheStoredTokens) {
  const TinyExperiment tiny;
  const RunResult result = run(tiny, options_for(tiny));
  const ResultStore store(tiny.folder / "store");
  const CellReport& cell = result.report.cells[3];
  const PairedDifference expected = paired_difference(store.read_nll(result.report.cells[0]), store.read_nll(cell));
  EXPECT_EQ(cell.perplexity->difference, expected.mean);
  EXPECT_EQ(cell.perplexity->difference_lower, expected.lower);
  EXPECT_EQ(cell.perplexity->difference_upper, expected.upper);
  EXPECT_EQ(perplexity(store.read_nll(cell)).value, cell.perplexity->value);
}

TEST(Runner, TheNumberOfThreadsDoesNotChangeTheReport) {
  const TinyExperiment tiny;
  RunOptions two = options_for(tiny, "two");
  two.threads = 2;
  EXPECT_EQ(comparable(run(tiny, options_for(tiny, "one")).report), comparable(run(tiny, two).report));
}

TEST(Runner, FinishedCellsAreNeverComputedAgainUnlessFresh) {
  const TinyExperiment tiny;
  RunOptions options = options_for(tiny);
  const std::string first = to_json(run(tiny, options).report);
  const RunResult again = run(tiny, options);
  EXPECT_EQ(again.computed, 0u);
  EXPECT_EQ(again.reused, 5u);
  EXPECT_EQ(to_json(again.report), first) << "even the seconds are those of the first run";
  options.fresh = true;
  EXPECT_EQ(run(tiny, options).computed, 5u);
}

TEST(Runner, ReportsSayTheirConfigAndCommit) {
  const TinyExperiment tiny("[f32]");
  const Report report = run(tiny, options_for(tiny)).report;
  EXPECT_EQ(sha256(report.config), report.config_sha256);
  EXPECT_EQ(report.environment.commit, quantbench_commit());
  EXPECT_EQ(report.cells[0].commit, "") << "that of the report";
}

TEST(Runner, FinishedCellsOfAnotherCommitAreKeptAndSaySo) {
  const TinyExperiment tiny("[f32, rtn:q4_0]");
  run(tiny, options_for(tiny));
  const ResultStore store(tiny.folder / "store");
  const std::string& id = tiny.plan.cells[1].id;
  Report stored = *store.find(id).report;
  stored.environment.commit = std::string(40, 'a');
  const TokenFigures tokens{store.read_nll(stored.cells[0]), {}};
  stored.cells[0].kld_file = stored.cells[0].kld_sha256 = "";
  store.save(id, stored, tokens);
  RunResult again = run(tiny, options_for(tiny));
  EXPECT_EQ(again.computed, 0u);
  EXPECT_EQ(again.report.cells[0].commit, "");
  EXPECT_EQ(again.report.cells[1].commit, std::string(40, 'a'));
  EXPECT_EQ(schema_errors(to_json(again.report)), "");
  const Report merged = merge_stores({tiny.folder / "store"}, tiny.folder / "merged.json").report;
  EXPECT_EQ(merged.cells[0].commit, "");
  EXPECT_EQ(merged.cells[1].commit, std::string(40, 'a'));
}

TEST(Runner, ShardsOfOneStoreAddUpToTheWholeRun) {
  const TinyExperiment tiny;
  RunOptions half = options_for(tiny);
  half.shard = {1, 2};
  EXPECT_EQ(run(tiny, half).report.cells.size(), 3u);
  half.shard = {2, 2};
  EXPECT_EQ(run(tiny, half).report.cells.size(), 2u);
  const RunResult whole = run(tiny, options_for(tiny));
  EXPECT_EQ(whole.computed, 0u);
  EXPECT_EQ(comparable(whole.report), comparable(run(tiny, options_for(tiny, "uninterrupted")).report));
}

TEST(Runner, ShardsOfSeveralStoresMerge) {
  const TinyExperiment tiny;
  for (const std::size_t number : {1u, 2u}) {
    RunOptions shard = options_for(tiny, fmt::format("shard{}", number));
    shard.shard = {number, 2};
    run(tiny, shard);
  }
  const std::filesystem::path out = tiny.folder / "merged.json";
  const MergedStores merged = merge_stores({tiny.folder / "shard1", tiny.folder / "shard2"}, out);
  EXPECT_TRUE(merged.missing.empty());
  EXPECT_EQ(comparable(merged.report), comparable(run(tiny, options_for(tiny)).report));
  for (const CellReport& cell : merged.report.cells) {
    EXPECT_TRUE(std::filesystem::exists(tiny.folder / cell.nll_file));
    EXPECT_TRUE(std::filesystem::exists(tiny.folder / cell.kld_file));
  }
  EXPECT_EQ(merge_stores({tiny.folder / "shard2"}, out).missing.size(), 2u) << "f32 is in every shard";
}

TEST(Runner, StoresOfDifferentExperimentsDoNotMerge) {
  const TinyExperiment tiny("[rtn:q4_0]"), other("[rtn:q4_1]", {"dataset.n_ctx=16"});
  run(tiny, options_for(tiny));
  run(other, options_for(other));
  try {
    merge_stores({tiny.folder / "store", other.folder / "store"}, tiny.folder / "merged.json");
    FAIL() << "merged";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("their protocols differ (llamacpp-32 and llamacpp-16)"));
  }
  EXPECT_THROW(merge_stores({tiny.folder / "nowhere"}, tiny.folder / "merged.json"), Error);
  EXPECT_FALSE(std::filesystem::exists(tiny.folder / "nowhere"));
}

TEST(Runner, AFailedCellIsReportedAndTheOthersGoOn) {
  const TinyExperiment tiny("[f32, rtn:q4_0, rtn:q4_1]", {"metrics=[rmse, perplexity, test_fails_on_q4_0]"});
  RunOptions options = options_for(tiny);
  std::vector<std::string> notices;
  options.events.notice = [&notices](const std::string& text) { notices.push_back(text); };
  const RunResult result = run(tiny, options);
  EXPECT_EQ(result.failed, 1u);
  EXPECT_EQ(result.report.cells[1].status, "failed");
  EXPECT_EQ(result.report.cells[1].error, "q4_0 is broken");
  EXPECT_EQ(result.report.cells[2].status, "ok");
  EXPECT_THAT(notices, ElementsAre("rtn:q4_0 failed: q4_0 is broken"));
  EXPECT_EQ(schema_errors(to_json(result.report)), "");
  EXPECT_EQ(run(tiny, options).computed, 1u) << "a failed cell is tried again";
}

TEST(Runner, ThroughputIsMeasuredOnceAndKept) {
  const TinyExperiment tiny("[rtn:q4_0]", {"metrics=[rmse, throughput]", "throughput.shapes=[[64, 64]]"});
  const RunResult result = run(tiny, options_for(tiny));
  ASSERT_EQ(result.report.kernels.size(), 1u);
  EXPECT_THAT(result.report.kernels[0].id, HasSubstr("matvec/q4_0/"));
  EXPECT_GT(result.report.kernels[0].bytes_per_second, 0);
  EXPECT_EQ(schema_errors(to_json(result.report)), "");
  EXPECT_EQ(to_json(run(tiny, options_for(tiny)).report), to_json(result.report));
}

TEST(Runner, ACudaDeviceThatIsNotThereIsToldAndLeftOutUnlessItWasAllThatWasAskedFor) {
  if (!gpu_devices().devices.empty()) GTEST_SKIP() << "there is a CUDA device";
  const TinyExperiment both(
      "[rtn:q4_0]", {"metrics=[rmse, throughput]", "throughput.shapes=[[64, 64]]", "throughput.device=[cpu, cuda]"});
  std::vector<std::string> notices;
  RunOptions options = options_for(both);
  options.events.notice = [&](const std::string& text) { notices.push_back(text); };
  EXPECT_EQ(run(both, options).report.kernels.size(), 1u);
  EXPECT_THAT(notices, testing::Contains(HasSubstr("there is no CUDA device")));
  const TinyExperiment alone("[rtn:q4_0]",
                             {"metrics=[rmse, throughput]", "throughput.shapes=[[64, 64]]", "throughput.device=cuda"});
  EXPECT_THROW(run(alone, options_for(alone)), Error);
}

struct Damage {
  std::string name;
  std::function<void(const ResultStore& store, const std::string& id, const std::string& other)> apply;
};
void PrintTo(const Damage& value, std::ostream* out) { *out << value.name; }

class DamagedStores : public testing::TestWithParam<Damage> {};

TEST_P(DamagedStores, AreNoticedAndComputedAgain) {
  const TinyExperiment tiny;
  RunOptions options = options_for(tiny);
  const std::string intact = comparable(run(tiny, options).report);
  GetParam().apply(ResultStore(options.folder), tiny.plan.cells[3].id, tiny.plan.cells[2].id);
  std::vector<std::string> notices;
  options.events.notice = [&notices](const std::string& text) { notices.push_back(text); };
  const RunResult repaired = run(tiny, options);
  EXPECT_THAT(notices, ElementsAre(HasSubstr("absmax:int4:g32 is computed again")));
  EXPECT_EQ(repaired.computed, 1u);
  EXPECT_EQ(comparable(repaired.report), intact);
}

void replace(const std::filesystem::path& path, const std::function<void(std::string&)>& change) {
  std::string text = read_text(path);
  change(text);
  write_text_atomically(path, text);
}

INSTANTIATE_TEST_SUITE_P(
    Runner, DamagedStores,
    testing::Values(
        Damage{"truncated",
               [](auto& store, auto& id, auto&) {
                 replace(store.cell_file(id), [](std::string& text) { text.resize(text.size() / 2); });
               }},
        Damage{"empty", [](auto& store, auto& id,
                           auto&) { replace(store.cell_file(id), [](std::string& text) { text.clear(); }); }},
        Damage{"a_figure_changed",
               [](auto& store, auto& id, auto&) {
                 replace(store.cell_file(id), [](std::string& text) {
                   const std::size_t digit = text.find("\"relative\": 0.") + 15;
                   text[digit] = text[digit] == '1' ? '2' : '1';
                 });
               }},
        Damage{"of_another_cell",
               [](auto& store, auto& id, auto& other) {
                 write_text_atomically(store.cell_file(id), read_text(store.cell_file(other)));
               }},
        Damage{"not_json", [](auto& store, auto& id, auto&) { write_text_atomically(store.cell_file(id), "hello\n"); }},
        Damage{"nll_changed", [](auto& store, auto& id,
                                 auto&) { replace(store.nll_file(id), [](std::string& bytes) { bytes[5] ^= 1; }); }},
        Damage{"nll_gone", [](auto& store, auto& id, auto&) { std::filesystem::remove(store.nll_file(id)); }},
        Damage{"kld_changed", [](auto& store, auto& id,
                                 auto&) { replace(store.kld_file(id), [](std::string& bytes) { bytes[5] ^= 1; }); }}),
    [](const auto& test) { return test.param.name; });

/// Runs the plan in a child process that kills itself with SIGKILL at the given event; true when it was killed.
bool run_and_kill(const TinyExperiment& tiny, RunOptions options, int at_event) {
  const pid_t child = ::fork();
  if (child == 0) {
    int events = 0;
    const auto tick = [&events, at_event] {
      if (++events == at_event) ::raise(SIGKILL);
    };
    options.events.begin = [&tick](const std::string&, double) { tick(); };
    options.events.progress = [&tick](double) { tick(); };
    options.events.end = tick;
    run(tiny, options);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status);
}

TEST(Runner, ARunKilledAtAnyMomentGoesOnAndLosesNothingFinished) {
  const TinyExperiment tiny;
  const std::string uninterrupted = comparable(run(tiny, options_for(tiny, "uninterrupted")).report);
  const RunOptions options = options_for(tiny);
  std::size_t finished = 0;
  int kills = 0;
  for (int event = 1; run_and_kill(tiny, options, event); ++event) {
    ++kills;
    std::size_t now = 0;
    for (const PlannedCell& cell : tiny.plan.cells) now += ResultStore(options.folder).find(cell.id).report.has_value();
    EXPECT_GE(now, finished) << "a finished cell was lost at event " << event;
    finished = now;
  }
  EXPECT_GE(kills, 5);
  EXPECT_EQ(comparable(run(tiny, options).report), uninterrupted);
}

TEST(Runner, ProcessesShareAStore) {
  const TinyExperiment tiny;
  std::vector<pid_t> children;
  for (int i = 0; i < 3; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      const RunResult result = run(tiny, options_for(tiny));
      ::_exit(result.report.cells.size() == 5 && result.failed == 0 ? static_cast<int>(result.computed) : 100);
    }
    children.push_back(child);
  }
  int computed = 0;
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFEXITED(status));
    computed += WEXITSTATUS(status);
  }
  EXPECT_EQ(computed, 5) << "each cell is computed by one process";
  EXPECT_EQ(comparable(run(tiny, options_for(tiny)).report), comparable(run(tiny, options_for(tiny, "alone")).report));
}

}  // namespace
}  // namespace quantbench
