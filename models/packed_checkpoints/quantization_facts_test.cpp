#include "models/packed_checkpoints/quantization_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/testing/temporary_folder.h"
#include "models/checkpoints/testing/file_bytes.h"

namespace quantbench {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing_support::TemporaryFolder;

QuantizationFacts parse(const std::string& text, std::string_view method = "") {
  return parse_quantization_facts(json::parse(text), "c.json", method);
}

std::string parse_error(const std::string& text, std::string_view method = "") {
  return error_of([&] { parse(text, method).scheme_of("model.layers.0.q_proj"); });
}

std::string compressed(const std::string& weights, const std::string& targets = R"(["Linear"])") {
  return R"({"quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": {"group_0": {"targets": )" +
         targets + R"(, "weights": {)" + weights + "}}}}";
}

TEST(QuantizationFacts, SynonymsAreRead) {
  const QuantizationFacts gptq = parse(R"({"wbits": 3, "q_group_size": -1, "desc_act": true, "method": "gptq",
                                           "format": "gptq_v2", "sym": null})");
  EXPECT_EQ(gptq.layout, PackedLayout::gptq_v2);
  EXPECT_EQ(gptq.scheme, (LayerScheme{.bits = 3, .group = 0}));
  EXPECT_EQ(gptq.act_order, true);
  const QuantizationFacts awq =
      parse(R"({"w_bit": 4, "q_group_size": 128, "zero_point": true, "version": "GEMM"})", "awq");
  EXPECT_EQ(awq.layout, PackedLayout::awq);
  EXPECT_EQ(awq.scheme, (LayerScheme{.bits = 4, .group = 128, .symmetric = false}));
  EXPECT_EQ(parse(R"({"bits": 4, "group_size": 64, "quant_method": "awq", "version": "gemv_fast"})").layout,
            PackedLayout::awq_gemv_fast);
}

TEST(QuantizationFacts, CompressedTensorsSaysWhichLayersAreMeant) {
  const QuantizationFacts facts = parse(R"({"quant_method": "compressed-tensors", "format": "pack-quantized",
    "config_groups": {
      "a": {"targets": ["Linear"], "weights": {"num_bits": 4, "type": "int", "strategy": "group", "group_size": 128}},
      "b": {"targets": ["re:.*down_proj$"], "weights": {"num_bits": 8, "strategy": "channel", "symmetric": false}},
      "c": {"targets": ["model.x"], "weights": {"num_bits": 3, "strategy": "tensor"}}}})");
  EXPECT_EQ(facts.scheme_of("model.layers.0.q_proj"), (LayerScheme{.bits = 4, .group = 128}));
  EXPECT_EQ(facts.scheme_of("model.layers.0.down_proj"), (LayerScheme{.bits = 8, .symmetric = false}));
  EXPECT_EQ(facts.scheme_of("model.x"), (LayerScheme{.bits = 3, .scale_per_tensor = true}));
}

TEST(QuantizationFacts, WhatIsWrongIsSaid) {
  const std::string plain = R"("bits": 4, "group_size": 32)";
  EXPECT_EQ(parse_error("{" + plain + "}", "gptq"), "");
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"[]", "c.json: array, expected an object"},
      {"{" + plain + "}", "no 'quant_method'"},
      {R"({"quant_method": "bitsandbytes"})", "weights quantized by 'bitsandbytes'; read are GPTQ"},
      {R"({"quant_method": 3})", "'quant_method' or 'method' is '3', expected a string"},
      {R"({"quant_method": "gptq", "group_size": 32})", "no 'bits'"},
      {R"({"quant_method": "gptq", "bits": 4})", "no 'group_size'"},
      {R"({"quant_method": "gptq", "bits": 4, "w_bit": 3, "group_size": 32})", "'bits' is '4' and 'w_bit' is '3'"},
      {R"({"quant_method": "gptq", "bits": 4.5, "group_size": 32})", "is '4.5', expected a whole number"},
      {R"({"quant_method": "gptq", "bits": 18446744073709551615, "group_size": 32})", "expected a whole number"},
      {R"({"quant_method": "gptq", "bits": 16, "group_size": 32})", "16 bits, expected 2 to 8"},
      {R"({"quant_method": "gptq", "bits": 4, "group_size": 0})", "groups of 0, expected a positive number"},
      {R"({"quant_method": "gptq", "sym": "yes", )" + plain + "}", "expected true or false"},
      {R"({"quant_method": "gptq", "is_marlin_format": true, )" + plain + "}", "Marlin's kernels, which is not read"},
      {R"({"quant_method": "gptq", "checkpoint_format": "marlin", )" + plain + "}", "Marlin's kernels"},
      {R"({"quant_method": "gptq", "checkpoint_format": "gptq_p", )" + plain + "}",
       "GPTQ checkpoint of format 'gptq_p'"},
      {R"({"quant_method": "awq", "version": "marlin", )" + plain + "}", "AWQ checkpoint of version 'marlin'"},
      {R"({"quant_method": "awq", "zero_point": true, "sym": true, )" + plain + "}", "contradict each other"},
      {R"({"quant_method": "gptq", "dynamic": {"(": {}}, )" + plain + "}", "c.json.dynamic: regular expression "},
      {R"({"quant_method": "gptq", "dynamic": {"model": 3}, )" + plain + "}", "number, expected an object"},
      {R"({"quant_method": "gptq", "dynamic": {"model": {"bits": 3}, "model.l": {"bits": 2}}, )" + plain + "}",
       "is meant by 'model' and 'model.l' of dynamic, which differ"},
      {R"({"quant_method": "compressed-tensors", "format": "float-quantized"})",
       "compressed-tensors of format 'float-quantized'"},
      {R"({"quant_method": "compressed-tensors", "format": "pack-quantized"})", "no 'config_groups'"},
      {compressed(R"("type": "int")"), "no 'num_bits'"},
      {compressed(R"("num_bits": 8, "type": "float")"), "weights of type 'float', expected int"},
      {compressed(R"("num_bits": 4, "strategy": "block")"), "strategy 'block', expected tensor, channel or group"},
      {compressed(R"("num_bits": 4, "strategy": "group")"), "no 'group_size'"},
      {compressed(R"("num_bits": 4)", "[3]"), "target '3', expected a string"},
      {compressed(R"("num_bits": 4)", R"(["Conv2d"])"), "none of the config_groups means it"},
  };
  for (const auto& [text, message] : cases) EXPECT_THAT(parse_error(text), HasSubstr(message)) << text;
}

TEST(QuantizationFacts, ExpressionsMatchAtTheStartAndNotForever) {
  const QuantizationFacts facts =
      parse(R"({"quant_method": "gptq", "bits": 4, "group_size": 32, "dynamic": {"+:a|x.b": {"bits": 3}}})");
  EXPECT_EQ(facts.scheme_of("a.b.c").bits, 3);
  EXPECT_EQ(facts.scheme_of("x.b.c").bits, 3);
  EXPECT_EQ(facts.scheme_of("b.a").bits, 4);
  const QuantizationFacts endless =
      parse(R"({"quant_method": "gptq", "bits": 4, "group_size": 32, "dynamic": {"(x+x+)+[yz]": {"bits": 3}}})");
  EXPECT_THAT(error_of([&] { endless.scheme_of(std::string(64, 'x')); }), HasSubstr("match limit"));
}

TEST(QuantizationFacts, TheFirstOfThreeFilesCounts) {
  const TemporaryFolder folder;
  EXPECT_FALSE(find_quantization_facts(folder.path()));
  folder.write("config.json", R"({"model_type": "llama"})");
  EXPECT_FALSE(find_quantization_facts(folder.path()));
  folder.write("config.json", R"({"quantization_config": {"quant_method": "gptq", "bits": 2, "group_size": 32}})");
  EXPECT_EQ(find_quantization_facts(folder.path())->scheme.bits, 2);
  folder.write("quant_config.json", R"({"w_bit": 4, "q_group_size": 64})");
  EXPECT_EQ(find_quantization_facts(folder.path())->layout, PackedLayout::awq);
  folder.write("quantize_config.json", R"({"bits": 3, "group_size": 64})");
  EXPECT_EQ(find_quantization_facts(folder.path())->scheme.bits, 3);
  folder.write("quantize_config.json", "{");
  EXPECT_THAT(error_of([&] { find_quantization_facts(folder.path()); }),
              HasSubstr("quantize_config.json: not valid JSON"));
}

}  // namespace
}  // namespace quantbench
