#include "models/checkpoints/gguf_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/file.h"
#include "core/hash.h"
#include "models/checkpoints/gguf_types.h"
#include "models/checkpoints/testing/file_bytes.h"
#include "quantizers/formats/registry.h"

namespace quantbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::filesystem::path golden = QUANTBENCH_SOURCE_DIR "/testdata/gguf/container";

std::string golden_file(const std::string& name) { return read_text(golden / (name + ".gguf")); }

std::string parse_error(const std::string& file) {
  return error_of([&] { parse_gguf(bytes_of(file), "m.gguf"); });
}

std::string bytes_as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// "either" files: what the specification allows is read, but for non-ASCII keys, which it forbids, for arrays of arrays
// and for a tensor without a name.
const std::map<std::string, bool> either_is_accepted = {
    {"version_2", true},
    {"key_not_ascii", false},
    {"string_not_utf8", true},
    {"array_nested", false},
    {"alignment_1", true},
    {"name_0_bytes", false},
    {"ndims_0", true},
    {"offset_first_not_zero", true},
    {"offset_gap", true},
    {"offset_swapped_order", true},
    {"data_last_padding_missing", true},
};

TEST(GgufGolden, EveryFileGetsItsVerdict) {
  const auto index = nlohmann::json::parse(read_text(golden / "index.json"));
  std::size_t checked = 0;
  for (const auto& [name, entry] : index.at("files").items()) {
    const std::string file = golden_file(name);
    ASSERT_EQ(sha256(file), entry.at("sha256")) << name;
    const std::string verdict = entry.at("careful_reader");
    const bool accepted = verdict == "either" ? either_is_accepted.at(name) : verdict == "accept";
    const std::string error = parse_error(file);
    EXPECT_EQ(error.empty(), accepted) << name << ": " << error;
    if (!error.empty()) {
      EXPECT_THAT(error, HasSubstr("m.gguf: byte ")) << name;
    }
    ++checked;
  }
  EXPECT_EQ(checked, 74u);
}

TEST(GgufGolden, ValuesOfEveryType) {
  const std::string bytes = golden_file("ok_all_kv_types_3_tensors");
  const Metadata metadata = parse_gguf(bytes_of(bytes), "m.gguf").metadata;
  const std::map<std::string, MetadataValue, std::less<>> expected = {
      {"a.u8", MetadataScalar(std::uint8_t{200})},
      {"a.i8", MetadataScalar(std::int8_t{-5})},
      {"a.u16", MetadataScalar(std::uint16_t{65535})},
      {"a.i16", MetadataScalar(std::int16_t{-32768})},
      {"a.u32", MetadataScalar(std::uint32_t{4294967295u})},
      {"a.i32", MetadataScalar(std::numeric_limits<std::int32_t>::min())},
      {"a.f32", MetadataScalar(1.5f)},
      {"a.bool", MetadataScalar(true)},
      {"a.str", MetadataScalar(std::string("h\xc3\xa9llo"))},
      {"a.u64", MetadataScalar(~std::uint64_t{0})},
      {"a.i64", MetadataScalar(std::numeric_limits<std::int64_t>::min())},
      {"a.f64", MetadataScalar(2.5)},
      {"a.str_empty", MetadataScalar(std::string())},
      {"b.u8", std::vector<std::uint8_t>{1, 2, 3}},
      {"b.f32", std::vector<float>{1, 2}},
      {"b.bool", std::vector<bool>{false, true}},
      {"b.str", std::vector<std::string>{"a", "", "ccc"}},
      {"b.empty", std::vector<std::uint32_t>{}},
      {"b.empty_str", std::vector<std::string>{}},
  };
  EXPECT_EQ(metadata.values().size(), expected.size());
  for (const auto& [key, value] : expected) EXPECT_TRUE(metadata.values().at(key) == value) << key;
}

TEST(GgufGolden, TensorsOfEveryShape) {
  const std::string bytes = golden_file("ok_all_kv_types_3_tensors");
  const GgufFile file = parse_gguf(bytes_of(bytes), "m.gguf");
  EXPECT_EQ(file.version, 3u);
  EXPECT_EQ(file.alignment, 32u);
  EXPECT_EQ(file.data_start, 0x2a0u);
  ASSERT_EQ(file.tensors.size(), 3u);
  EXPECT_EQ(file.tensors[0].name, "w0");
  EXPECT_THAT(file.tensors[0].dims, ElementsAre(4, 3));
  EXPECT_EQ(file.tensors[0].row_count(), 3u);
  EXPECT_EQ(file.tensors[1].type_name, "Q4_0");
  EXPECT_EQ(bytes_as_text(file.tensors[1].bytes), bytes.substr(0x2e0, 36));
  EXPECT_EQ(bytes_as_text(file.tensors[2].bytes), bytes.substr(0x320, 20));
  const Tensor w0 = file.tensors[0].tensor();
  std::vector<float> row(4);
  w0.format->decode(*w0.format, w0.row(1), w0.cols, 0, row);
  EXPECT_THAT(row, ElementsAre(1, 1.5, 2, 2.5));
}

TEST(GgufReader, ErrorsNameOffsetFieldValueAndLimit) {
  const auto pair = [](std::string_view key) { return FileBytes().gguf_header(0, 1).string(key); };
  const auto info = [](std::string_view name) { return FileBytes().gguf_header(1, 0).string(name); };
  using U32 = std::uint32_t;
  using U64 = std::uint64_t;
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "byte 0: not a GGUF file: it is empty"},
      {"GGU", "byte 0: not a GGUF file: it starts with the bytes 47 47 55"},
      {"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"},
      {FileBytes().text("lmgg").zeros(60).str(), "before GGUF"},
      {FileBytes().text("tjgg").zeros(60).str(), "before GGUF"},
      {FileBytes().text("PK\x03\x04").zeros(60).str(), "zip archive"},
      {FileBytes().text("GGUF").number(U32{3} << 24).zeros(16).str(), "byte 4: version is 0x03000000: a big-endian"},
      {FileBytes().text("GGUF").number(U32{4}).zeros(16).str(), "byte 4: version is 4, expected 2 or 3"},
      {FileBytes().gguf_header(0, 7).zeros(20).str(),
       "byte 16: 7 metadata pairs of at least 14 bytes each, and the "
       "file has 20 bytes left"},
      {FileBytes().gguf_header(~U64{0}, 0).str(), "byte 8: 18446744073709551615 tensors"},
      {pair("").number(U32{0}).zeros(9).str(), "byte 24: metadata pair 0: metadata key '' is empty"},
      {pair("k").number(U32{13}).zeros(8).str(), "byte 33: metadata key 'k': value type is 13, expected 0 to 12"},
      {pair("k").number(U32{7}).number(std::uint8_t{9}).str(), "byte 37: metadata key 'k': bool is 9, expected 0 or 1"},
      {pair("k").number(U32{8}).number(U64{1} << 40).str(),
       "byte 37: metadata key 'k': string of 1099511627776 bytes, "
       "the limit is 67108864"},
      {pair("k").number(U32{8}).number(U64{4}).text("abc").str(), "a string needs 4 bytes, and the file has 3 left"},
      {pair("k").number(U32{9}).number(U32{9}).zeros(16).str(), "byte 37: metadata key 'k': array of arrays"},
      {pair("k").number(U32{9}).number(U32{77}).zeros(8).str(), "array element type is 77"},
      {pair("k").number(U32{9}).number(U32{12}).number(U64{1} << 61).str(), "the limit is 1073741824"},
      {pair("k").number(U32{9}).number(U32{12}).number(U64{3}).zeros(16).str(), "array of 3 elements of at least 8"},
      {pair("general.alignment").number(U32{4}).number(U32{2097152}).str(),
       "expected a power of two of at most 1048576"},
      {info("a").number(U32{5}).zeros(64).str(), "byte 33: tensor 'a': 5 dimensions, the limit is 4"},
      {info("a").number(U32{1}).number(U64{5}).number(U32{36}).number(U64{0}).str(),
       "type id 36 is not known; the type "
       "was removed"},
      {info("a").number(U32{1}).number(U64{5}).number(U32{137}).number(U64{0}).str(), "ik_llama.cpp fork"},
      {info("a").number(U32{1}).number(U64{33}).number(U32{2}).number(U64{0}).str(),
       "rows of 33 weights, and Q4_0 "
       "stores multiples of 32"},
      {info(std::string(64, 'x')).number(U32{0}).zeros(12).str(), "has 64 bytes, the limit is 63"},
      {info("\xff").number(U32{0}).zeros(12).str(), "tensor name '\\xff' is not UTF-8"},
      {info("a").number(U32{1}).number(U64{8}).number(U32{0}).number(U64{32}).align(32).zeros(32).str(),
       "tensor 'a': 32 bytes at offset 32 of the data section, which has 32 bytes"},
  };
  for (const auto& [file, expected] : cases) EXPECT_THAT(parse_error(file), HasSubstr(expected));
}

TEST(GgufReader, EveryTruncationIsAnErrorOrAFile) {
  const std::string whole = golden_file("ok_all_kv_types_3_tensors");
  // All tensor bytes end at 0x334; the padding behind them may be missing.
  for (std::size_t size = 0; size <= whole.size(); ++size)
    EXPECT_EQ(parse_error(whole.substr(0, size)).empty(), size >= 0x334) << size;
}

TEST(GgufReader, EveryFlippedBitIsAnErrorOrAFile) {
  std::string file = golden_file("ok_all_kv_types_3_tensors");
  std::size_t accepted = 0;
  for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
    const char saved = file[bit / 8];
    file[bit / 8] = static_cast<char>(saved ^ (1 << bit % 8));
    accepted += parse_error(file).empty() ? 1 : 0;
    file[bit / 8] = saved;
  }
  EXPECT_GT(accepted, 0u);
  EXPECT_LT(accepted, file.size() * 8);
}

TEST(GgufReader, ManyDuplicateCandidatesAreFoundInLinearTime) {
  constexpr std::uint64_t count = 200'000;
  FileBytes bytes;
  bytes.gguf_header(0, count + 1);
  for (std::uint64_t index = 0; index < count; ++index)
    bytes.string(fmt::format("key{}", index)).number(std::uint32_t{0}).number(std::uint8_t{1});
  bytes.string("key77").number(std::uint32_t{0}).number(std::uint8_t{1});
  EXPECT_THAT(parse_error(bytes.str()), HasSubstr("metadata key 'key77' exists twice"));
}

TEST(GgufTypes, AgreeWithTheFormatsThatDecodeThem) {
  std::size_t decodable = 0;
  for (const GgufType& type : gguf_types()) {
    EXPECT_EQ(find_gguf_type(type.id), &type);
    const auto format = find_gguf_format(type.id);
    if (!format) continue;
    ++decodable;
    EXPECT_EQ(format->block, type.block) << type.name;
    const std::array<std::uint64_t, 2> dims = {type.block * 3ull, 5};
    EXPECT_EQ(format->tensor_bytes(5, dims[0]), gguf_tensor_bytes(type, dims)) << type.name;
  }
  EXPECT_GE(decodable, 8u);
  for (const std::uint32_t id : {4u, 5u, 31u, 36u, 38u, 43u, 137u, ~0u}) EXPECT_EQ(find_gguf_type(id), nullptr) << id;
}

TEST(GgufTypes, SizesAreCheckedAtEachStep) {
  const GgufType& f32 = *find_gguf_type(0);
  const auto bytes = [&](std::vector<std::uint64_t> dims) { return gguf_tensor_bytes(f32, dims); };
  EXPECT_EQ(bytes({}), 4u);
  EXPECT_EQ(bytes({3, 5, 7, 2}), 840u);
  EXPECT_EQ(bytes({1ull << 62, 0, 1ull << 62}), 0u);
  EXPECT_EQ(bytes({1ull << 32, 1ull << 32}), std::nullopt);
  EXPECT_EQ(bytes({1ull << 62, 1, 1}), std::nullopt);  // 2^64 bytes
  EXPECT_EQ(bytes({1ull << 63}), std::nullopt);
  EXPECT_EQ(bytes({(1ull << 62) - 1}), ~0ull - 3);
}

// A model made by others: what its tensors and metadata are is known from its own documentation.
TEST(GgufReader, ReadsARealModel) {
  const std::filesystem::path path = QUANTBENCH_SHARED "/models/stories260K-f32.gguf";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not here";
  const Checkpoint checkpoint = open_checkpoint(path);
  EXPECT_EQ(checkpoint.metadata().text("general.architecture"), "llama");
  EXPECT_EQ(checkpoint.metadata().texts("tokenizer.ggml.tokens").size(), 512u);
  EXPECT_EQ(checkpoint.metadata().reals("tokenizer.ggml.scores").size(), 512u);
  EXPECT_THAT(checkpoint.at("token_embd.weight").dims, ElementsAre(64, 512));
  EXPECT_THAT(error_of([&] { checkpoint.at("token_embd.weigth"); }), HasSubstr("did you mean token_embd.weight"));
}

}  // namespace
}  // namespace quantbench
