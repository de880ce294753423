#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "core/testing/temporary_folder.h"
#include "models/checkpoints/gguf_writer.h"
#include "models/importance/imatrix_file.h"

namespace quantbench {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

std::filesystem::path temporary(const std::string& name) {
  static const testing_support::TemporaryFolder folder;
  return folder / name;
}

ImportanceMatrix sample() {
  ImportanceMatrix matrix;
  matrix.entries["blk.0.attn_q.weight"] = {{1, 2, 3, 4.5f}, {2}};
  matrix.entries["blk.0.ffn_up_exps.weight"] = {{1, 2, 3, 4, 5, 6}, {10, 0, 4}};
  matrix.datasets = {"stories.txt", "letters.txt"};
  matrix.chunk_count = 7;
  matrix.chunk_size = 512;
  return matrix;
}

TEST(ImportanceFile, WhatIsWrittenIsRead) {
  write_importance_matrix(temporary("a.gguf"), sample());
  EXPECT_EQ(read_importance_matrix(temporary("a.gguf")), sample());
  EXPECT_TRUE(is_importance_matrix(temporary("a.gguf")));
  EXPECT_FALSE(is_importance_matrix(testing::TempDir()));
  EXPECT_FALSE(is_importance_matrix(temporary("absent")));
}

/// A GGUF file of f32 tensors, row length first.
struct GgufBuilder {
  std::vector<GgufTensorInfo> infos;
  std::vector<std::vector<float>> values;
  std::string type = "imatrix";

  GgufBuilder& add(const std::string& name, std::vector<std::uint64_t> dims, std::vector<float> of_tensor) {
    infos.push_back({name, std::move(dims), 0});
    values.push_back(std::move(of_tensor));
    return *this;
  }

  ImportanceMatrix read() const {
    Metadata metadata;
    if (!type.empty()) metadata.set("general.type", MetadataScalar(type));
    const auto path = temporary("built.gguf");
    GgufWriter writer(path, metadata, infos);
    for (std::size_t i = 0; i < infos.size(); ++i)
      writer.append(infos[i].name,
                    std::as_bytes(std::span(values[i])).first(values[i].size() * (infos[i].type == 1 ? 2 : 4)));
    writer.commit();
    return read_importance_matrix(path);
  }
};

TEST(ImportanceFile, OlderAndNewerGgufFilesAreRead) {
  const ImportanceMatrix matrix = GgufBuilder()
                                      .add("w.sums", {2}, {3, 5})
                                      .add("w.counts", {1}, {4})
                                      .add("v.in_sum2", {2, 2}, {1, 2, 3, 4})
                                      .add("v.in_sum", {2, 2}, {-1, 2, -3, 4})
                                      .add("v.counts", {1, 2}, {8, 9})
                                      .read();
  EXPECT_EQ(matrix.entries.at("w"), (ImportanceEntry{{3, 5}, {4}}));
  EXPECT_EQ(matrix.entries.at("v"), (ImportanceEntry{{1, 2, 3, 4}, {8, 9}}));
  EXPECT_EQ(matrix.chunk_size, 0u);
}

TEST(ImportanceFile, MalformedGgufFilesAreRefusedWithTheReason) {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  const auto with = [](const std::vector<float>& sums) {
    return GgufBuilder().add("w.in_sum2", {3, 2}, sums).add("w.counts", {1, 2}, {1, 1});
  };
  GgufBuilder half = with({1, 2, 3, 4, 5, 6});
  half.infos[0].type = 1;  // F16
  GgufBuilder model = with({1, 2, 3, 4, 5, 6}), untyped = model;
  model.type = "model";
  untyped.type = "";
  const std::vector<std::pair<GgufBuilder, const char*>> cases = {
      {with({1, 2, 3, 4, nan, 6}), "tensor 'w.in_sum2', column 1 of matrix 1: the value is nan"},
      {with({1, 2, infinity, 4, 5, 6}), "column 2 of matrix 0: the value is inf"},
      {with({1, -2, 3, 4, 5, 6}), "column 1 of matrix 0: the value is -2"},
      {half, "'w.in_sum2' is of type F16, expected F32"},
      {model, "general.type is 'model', expected \"imatrix\""},
      {untyped, "general.type is missing"},
      {GgufBuilder(), "has no entries"},
      {GgufBuilder().add("w.in_sum2", {3}, {1, 2, 3}), "'w.in_sum2' has no tensor 'w.counts'"},
      {GgufBuilder().add("w.counts", {1}, {1}), "'w.counts' does not belong to an importance matrix"},
      {GgufBuilder().add("w.weight", {1}, {1}), "'w.weight' does not belong to an importance matrix"},
      {GgufBuilder().add("w.in_sum2", {3}, {1, 2, 3}).add("w.counts", {2}, {1, 1}), "has 2 values, expected 1"},
      {GgufBuilder().add("w.in_sum2", {3}, {1, 2, 3}).add("w.counts", {1}, {nan}), "'w.counts', column 0"},
      {GgufBuilder().add("w.in_sum2", {1}, {1}).add("w.sums", {1}, {1}).add("w.counts", {1}, {1}), "has both"},
  };
  for (const auto& [builder, message] : cases)
    EXPECT_THAT(([&file = builder] { file.read(); }),
                ThrowsMessage<Error>(AllOf(HasSubstr("built.gguf"), HasSubstr(message))));
}

/// The fields of imatrix.dat.
struct Dat {
  std::string bytes;
  Dat& number(std::int32_t value) { return append(&value, sizeof value); }
  Dat& values(std::vector<float> list) { return append(list.data(), list.size() * sizeof(float)); }
  Dat& text(const std::string& text) {
    return number(static_cast<std::int32_t>(text.size())).append(text.data(), text.size());
  }
  Dat& append(const void* data, std::size_t size) {
    bytes.append(static_cast<const char*>(data), size);
    return *this;
  }
  ImportanceMatrix read() const { return parse_imatrix_dat(std::as_bytes(std::span(bytes)), "i.dat"); }
};

Dat good_dat() {
  return Dat()
      .number(2)
      .text("blk.0.attn_q.weight")
      .number(4)
      .number(3)
      .values({2, 4, 8})
      .text("w")
      .number(0)
      .number(1)
      .values({7});
}

TEST(ImportanceFile, LegacyFilesAreReadWithAndWithoutTrailer) {
  const ImportanceMatrix plain = good_dat().read();
  EXPECT_EQ(plain.entries.at("blk.0.attn_q.weight"), (ImportanceEntry{{2, 4, 8}, {4}}));
  EXPECT_EQ(plain.entries.at("w"), (ImportanceEntry{{7}, {1}})) << "without calls the values are the means";
  EXPECT_EQ(plain.chunk_count, 0u);
  const ImportanceMatrix full = good_dat().number(12).text("/texts/wiki.txt").read();
  EXPECT_EQ(full.entries, plain.entries);
  EXPECT_EQ(full.chunk_count, 12u);
  EXPECT_THAT(full.datasets, ElementsAre("/texts/wiki.txt"));
  write_text_atomically(temporary("i.dat"), good_dat().bytes);
  EXPECT_TRUE(is_importance_matrix(temporary("i.dat")));
  EXPECT_EQ(read_importance_matrix(temporary("i.dat")), plain);
}

TEST(ImportanceFile, EveryTruncationOfALegacyFileIsRefused) {
  const std::string entries = good_dat().bytes, whole = good_dat().number(12).text("wiki").bytes;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    if (size == entries.size()) continue;  // the trailer may be missing
    Dat cut;
    cut.bytes = whole.substr(0, size);
    EXPECT_THROW(cut.read(), Error) << size << " bytes";
  }
}

TEST(ImportanceFile, MalformedLegacyFilesAreRefusedWithTheReason) {
  constexpr std::int32_t most = std::numeric_limits<std::int32_t>::max();
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<std::pair<Dat, const char*>> cases = {
      {Dat().number(0), "byte 0: the number of entries is 0"},
      {Dat().number(-1), "the number of entries is -1"},
      {Dat().number(most).text("w").number(1).number(1).values({1}), "entry 1 of 2147483647: the length of a name"},
      {Dat().number(1).number(0), "byte 4: entry 0 of 1: the length of a name is 0"},
      {Dat().number(1).number(-5), "the length of a name is -5"},
      {Dat().number(1).number(most), "the length of a name is 2147483647"},
      {Dat().number(1).number(200).values({1}), "a name needs 200 bytes"},
      {Dat().number(1).text("\xff\xfe"), "is not text"},
      {Dat().number(1).text("w").number(-1), "byte 9: tensor 'w': the number of calls is -1"},
      {Dat().number(1).text("w").number(1).number(0), "the number of values is 0"},
      {Dat().number(1).text("w").number(1).number(-3), "the number of values is -3"},
      {Dat().number(1).text("w").number(1).number(most).values({1}),
       "the values needs 8589934588 bytes, and the file has 4 left"},
      {Dat().number(1).text("w").number(1).number(2).values({1, nan}),
       "byte 21: tensor 'w': column 1: the value is nan"},
      {Dat().number(1).text("w").number(1).number(1).values({-1}), "column 0: the value is -1"},
      {Dat().number(2).text("w").number(1).number(1).values({1}).text("w").number(1).number(1).values({1}),
       "exists twice"},
      {good_dat().number(-1).text("x"), "the number of chunks is -1"},
      {good_dat().number(1).number(-1), "the length of the text's path is -1"},
      {good_dat().number(1).text("x").number(9), "4 bytes after the end"},
  };
  for (const auto& [dat, message] : cases)
    EXPECT_THAT(([&file = dat] { file.read(); }),
                ThrowsMessage<Error>(AllOf(HasSubstr("i.dat: byte"), HasSubstr(message))));
}

TEST(ImportanceFile, OtherFilesAreRefusedByContent) {
  write_text_atomically(temporary("text.dat"), "version https://git-lfs.github.com/spec/v1\n");
  EXPECT_THAT([] { read_importance_matrix(temporary("text.dat")); },
              ThrowsMessage<Error>(HasSubstr("not an importance matrix")));
  // Each kind given to the reader of the other.
  write_importance_matrix(temporary("a.gguf"), sample());
  const std::string gguf = read_text(temporary("a.gguf")), dat = good_dat().bytes;
  EXPECT_THROW(parse_imatrix_dat(std::as_bytes(std::span(gguf)), "a"), Error);
  EXPECT_THROW(parse_imatrix_gguf(std::as_bytes(std::span(dat)), "b"), Error);
}

// Files of both kinds that another program wrote byte by byte; index.json says what is wrong with each.
TEST(ImportanceFile, GoldenFilesAreReadOrRefusedAsTheirIndexSays) {
  const std::string folder = QUANTBENCH_SOURCE_DIR "/testdata/imatrix/";
  const auto index = nlohmann::json::parse(read_text(folder + "index.json"));
  ASSERT_GE(index.size(), 29u);
  for (const auto& file : index) {
    const std::string path = folder + file["file"].get<std::string>();
    if (file["error"].is_null()) {
      EXPECT_TRUE(is_importance_matrix(path)) << path;
      EXPECT_FALSE(read_importance_matrix(path).entries.empty()) << path;
    } else {
      EXPECT_THAT([&] { read_importance_matrix(path); },
                  ThrowsMessage<Error>(AllOf(HasSubstr(path), HasSubstr(file["error"].get<std::string>()))));
    }
  }
  EXPECT_EQ(read_importance_matrix(folder + "plain.gguf").entries.at("w"), (ImportanceEntry{{2, 4, 8}, {4}}));
  EXPECT_EQ(read_importance_matrix(folder + "older.gguf").entries,
            read_importance_matrix(folder + "with_sums.gguf").entries);
  EXPECT_EQ(read_importance_matrix(folder + "plain.gguf").chunk_size, 512u);
  EXPECT_THAT(read_importance_matrix(folder + "experts.gguf").entries.at("e").counts, ElementsAre(1, 0, 2));
  EXPECT_EQ(read_importance_matrix(folder + "trailer.dat").chunk_count, 12u);
}

TEST(Importance, MeansAreSumsOverCounts) {
  EXPECT_THAT(importance_of(sample(), "blk.0.attn_q.weight", {1, 4}).mean_square, ElementsAre(0.5f, 1, 1.5f, 2.25f));
  EXPECT_EQ(importance_of(sample(), "blk.0.attn_q.weight", {1, 4}).note, "");
}

TEST(Importance, ExpertsHaveTheirOwnCountsAndSilentOnesCountAllColumnsAlike) {
  const TensorImportance experts = importance_of(sample(), "blk.0.ffn_up_exps.weight", {3, 2});
  EXPECT_THAT(experts.mean_square, ElementsAre(0.1f, 0.2f, 1, 1, 1.25f, 1.5f));
  EXPECT_THAT(experts.note, HasSubstr("1 of 3 experts"));
  ImportanceMatrix legacy;  // one count for all experts
  legacy.entries["w"] = {{2, 4, 6, 8}, {2}};
  EXPECT_THAT(importance_of(legacy, "w", {2, 2}).mean_square, ElementsAre(1, 2, 3, 4));
}

TEST(Importance, ZerosAreRaisedAndAllZerosAreUniformWithANote) {
  ImportanceMatrix matrix;
  matrix.entries["some"] = {{0, 4, 0, 12}, {2}};
  matrix.entries["all"] = {{0, 0, 0}, {5}};
  const TensorImportance some = importance_of(matrix, "some", {1, 4});
  EXPECT_THAT(some.mean_square, ElementsAre(2e-6f, 2, 2e-6f, 6)) << "a millionth of the mean, 2";
  EXPECT_EQ(some.note, "");
  const TensorImportance all = importance_of(matrix, "all", {1, 3});
  EXPECT_THAT(all.mean_square, ElementsAre(1, 1, 1));
  EXPECT_THAT(all.note, AllOf(HasSubstr("all"), HasSubstr("every column counts the same")));
}

TEST(Importance, MissingIsEmptyAndMisSizedIsAnError) {
  EXPECT_TRUE(importance_of(sample(), "output.weight", {1, 4}).mean_square.empty());
  for (const TensorColumns shape : {TensorColumns{1, 3}, {1, 5}, {2, 4}})
    EXPECT_THAT([&] { importance_of(sample(), "blk.0.attn_q.weight", shape); },
                ThrowsMessage<Error>(AllOf(HasSubstr("blk.0.attn_q.weight"), HasSubstr("4 values"))));
}

TEST(Importance, ExtremeValuesStayFiniteAndPositive) {
  constexpr float largest = std::numeric_limits<float>::max(), least = std::numeric_limits<float>::denorm_min();
  ImportanceMatrix matrix;
  matrix.entries["w"] = {{largest, least, 0, largest}, {least}};
  for (const float value : importance_of(matrix, "w", {1, 4}).mean_square) {
    EXPECT_TRUE(std::isfinite(value));
    EXPECT_GT(value, 0);
  }
}

TEST(Importance, AddingIsCollectingOverBoth) {
  ImportanceMatrix a, b;
  a.entries["w"] = {{1, 2}, {3}};
  a.entries["only in a"] = {{1}, {1}};
  a.datasets = {"x", "y"};
  a.chunk_count = 2;
  a.chunk_size = b.chunk_size = 128;
  b.entries["w"] = {{10, 20}, {4}};
  b.entries["only in b"] = {{5}, {6}};
  b.datasets = {"y", "z"};
  b.chunk_count = 5;
  add(a, b);
  EXPECT_EQ(a.entries.at("w"), (ImportanceEntry{{11, 22}, {7}}));
  EXPECT_EQ(a.entries.size(), 3u);
  EXPECT_THAT(a.datasets, ElementsAre("x", "y", "z"));
  EXPECT_EQ(a.chunk_count, 7u);
  EXPECT_EQ(a.chunk_size, 128u);
  b.entries["w"] = {{10}, {4}};
  EXPECT_THAT([&] { add(a, b); }, ThrowsMessage<Error>(HasSubstr("tensor 'w'")));
}

TEST(Importance, TheFormatsThatNeedItAreThoseOfTheReferenceEncoder) {
  for (const char* format : {"iq1_s", "iq2_xxs", "iq2_xs"}) EXPECT_TRUE(requires_importance(format));
  for (const char* format : {"iq1_m", "iq2_s", "iq3_xxs", "q2_k", "q4_0", "f16"})
    EXPECT_FALSE(requires_importance(format));
}

}  // namespace
}  // namespace quantbench
