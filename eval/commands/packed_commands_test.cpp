// quantize --format and inspect, run as a person would.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/testing/temporary_folder.h"
#include "eval/commands/run_program_for_tests.h"
#include "models/checkpoints/testing/file_bytes.h"

namespace quantbench {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing_support::TemporaryFolder;

const std::string model = QUANTBENCH_SOURCE_DIR "/testdata/architectures/llama";

TEST(PackedCommands, QuantizeWritesADirectoryThatInspectReads) {
  const TemporaryFolder folder;
  const std::string out = (folder.path() / "out").string();
  const std::string arguments =
      fmt::format("quantize {} {} --method absmax:int4:row --format compressed-tensors", model, out);
  const ProgramResult quantized = run_program(arguments);
  ASSERT_EQ(quantized.exit_code, 0) << quantized.errors;
  EXPECT_THAT(quantized.output, HasSubstr("21 of 30 tensors with absmax:int4:row"));
  const ProgramResult inspected = run_program("inspect " + out + " --json");
  ASSERT_EQ(inspected.exit_code, 0) << inspected.errors;
  const json document = json::parse(inspected.output);
  EXPECT_EQ(document["metadata"]["quantization.layout"], "compressed-tensors");
  std::size_t packed = 0;
  for (const json& tensor : document["tensors"]) {
    if (tensor["format"] != "int4:row:sym") continue;
    ++packed;
    // Whole words of codes and a scale a row, and the shape: bits of the file, not of the format.
    const double rows = tensor["shape"][0], cols = tensor["shape"][1];
    EXPECT_EQ(tensor["bytes"], rows * (std::ceil(cols / 8) * 4 + 2) + 16) << tensor["name"];
  }
  EXPECT_EQ(packed, 21u);
  const ProgramResult again = run_program(arguments);
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_THAT(again.errors, HasSubstr("exists; give the name of a new directory"));
}

TEST(PackedCommands, WhatCannotBeWrittenIsRefusedBeforeAnything) {
  const TemporaryFolder folder;
  const auto refusal = [&](const std::string& rest) {
    const ProgramResult result = run_program(fmt::format("quantize {} {}/out {}", model, folder.path().string(), rest));
    EXPECT_EQ(result.exit_code, 2) << rest;
    EXPECT_TRUE(std::filesystem::is_empty(folder.path())) << rest;
    return result.errors;
  };
  EXPECT_THAT(refusal("--method absmax:int4:row --format gptq"), HasSubstr("columns in multiples of 32"));
  EXPECT_THAT(refusal("--method absmax:int4:row --format gtpq"), HasSubstr("did you mean gptq"));
  EXPECT_THAT(refusal("--method q4_0 --format awq --fallback allow"), HasSubstr("only the integer formats"));
  EXPECT_THAT(refusal("--method absmax:int4:row --format awq --dequantized"), HasSubstr("--dequantized is for GGUF"));
  EXPECT_THAT(refusal("--method hadamard+absmax:int4:row --format compressed-tensors"),
              HasSubstr("rotates the embedding"));
}

}  // namespace
}  // namespace quantbench
