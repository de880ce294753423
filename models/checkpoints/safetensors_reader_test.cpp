#include "models/checkpoints/safetensors_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "core/testing/temporary_folder.h"
#include "models/checkpoints/safetensors_types.h"
#include "models/checkpoints/safetensors_writer.h"
#include "models/checkpoints/testing/file_bytes.h"

namespace quantbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::TemporaryFolder;

std::string parse_error(const std::string& file) {
  return error_of([&] { parse_safetensors(bytes_of(file), "m.safetensors"); });
}

/// One tensor "w" with these members, and as much data as given.
std::string one_tensor(std::string_view members, std::size_t data_bytes) {
  return safetensors_bytes(fmt::format("{{\"w\":{{{}}}}}", members), std::string(data_bytes, '\0'));
}

const std::string valid = safetensors_bytes(
    R"({"__metadata__":{"format":"pt"},"b":{"dtype":"BF16","shape":[],"data_offsets":[24,26]},)"
    R"("a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"e":{"dtype":"I64","shape":[0,7],"data_offsets":[26,26]}}   )",
    FileBytes().number(1.f).number(2.f).number(3.f).number(4.f).number(5.f).number(6.f).text("\x80\x3f").str());

TEST(SafetensorsReader, ReadsTensorsInTheOrderOfTheirBytes) {
  const SafetensorsFile file = parse_safetensors(bytes_of(valid), "m.safetensors");
  EXPECT_EQ(file.metadata, (std::map<std::string, std::string>{{"format", "pt"}}));
  ASSERT_EQ(file.tensors.size(), 3u);
  const CheckpointTensor& a = file.tensors[0];
  EXPECT_EQ(a.name, "a");
  EXPECT_THAT(a.dims, ElementsAre(3, 2));  // row length first
  const Tensor matrix = a.tensor();
  EXPECT_EQ(matrix.rows, 2u);
  std::vector<float> row(3);
  matrix.format->decode(*matrix.format, matrix.row(1), 3, 0, row);
  EXPECT_THAT(row, ElementsAre(4, 5, 6));
  EXPECT_EQ(file.tensors[1].type_name, "BF16");
  EXPECT_EQ(file.tensors[1].tensor().weights(), 1u);
  EXPECT_EQ(file.tensors[2].row_count(), 0u);
  EXPECT_EQ(file.tensors[2].format, nullptr);
}

// Written by the safetensors library 0.8 for Python.
TEST(SafetensorsReader, ReadsAFileOfTheReferenceLibrary) {
  const Checkpoint checkpoint =
      open_checkpoint(QUANTBENCH_SOURCE_DIR "/testdata/safetensors/reference_library.safetensors");
  EXPECT_EQ(checkpoint.metadata().text("note"), "h\xc3\xa9llo");
  EXPECT_EQ(checkpoint.tensors().size(), 6u);
  const Tensor ramp = checkpoint.at("ramp").tensor();
  std::vector<float> row(3);
  ramp.format->decode(*ramp.format, ramp.row(1), 3, 0, row);
  EXPECT_THAT(row, ElementsAre(1.5, 2, 2.5));
  const Tensor half = checkpoint.at("half").tensor();
  std::vector<float> halves(2);
  half.format->decode(*half.format, half.row(0), 2, 0, halves);
  EXPECT_THAT(halves, ElementsAre(1.5, -2));
  EXPECT_THAT(checkpoint.at("ids").dims, ElementsAre(1, 2));
  EXPECT_EQ(checkpoint.at("ids").type_name, "I64");
  EXPECT_EQ(checkpoint.at("mask").bytes.size(), 3u);
  EXPECT_TRUE(checkpoint.at("scalar").dims.empty());
  EXPECT_EQ(checkpoint.at("empty").row_count(), 0u);
}

TEST(SafetensorsReader, AcceptsWhatTheFormatAllows) {
  EXPECT_EQ(parse_error(safetensors_bytes("{}")), "");
  EXPECT_EQ(parse_error(one_tensor(R"("dtype":"U8","shape":[3],"data_offsets":[0,3])", 3)), "");
  EXPECT_EQ(parse_error(one_tensor(R"("dtype":"F4","shape":[3,2],"data_offsets":[0,3])", 3)), "");
  EXPECT_EQ(parse_error(one_tensor(R"("dtype":"F6_E2M3","shape":[4],"data_offsets":[0,3])", 3)), "");
  const std::string zero_times_huge = R"("dtype":"F32","shape":[0,18446744073709551615,9],"data_offsets":[0,0])";
  EXPECT_EQ(parse_error(one_tensor(zero_times_huge, 0)), "");
}

TEST(SafetensorsReader, TypesWithoutAGgufTypeAreListedButNotDecoded) {
  const std::string file = one_tensor(R"("dtype":"U8","shape":[3],"data_offsets":[0,3])", 3);
  const CheckpointTensor tensor = parse_safetensors(bytes_of(file), "m.safetensors").tensors.at(0);
  EXPECT_EQ(tensor.gguf_type, no_gguf_type);
  EXPECT_THAT(error_of([&] { tensor.tensor(); }), HasSubstr("of type U8"));
}

TEST(SafetensorsReader, MalformedFilesAreRefusedWithTheReason) {
  using U64 = std::uint64_t;
  const std::string deep = "{\"w\":" + std::string(100'000, '[');
  const std::vector<std::pair<std::string, std::string>> cases = {
      // the header as a whole
      {"", "byte 0: the header length needs 8 bytes, and the file has 0 left"},
      {FileBytes().number(U64{100'000'001}).text("{}").str(), "header of 100000001 bytes, the limit is 100000000"},
      {FileBytes().number(U64{3}).text("{}").str(), "byte 8: the header needs 3 bytes, and the file has 2 left"},
      {FileBytes().number(U64{0}).str(), "byte 8: the header does not start with '{'"},
      {safetensors_bytes(" {}"), "byte 8: the header does not start with '{'"},
      {safetensors_bytes("[]"), "byte 8: the header does not start with '{'"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull"},
      {"<!DOCTYPE html><html></html>", "an HTML or XML page"},
      {std::string("\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15), "a Python pickle"},
      {safetensors_bytes("{\"w\":}"), "m.safetensors: header: not valid JSON"},
      {safetensors_bytes("{} x"), "not valid JSON"},
      {safetensors_bytes(std::string("{}\0evil", 7)), "NUL byte at byte 2"},
      {safetensors_bytes("{\"\xff\":{}}"), "not valid JSON"},
      {safetensors_bytes(deep), "nested deeper than 64 levels"},
      {safetensors_bytes(R"({"__metadata__":{"a":1}})"), "__metadata__ member 'a' is number, expected a string"},
      {safetensors_bytes(R"({"__metadata__":"a"})"), "__metadata__ is string, expected an object"},
      {safetensors_bytes(R"({"__metadata__":{"a":"1","a":"2"}})"), "JSON key 'a' exists twice"},
      {safetensors_bytes("{}", "x"), "1 bytes of data, and the tensors take 0"},
      // one tensor
      {safetensors_bytes(R"({"w":3})"), "tensor 'w': is number, expected an object"},
      {safetensors_bytes(R"({"":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})"), "tensor name '' is empty"},
      {safetensors_bytes(R"({"a\u0000b":{}})"), "contains a NUL"},
      {one_tensor(R"("shape":[1],"data_offsets":[0,4])", 4), "tensor 'w': no member 'dtype'"},
      {one_tensor(R"("dtype":"F32","data_offsets":[0,4])", 4), "tensor 'w': no member 'shape'"},
      {one_tensor(R"("dtype":"F32","shape":[1])", 4), "tensor 'w': no member 'data_offsets'"},
      {one_tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1)", 4), "unknown member 'x'"},
      {one_tensor(R"("dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4])", 4), "'dtype' exists twice"},
      {one_tensor(R"("dtype":"F33","shape":[1],"data_offsets":[0,4])", 4), "unknown dtype 'F33'; did you mean F32"},
      {one_tensor(R"("dtype":7,"shape":[1],"data_offsets":[0,4])", 4), "dtype is number, expected a string"},
      {one_tensor(R"("dtype":"F32","shape":1,"data_offsets":[0,4])", 4), "shape is number, expected an array"},
      {one_tensor(R"("dtype":"F32","shape":[-1],"data_offsets":[0,4])", 4), "shape holds '-1', expected whole numbers"},
      {one_tensor(R"("dtype":"F32","shape":[1.0],"data_offsets":[0,4])", 4), "shape holds '1.0'"},
      {one_tensor(R"("dtype":"F32","shape":[1e400],"data_offsets":[0,4])", 4), "not valid JSON"},
      {one_tensor(R"("dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,4])", 4), "shape holds"},
      {one_tensor(R"("dtype":"F32","shape":["1"],"data_offsets":[0,4])", 4), "shape holds"},
      {one_tensor(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0])", 0), "overflows"},
      {one_tensor(R"("dtype":"F32","shape":[576460752303423488],"data_offsets":[0,0])", 0), "overflows"},
      {one_tensor(R"("dtype":"F4","shape":[3],"data_offsets":[0,2])", 2), "12 bits do not fill whole bytes"},
      {one_tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0])", 4), "not an array of two numbers"},
      {one_tensor(R"("dtype":"F32","shape":[1],"data_offsets":[4,0])", 4), "[4, 0] are reversed"},
      {one_tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,3])", 3),
       "span 3 bytes, and its shape and dtype take 4"},
      {one_tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])", 3),
       "end at 4, and the file has 3 bytes of data"},
      {one_tensor(R"("dtype":"F32","shape":[1],"data_offsets":[4,8])", 8),
       "begin at 4, and the bytes before it end at 0"},
      {one_tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])", 5), "5 bytes of data, and the tensors take 4"},
      // two tensors
      {safetensors_bytes(R"({"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                         R"("w":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                         "ab"),
       "JSON key 'w' exists twice"},
      {safetensors_bytes(R"({"v":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                         R"("w":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
                         "abc"),
       "begin at 1, and the bytes before it end at 2"},
      {safetensors_bytes(R"({"v":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                         R"("w":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
                         "abc"),
       "begin at 2, and the bytes before it end at 1"},
  };
  for (const auto& [file, expected] : cases) {
    const std::string error = parse_error(file);
    EXPECT_THAT(error, HasSubstr(expected));
    EXPECT_THAT(error, HasSubstr("m.safetensors"));
  }
}

TEST(SafetensorsReader, EveryTruncationIsAnError) {
  for (std::size_t size = 0; size < valid.size(); ++size) EXPECT_NE(parse_error(valid.substr(0, size)), "") << size;
  EXPECT_EQ(parse_error(valid), "");
}

TEST(SafetensorsReader, EveryFlippedBitIsAnErrorOrAFile) {
  std::string file = valid;
  std::size_t accepted = 0;
  for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
    const char saved = file[bit / 8];
    file[bit / 8] = static_cast<char>(saved ^ (1 << bit % 8));
    accepted += parse_error(file).empty() ? 1 : 0;
    file[bit / 8] = saved;
  }
  EXPECT_GE(accepted, 26u * 8);  // every bit of the data is free
  EXPECT_LT(accepted, file.size() * 4);
}

TEST(SafetensorsTypes, AllOfTheFormatAreKnown) {
  EXPECT_EQ(safetensors_type_names().size(), 22u);
  EXPECT_EQ(find_safetensors_type("F6_E3M2")->bits, 6u);
  EXPECT_EQ(find_safetensors_type("C64")->bits, 64u);
  EXPECT_EQ(find_safetensors_type("f32"), nullptr);
}

TEST(SafetensorsWriter, WhatIsWrittenIsRead) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "layer.safetensors";
  const std::vector<float> weight = {1, -2, 3, 4, 5, 6};
  const std::vector<float> x = {7, 8, 9};
  const std::vector<NamedMatrix> matrices = {{"weight", {weight, 2, 3}}, {"a \"quoted\" \xc3\xa9", {x, 1, 3}}};
  write_safetensors(path, matrices, {{"method", "rtn:int4"}});
  const Checkpoint checkpoint = open_checkpoint(path);
  EXPECT_EQ(checkpoint.metadata().text("method"), "rtn:int4");
  ASSERT_EQ(checkpoint.tensors().size(), 2u);
  EXPECT_EQ(checkpoint.tensors()[1].name, matrices[1].name);
  const CheckpointTensor& read = checkpoint.at("weight");
  EXPECT_THAT(read.dims, ElementsAre(3, 2));
  EXPECT_TRUE(std::ranges::equal(read.bytes, std::as_bytes(std::span(weight))));
  const std::string bytes = read_text(path);
  EXPECT_EQ((bytes.size() - 9 * sizeof(float)) % 8, 0u);  // the data starts at a multiple of 8
}

TEST(SafetensorsWriter, RefusesWhatCannotBeWritten) {
  const TemporaryFolder folder;
  const std::vector<float> values(4);
  const auto write_error = [&](std::vector<NamedMatrix> matrices) {
    return error_of([&] { write_safetensors(folder.path() / "m.safetensors", matrices); });
  };
  EXPECT_THAT(write_error({{"w", {values, 2, 3}}}), HasSubstr("tensor 'w' is 2 x 3 but has 4 values"));
  EXPECT_THAT(write_error({{"w", {values, 2, 2}}, {"w", {values, 2, 2}}}), HasSubstr("two tensors are named 'w'"));
  EXPECT_THAT(write_error({{"__metadata__", {values, 2, 2}}}), HasSubstr("cannot be the name of a tensor"));
  EXPECT_THAT(write_error({{"\xff", {values, 2, 2}}}), HasSubstr("'\\xff' cannot be the name of a tensor"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace quantbench
