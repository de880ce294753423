#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "models/checkpoints/checkpoint.h"
#include "models/checkpoints/testing/file_bytes.h"

namespace quantbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Metadata sample() {
  Metadata metadata("m.gguf");
  metadata.set("text", "llama");
  metadata.set("flag", true);
  metadata.set("u8", std::uint8_t{7});
  metadata.set("u64", ~std::uint64_t{0});
  metadata.set("negative", std::int32_t{-1});
  metadata.set("f32", 0.5f);
  metadata.set("nan", std::numeric_limits<double>::quiet_NaN());
  metadata.set("texts", std::vector<std::string>{"a", "b"});
  metadata.set("bools", std::vector<bool>{true});
  metadata.set("i32s", std::vector<std::int32_t>{-1, 2});
  metadata.set("u64s", std::vector<std::uint64_t>{1, ~std::uint64_t{0}});
  metadata.set("f32s", std::vector<float>{1, -2});
  metadata.set("f64s", std::vector<double>{0.25});
  return metadata;
}

TEST(Metadata, AccessorsReturnTheStoredValue) {
  const Metadata metadata = sample();
  EXPECT_EQ(metadata.text("text"), "llama");
  EXPECT_TRUE(metadata.boolean("flag"));
  EXPECT_EQ(metadata.unsigned_integer("u8"), 7u);
  EXPECT_EQ(metadata.unsigned_integer("u64"), ~std::uint64_t{0});
  EXPECT_EQ(metadata.real("f32"), 0.5);
  EXPECT_THAT(metadata.texts("texts"), ElementsAre("a", "b"));
  EXPECT_THAT(metadata.integers("i32s"), ElementsAre(-1, 2));
  EXPECT_THAT(metadata.reals("f32s"), ElementsAre(1, -2));
  EXPECT_THAT(metadata.reals("f64s"), ElementsAre(0.25));
}

TEST(Metadata, ErrorsNameFileKeyFoundAndExpected) {
  const Metadata metadata = sample();
  EXPECT_EQ(error_of([&] { metadata.text("u8"); }), "m.gguf: metadata key 'u8' is of type u8, expected string");
  EXPECT_EQ(error_of([&] { metadata.text("texts"); }),
            "m.gguf: metadata key 'texts' is of type array of string, expected string");
  EXPECT_EQ(error_of([&] { metadata.unsigned_integer("text"); }),
            "m.gguf: metadata key 'text' is of type string, expected an integer");
  EXPECT_EQ(error_of([&] { metadata.unsigned_integer("negative"); }),
            "m.gguf: metadata key 'negative' is -1, expected a number >= 0");
  EXPECT_THAT(error_of([&] { metadata.unsigned_integer("flag"); }), HasSubstr("of type bool, expected an integer"));
  EXPECT_THAT(error_of([&] { metadata.real("u8"); }), HasSubstr("of type u8, expected f32 or f64"));
  EXPECT_THAT(error_of([&] { metadata.real("nan"); }), HasSubstr("'nan' is nan, expected a finite number"));
  EXPECT_THAT(error_of([&] { metadata.boolean("u8"); }), HasSubstr("of type u8, expected bool"));
  EXPECT_THAT(error_of([&] { metadata.texts("f32s"); }), HasSubstr("array of f32, expected array of string"));
  EXPECT_THAT(error_of([&] { metadata.integers("f32s"); }), HasSubstr("array of f32, expected array of integers"));
  EXPECT_THAT(error_of([&] { metadata.integers("bools"); }), HasSubstr("array of bool"));
  EXPECT_THAT(error_of([&] { metadata.integers("u64s"); }), HasSubstr("element 1 of metadata key 'u64s' is 1844674"));
  EXPECT_THAT(error_of([&] { metadata.reals("i32s"); }), HasSubstr("array of i32, expected array of f32 or f64"));
  EXPECT_THAT(error_of([&] { metadata.text("txt"); }), HasSubstr("m.gguf: no metadata key 'txt'; did you mean text"));
}

TEST(Metadata, TypeIdsAreThoseOfTheFormat) {
  const Metadata metadata = sample();
  const auto id = [&](std::string_view key) { return value_type_id(metadata.values().find(key)->second); };
  EXPECT_EQ(id("u8"), 0u);
  EXPECT_EQ(id("negative"), 5u);
  EXPECT_EQ(id("flag"), 7u);
  EXPECT_EQ(id("text"), 8u);
  EXPECT_EQ(id("texts"), 9u);
  EXPECT_EQ(id("u64"), 10u);
  EXPECT_EQ(id("nan"), 12u);
  EXPECT_EQ(element_type_id(std::vector<std::int64_t>{}), 11u);
  EXPECT_EQ(element_type_id(std::vector<std::string>{}), 8u);
}

TEST(CheckpointTensor, RowsAreTheProductOfTheOtherDimensions) {
  const auto rows = [](std::vector<std::uint64_t> dims) {
    CheckpointTensor tensor;
    tensor.dims = std::move(dims);
    return tensor.row_count();
  };
  EXPECT_EQ(rows({}), 1u);
  EXPECT_EQ(rows({5}), 1u);
  EXPECT_EQ(rows({5, 3, 2}), 6u);
  EXPECT_EQ(rows({0, 3}), 0u);
  EXPECT_EQ(rows({5, 1ull << 40, 1ull << 40, 0}), 0u);
}

TEST(CheckpointTensor, ATypeThatCannotBeDecodedIsNamed) {
  CheckpointTensor tensor;
  tensor.name = "ids";
  tensor.type_name = "I64";
  EXPECT_EQ(error_of([&] { tensor.tensor(); }), "tensor 'ids' is of type I64, which this version cannot decode");
}

}  // namespace
}  // namespace quantbench
