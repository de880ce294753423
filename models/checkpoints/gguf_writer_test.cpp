#include "models/checkpoints/gguf_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/testing/temporary_folder.h"
#include "models/checkpoints/gguf_reader.h"
#include "models/checkpoints/testing/file_bytes.h"

namespace quantbench {
namespace {

using testing::HasSubstr;
using testing_support::TemporaryFolder;

void copy_with_writer(const GgufFile& file, const std::filesystem::path& path) {
  std::vector<GgufTensorInfo> infos;
  for (const CheckpointTensor& tensor : file.tensors) infos.push_back({tensor.name, tensor.dims, tensor.gguf_type});
  GgufWriter writer(path, file.metadata, infos);
  for (const CheckpointTensor& tensor : file.tensors) writer.append(tensor.name, tensor.bytes);
  writer.commit();
}

std::vector<std::string> accepted_golden_files() {
  std::vector<std::string> names;
  const std::filesystem::path golden = QUANTBENCH_SOURCE_DIR "/testdata/gguf/container";
  for (const auto& entry : std::filesystem::directory_iterator(golden)) {
    if (entry.path().extension() != ".gguf" || entry.path().stem() == "alignment_1") continue;
    const std::string bytes = read_text(entry.path());
    if (error_of([&] { parse_gguf(bytes_of(bytes), ""); }).empty()) names.push_back(entry.path());
  }
  return names;
}

TEST(GgufWriter, WhatIsReadIsWrittenAndReadAgain) {
  const TemporaryFolder folder;
  const std::vector<std::string> names = accepted_golden_files();
  EXPECT_GE(names.size(), 20u);
  for (const std::string& name : names) {
    const std::string original = read_text(name);
    const GgufFile before = parse_gguf(bytes_of(original), name);
    copy_with_writer(before, folder.path() / "copy.gguf");
    const std::string copy = read_text(folder.path() / "copy.gguf");
    const GgufFile after = parse_gguf(bytes_of(copy), "copy");
    EXPECT_EQ(after.version, 3u);
    EXPECT_EQ(after.alignment, before.alignment) << name;
    EXPECT_TRUE(after.metadata.values() == before.metadata.values()) << name;
    ASSERT_EQ(after.tensors.size(), before.tensors.size()) << name;
    for (std::size_t index = 0; index < after.tensors.size(); ++index) {
      EXPECT_EQ(after.tensors[index].name, before.tensors[index].name) << name;
      EXPECT_EQ(after.tensors[index].dims, before.tensors[index].dims) << name;
      EXPECT_EQ(after.tensors[index].gguf_type, before.tensors[index].gguf_type) << name;
      EXPECT_TRUE(std::ranges::equal(after.tensors[index].bytes, before.tensors[index].bytes)) << name;
    }
  }
}

TEST(GgufWriter, TheBytesAreThoseOfTheSpecification) {
  const TemporaryFolder folder;
  Metadata metadata;
  metadata.set("k", std::vector<std::string>{"x", ""});
  const std::vector<float> values = {1, 2};
  GgufWriter writer(folder.path() / "m.gguf", metadata, {{"w", {2, 1}, 0}});
  writer.append("w", std::as_bytes(std::span(values)));
  writer.commit();
  FileBytes expected;
  expected.gguf_header(1, 1).string("k").number(std::uint32_t{9}).number(std::uint32_t{8}).number(std::uint64_t{2});
  expected.string("x")
      .string("")
      .string("w")
      .number(std::uint32_t{2})
      .number(std::uint64_t{2})
      .number(std::uint64_t{1});
  expected.number(std::uint32_t{0}).number(std::uint64_t{0}).align(32).number(1.0f).number(2.0f).align(32);
  EXPECT_EQ(read_text(folder.path() / "m.gguf"), expected.str());
}

TEST(GgufWriter, NothingIsSeenBeforeCommit) {
  const TemporaryFolder folder;
  const auto path = folder.write("m.gguf", "old");
  {
    GgufWriter writer(path, Metadata(), {{"w", {8}, 0}});
    EXPECT_THAT(error_of([&] { writer.commit(); }), HasSubstr("0 of 1 tensors were appended"));
  }
  EXPECT_EQ(read_text(path), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(GgufWriter, RefusesWhatTheFormatForbids) {
  const TemporaryFolder folder;
  const auto write_error = [&](std::string key, MetadataValue value, std::vector<GgufTensorInfo> tensors) {
    Metadata metadata;
    if (!key.empty()) metadata.set(key, std::move(value));
    return error_of([&] { GgufWriter(folder.path() / "m.gguf", metadata, std::move(tensors)); });
  };
  EXPECT_THAT(write_error("sch\xc3\xb6n", true, {}), HasSubstr("is not ASCII"));
  EXPECT_THAT(write_error("general.alignment", std::uint32_t{4}, {}), HasSubstr("is 4, expected at least 8"));
  EXPECT_THAT(write_error("general.alignment", std::uint64_t{32}, {}), HasSubstr("is of type u64, expected u32"));
  EXPECT_THAT(write_error("", true, {{std::string(64, 'x'), {1}, 0}}), HasSubstr("has 64 bytes, the limit is 63"));
  EXPECT_THAT(write_error("", true, {{"w", {1, 1, 1, 1, 1}, 0}}), HasSubstr("has 5 dimensions"));
  EXPECT_THAT(write_error("", true, {{"w", {40}, 2}}),
              HasSubstr("rows of 40 weights, and Q4_0 stores multiples of 32"));
  EXPECT_THAT(write_error("", true, {{"w", {1}, 4}}), HasSubstr("type id 4"));
  EXPECT_THAT(write_error("", true, {{"w", {1}, 0}, {"w", {1}, 0}}), HasSubstr("two tensors are named 'w'"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(GgufWriter, RefusesBytesThatWereNotDeclared) {
  const TemporaryFolder folder;
  const std::vector<std::byte> bytes(32);
  GgufWriter writer(folder.path() / "m.gguf", Metadata(), {{"a", {8}, 0}});
  EXPECT_THAT(error_of([&] { writer.append("b", bytes); }), HasSubstr("'b' comes where 'a' was declared"));
  EXPECT_THAT(error_of([&] { writer.append("a", std::span(bytes).first(28)); }),
              HasSubstr("has 28 bytes, expected 32"));
  writer.append("a", bytes);
  EXPECT_THAT(error_of([&] { writer.append("a", bytes); }), HasSubstr("was not declared"));
}

}  // namespace
}  // namespace quantbench
