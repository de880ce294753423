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

TEST(MomentsCache, KeepsEveryBitAndBelievesOnlyWholeFilesOfItsKeyAndLayer) {
  const testing_support::TemporaryFolder folder;
  const ResultStore store(folder / "store");
  const MomentsCache cache(store, "key");
  const LayerStatistics statistics{{0.1f, 1}, {3.3f, 2}, {0.7f, 1.0f / 3}, 17, {1.0f / 7, 2, 2, 1e-30f}, {}};
  const CalibrationNeeds needs{.second_moments = true};
  EXPECT_FALSE(cache.find("a", needs).has_value());
  cache.save("a", statistics);
  const auto found = cache.find("a", needs);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->mean_absolute, statistics.mean_absolute);
  EXPECT_EQ(found->max_absolute, statistics.max_absolute);
  EXPECT_EQ(found->mean_square, statistics.mean_square);
  EXPECT_EQ(found->second_moments, statistics.second_moments);
  EXPECT_EQ(found->tokens, 17u);
  EXPECT_FALSE(cache.find("b", needs).has_value());
  EXPECT_FALSE(cache.find("a", {.second_moments = true, .cross_moments = true}).has_value());
  EXPECT_FALSE(MomentsCache(store, "other").find("a", needs).has_value());
  const auto file = std::filesystem::directory_iterator(store.folder() / "shared")->path();
  const std::string whole = read_text(file);
  EXPECT_LE(whole.size(), MomentsCache::file_bytes(2) + 300);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    write_text_atomically(file, whole.substr(0, length));
    EXPECT_FALSE(cache.find("a", needs).has_value()) << length;
  }
  std::string damaged = whole;
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  write_text_atomically(file, damaged);
  EXPECT_FALSE(cache.find("a", needs).has_value());
}

}  // namespace
}  // namespace quantbench
