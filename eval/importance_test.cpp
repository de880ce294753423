#include "eval/importance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/file.h"
#include "eval/testing/tiny_experiment.h"
#include "models/importance/imatrix_file.h"

namespace quantbench {
namespace {

using testing::HasSubstr;
using testing_support::TemporaryFolder;

/// A tiny model, a text of 403 tokens, and the sums of squares computed the obvious way.
class CollectedImportance : public testing::Test {
 protected:
  void SetUp() override {
    testing_support::write_tiny_model(folder_ / "model.gguf");
    testing_support::write_tiny_text(folder_ / "text.txt", 3);
    model_ = load_model_file(file_reference((folder_ / "model.gguf").string()));
  }

  LoadedText text(std::size_t context, std::size_t chunks = 0) const {
    return load_importance_text(model_, text_reference((folder_ / "text.txt").string()), context, chunks);
  }

  /// One chunk after the other, in f64, from what the observer sees.
  std::map<std::string, std::vector<double>> obvious_sums(const Windows& windows, bool output) const {
    std::map<std::string, std::vector<double>> sums;
    for (std::size_t window = 0; window < windows.count; ++window) {
      ForwardOptions options;
      options.observe_output = output;
      options.observer = [&](std::string_view name, MatrixView input) {
        std::vector<double>& sum = sums[std::string(name)];
        sum.resize(input.cols);
        for (std::size_t i = 0; i < input.values.size(); ++i)
          sum[i % input.cols] += static_cast<double>(input.values[i]) * static_cast<double>(input.values[i]);
      };
      model_.model->forward(model_.weights, {windows.window(window), 1, windows.length}, options, {});
    }
    return sums;
  }

  void expect_obvious(const ImportanceMatrix& matrix, const Windows& windows, bool output) const {
    const auto expected = obvious_sums(windows, output);
    ASSERT_EQ(matrix.entries.size(), expected.size());
    for (const auto& [name, sums] : expected) {
      const ImportanceEntry& entry = matrix.entries.at(name);
      ASSERT_EQ(entry.counts, std::vector<float>{static_cast<float>(windows.tokens.size())}) << name;
      ASSERT_EQ(entry.sums_of_squares.size(), sums.size()) << name;
      for (std::size_t i = 0; i < sums.size(); ++i)
        ASSERT_NEAR(static_cast<double>(entry.sums_of_squares[i]) / sums[i], 1, 1e-6) << name << ", column " << i;
    }
  }

  TemporaryFolder folder_;
  LoadedModel model_;
};

TEST_F(CollectedImportance, CropsKeepTheirOwnBos) {
  write_text_atomically(folder_ / "rows.jsonl", "{\"text\": \"" + std::string(500, 'a') + "\"}\n");
  const std::string name = "c4_crops:" + (folder_ / "rows.jsonl").string();
  const LoadedText crops = load_importance_text(model_, text_reference(name), 16, 0);
  EXPECT_EQ(crops.name, "c4_crops:rows.jsonl");
  EXPECT_EQ(crops.loader, "c4_crops");
  EXPECT_EQ(crops.protocol.name, "gptq-16");
  EXPECT_EQ(crops.windows.count, 128u);
  EXPECT_EQ(crops.tokens, 128u * 16);
  std::size_t with_bos = 0;
  for (std::size_t window = 0; window < crops.windows.count; ++window)
    with_bos += crops.windows.window(window)[0] == *model_.tokenizer->leading_bos() ? 1 : 0;
  EXPECT_LT(with_bos, crops.windows.count);
  EXPECT_THAT(
      [&] {
        load_windows({text_reference(name), parse_protocol("llamacpp-16"), 0}, model_);
      },
      testing::ThrowsMessage<Error>(HasSubstr("use gptq-16")));
}

TEST_F(CollectedImportance, EqualsTheObviousSums) {
  for (const bool output : {false, true}) {
    const LoadedText loaded = text(32);
    const ImportanceMatrix matrix = collect_importance(model_, loaded, {.threads = 2, .output = output});
    expect_obvious(matrix, loaded.windows, output);
    EXPECT_EQ(matrix.entries.size(), output ? 8u : 7u);
    EXPECT_EQ(matrix.entries.contains("output.weight"), output);
    EXPECT_EQ(matrix.chunk_count, 404u / 32);
    EXPECT_EQ(matrix.chunk_size, 32u);
    EXPECT_THAT(matrix.datasets, testing::ElementsAre("text.txt"));
  }
}

TEST_F(CollectedImportance, TheFirstLayerSeesTheNormalizedEmbeddingOfEveryTokenWithBosFirst) {
  const LoadedText loaded = text(32, 3);
  const auto floats = [&](const char* name) {
    return reinterpret_cast<const float*>(model_.checkpoint->at(name).bytes.data());
  };
  const std::size_t width = model_.weights.at("token_embd.weight").cols;
  std::vector<double> sums(width);
  for (std::size_t i = 0; i < loaded.windows.tokens.size(); ++i) {
    const auto token = static_cast<std::size_t>(loaded.windows.tokens[i]);
    if (i % 32 == 0) {
      EXPECT_EQ(loaded.windows.tokens[i], model_.tokenizer->leading_bos());
    }
    const float* const x = floats("token_embd.weight") + token * width;
    double squares = 0;
    for (std::size_t k = 0; k < width; ++k) squares += static_cast<double>(x[k]) * static_cast<double>(x[k]);
    for (std::size_t k = 0; k < width; ++k) {
      const double input = static_cast<double>(x[k]) * static_cast<double>(floats("blk.0.attn_norm.weight")[k]);
      sums[k] += input * input / (squares / static_cast<double>(width) + 1e-5);
    }
  }
  const ImportanceMatrix matrix = collect_importance(model_, loaded, {});
  for (const char* name : {"blk.0.attn_q.weight", "blk.0.attn_k.weight", "blk.0.attn_v.weight"})
    for (std::size_t k = 0; k < width; ++k)
      ASSERT_NEAR(static_cast<double>(matrix.entries.at(name).sums_of_squares[k]) / sums[k], 1, 1e-5) << name << k;
}

TEST_F(CollectedImportance, ChunksCollectedApartAddUp) {
  const LoadedText whole = text(32, 6);
  LoadedText first = text(32, 6), second = text(32, 6);
  const std::size_t half = 2 * 32;
  first.windows.count = 2;
  first.windows.tokens.resize(half);
  second.windows.count = 4;
  second.windows.tokens.erase(second.windows.tokens.begin(), second.windows.tokens.begin() + half);
  ImportanceMatrix sum = collect_importance(model_, first, {});
  add(sum, collect_importance(model_, second, {}));
  const ImportanceMatrix expected = collect_importance(model_, whole, {});
  EXPECT_EQ(sum.chunk_count, expected.chunk_count);
  for (const auto& [name, entry] : expected.entries) {
    EXPECT_EQ(sum.entries.at(name).counts, entry.counts);
    for (std::size_t i = 0; i < entry.sums_of_squares.size(); ++i)
      ASSERT_NEAR(sum.entries.at(name).sums_of_squares[i] / entry.sums_of_squares[i], 1, 1e-6);
  }
}

TEST_F(CollectedImportance, TheNumberOfThreadsDoesNotMatter) {
  EXPECT_EQ(collect_importance(model_, text(32), {.threads = 1}), collect_importance(model_, text(32), {.threads = 3}));
}

TEST_F(CollectedImportance, ChunksAreAtMostTheContextLong) {
  EXPECT_EQ(text(0).windows.length, 64u) << "the tiny model's context";
  EXPECT_THROW(text(65), Error);
}

}  // namespace
}  // namespace quantbench
