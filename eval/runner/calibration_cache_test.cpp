#include "eval/runner/calibration_cache.h"

#include <gtest/gtest.h>

#include "eval/testing/tiny_experiment.h"

namespace quantbench {
namespace {

TEST(CalibrationCache, KeepsEveryBitAndBelievesOnlyWholeFilesOfItsKey) {
  const testing_support::TemporaryFolder folder;
  const std::filesystem::path path = folder / "statistics";
  const Calibration calibration{{"blk.0.attn_q.weight", {{0.1f, 1e-30f}, {3.3f, 0}, {0.7f, 1.0f / 3}, 17}},
                                {"blk.0.ffn_down.weight", {{1}, {2}, {3}, 17}}};
  EXPECT_FALSE(find_calibration(path, "key").has_value());
  save_calibration(path, "key", calibration);
  const std::optional<Calibration> found = find_calibration(path, "key");
  ASSERT_TRUE(found.has_value());
  ASSERT_EQ(found->size(), 2u);
  const LayerStatistics& layer = found->at("blk.0.attn_q.weight");
  EXPECT_EQ(layer.mean_absolute, calibration.at("blk.0.attn_q.weight").mean_absolute);
  EXPECT_EQ(layer.max_absolute, calibration.at("blk.0.attn_q.weight").max_absolute);
  EXPECT_EQ(layer.mean_square, calibration.at("blk.0.attn_q.weight").mean_square);
  EXPECT_EQ(layer.tokens, 17u);
  EXPECT_FALSE(find_calibration(path, "another key").has_value());
  std::string bytes = read_text(path);
  bytes[bytes.size() - 3] ^= 1;
  write_text_atomically(path, bytes);
  EXPECT_FALSE(find_calibration(path, "key").has_value());
  write_text_atomically(path, "");
  EXPECT_FALSE(find_calibration(path, "key").has_value());
}

}  // namespace
}  // namespace quantbench
