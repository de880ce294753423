#include "eval/runner/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/error.h"
#include "eval/runner/shards.h"
#include "eval/testing/tiny_experiment.h"

namespace quantbench {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing_support::TinyExperiment;

TEST(Plan, PredictsTheBytesOfEachCell) {
  const TinyExperiment tiny("[f32, f16, rtn:q4_0, rtn:q8_0]");
  // One block of the model: q and its output 64 x 64, k and v 32 x 64, gate and up 96 x 64, down 64 x 96.
  constexpr std::uint64_t weights = 2 * 64 * 64 + 2 * 32 * 64 + 3 * 96 * 64;
  ASSERT_EQ(tiny.plan.cells.size(), 4u);
  EXPECT_EQ(tiny.plan.cells[0].size_bytes, weights * 4);
  EXPECT_EQ(tiny.plan.cells[1].size_bytes, weights * 2);
  EXPECT_EQ(tiny.plan.cells[2].size_bytes, weights / 32 * 18);
  EXPECT_EQ(tiny.plan.cells[3].size_bytes, weights / 32 * 34);
  EXPECT_DOUBLE_EQ(tiny.plan.cells[2].bits_per_weight, 4.5);
}

std::string first_id(const std::vector<std::string>& overrides) {
  return TinyExperiment("[f32, rtn:q4_0]", overrides).plan.cells[0].id;
}

TEST(Plan, AnIdChangesWithWhatDeterminesTheResultOnly) {
  const std::string id = first_id({});
  EXPECT_EQ(id.size(), 64u);
  EXPECT_EQ(first_id({}), id);
  EXPECT_EQ(first_id({"threads=2"}), id);
  EXPECT_EQ(first_id({"name=other"}), id);
  for (const char* change : {"dataset.chunks=4", "dataset.n_ctx=16", "dataset.protocol=gptq-32", "seed=1",
                             "metrics=[rmse, perplexity]", "calibration.chunks=2"})
    EXPECT_NE(first_id({change}), id) << change;
}

TEST(Plan, TheOrderOfCalibrationCountsOnlyWhereItIsUsed) {
  const std::string methods = "[f32, rtn:q4_0, test_witness:int4:g32:sym]";
  const Plan usual = TinyExperiment(methods).plan;
  std::set<std::string> ids{usual.cells[2].id};
  for (const char* change : {"calibration.sequential=false", "calibration.true_sequential=true"}) {
    const Plan changed = TinyExperiment(methods, {change}).plan;
    EXPECT_EQ(changed.cells[1].id, usual.cells[1].id);
    ids.insert(changed.cells[2].id);
  }
  EXPECT_EQ(ids.size(), 3u);
}

TEST(Plan, TellsTheMemoryOfCellsThatCalibrate) {
  const TinyExperiment tiny("[f32, rtn:q4_0, test_witness:int4:g32:sym]");
  EXPECT_FALSE(tiny.plan.cells[1].blockwise.has_value());
  const PlannedCell& cell = tiny.plan.cells[2];
  const BlockwiseMemory peak = quantize_blockwise(blockwise_task(tiny.experiment, cell.allocation), {}).peak;
  EXPECT_EQ(cell.blockwise->streams, peak.streams);
  EXPECT_GE(cell.blockwise->total(), peak.total());
  EXPECT_LE(static_cast<double>(cell.blockwise->total()), 1.1 * static_cast<double>(peak.total()));
  EXPECT_GT(cell.seconds.quantizing, tiny.plan.cells[1].seconds.quantizing);
  const std::string table = describe_plan(tiny.plan, {});
  EXPECT_THAT(table, HasSubstr("peak MiB"));
  EXPECT_THAT(table, Not(HasSubstr("statistics kept")));
  const Plan original = TinyExperiment("[f32, test_witness:int4:g32:sym]", {"calibration.sequential=false"}).plan;
  EXPECT_THAT(describe_plan(original, {}), HasSubstr("statistics kept for other cells: up to 0.1 MiB"));
}

TEST(Plan, AllCellsDiffer) {
  const TinyExperiment tiny;
  std::set<std::string> ids;
  for (const PlannedCell& cell : tiny.plan.cells) ids.insert(cell.id);
  EXPECT_EQ(ids.size(), tiny.plan.cells.size());
}

TEST(Plan, AMethodThatCannotStoreALayerFailsBeforeAnyWork) {
  TinyExperiment tiny("[f32]");
  testing_support::write_tiny_model(tiny.folder / "model.gguf", 20);
  const Config config = load_config(tiny.folder / "tiny.yaml", {"methods=[f32, rtn:q4_0]"});
  try {
    make_plan(config, load_experiment(config));
    FAIL() << "was planned";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("method rtn:q4_0: tensor 'blk.0.attn_q.weight' (64 x 20)"));
  }
}

TEST(Plan, WindowsLongerThanTheContextAreRefused) {
  EXPECT_THROW(TinyExperiment("[f32]", {"dataset.n_ctx=128"}), Error);
}

TEST(Plan, ShardsAreReadAsNumberOfCount) {
  EXPECT_EQ(parse_shard("2/4").number, 2u);
  EXPECT_EQ(parse_shard("2/4").count, 4u);
  for (const char* text : {"", "1", "0/2", "3/2", "1/2/3", "a/b", "-1/2", "1/0", " 1/2"})
    EXPECT_THROW(parse_shard(text), Error) << text;
}

TEST(Plan, TheDryRunListsTheShard) {
  const TinyExperiment tiny;
  const std::string text = describe_plan(tiny.plan, {2, 2});
  const std::vector<std::size_t> shards = assign_shards(tiny.plan, 2);
  for (std::size_t i = 0; i < shards.size(); ++i)
    EXPECT_EQ(text.find(tiny.plan.cells[i].id.substr(0, 12)) != std::string::npos, shards[i] == 2) << i;
  EXPECT_THAT(text, HasSubstr(fmt::format("{} cells", std::ranges::count(shards, 2u))));
}

}  // namespace
}  // namespace quantbench
