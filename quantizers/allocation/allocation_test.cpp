#include "quantizers/allocation/allocation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "quantizers/quantize.h"

namespace quantbench {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(Allocation, MethodsThatCalibrateAreForTheLinearLayers) {
  const Allocation mix(parse_method("gptq:mix:q8_0"), {});
  EXPECT_EQ(mix.of("blk.0.attn_q.weight", {4, 256})->method, parse_method("gptq:q8_0"));
  EXPECT_EQ(mix.of("output.weight", {4, 256})->method, parse_method("q8_0"));
  AllocationOptions rules;
  rules.rules = {make_tensor_rule("^output", "int4:row"), make_tensor_rule("token_embd", "f16")};
  const Allocation ruled(parse_method("gptq:int4:g128:rules=r"), rules);
  EXPECT_EQ(ruled.of("blk.0.attn_q.weight", {4, 256})->method, parse_method("gptq:int4:g128"));
  const auto embedding = ruled.of("token_embd.weight", {4, 256});
  EXPECT_EQ(embedding->method, parse_method("f16"));
  EXPECT_FALSE(embedding->other_solver);
  const auto output = ruled.of("output.weight", {4, 256});
  EXPECT_NE(output->method.solver, "gptq");
  EXPECT_EQ(output->method.target, "int4:row");
  EXPECT_TRUE(output->other_solver);
  EXPECT_FALSE(Allocation(parse_method("mix:q8_0"), {}).of("output.weight", {4, 256})->other_solver);
}

TEST(TensorRole, NamesOfGgufAndOfHuggingFace) {
  using Role = TensorRole;
  const std::vector<std::pair<const char*, Role>> table = {
      {"blk.0.attn_q.weight", Role::attn_q},
      {"blk.10.attn_k.weight", Role::attn_k},
      {"blk.3.attn_v.weight", Role::attn_v},
      {"blk.3.attn_qkv.weight", Role::attn_qkv},
      {"blk.3.attn_output.weight", Role::attn_output},
      {"blk.3.ffn_gate.weight", Role::ffn_gate},
      {"blk.3.ffn_up.weight", Role::ffn_up},
      {"blk.3.ffn_down.weight", Role::ffn_down},
      {"blk.3.ffn_down_exps.weight", Role::ffn_down},
      {"blk.3.ffn_down.5.weight", Role::ffn_down},
      {"blk.3.ffn_gate_shexp.weight", Role::ffn_gate},
      {"blk.3.ssm_in.weight", Role::other},
      {"token_embd.weight", Role::token_embd},
      {"output.weight", Role::output},
      {"output_norm.weight", Role::never},
      {"blk.3.attn_norm.weight", Role::never},
      {"blk.3.attn_q_norm.weight", Role::never},
      {"blk.3.ffn_gate_inp.weight", Role::never},
      {"blk.3.attn_q.bias", Role::never},
      {"blk.3.ssm_conv1d.weight", Role::never},
      {"position_embd.weight", Role::never},
      {"token_types.weight", Role::never},
      {"rope_freqs.weight", Role::never},
      {"model.layers.7.self_attn.q_proj.weight", Role::attn_q},
      {"model.layers.7.self_attn.k_proj.weight", Role::attn_k},
      {"model.layers.7.self_attn.v_proj.weight", Role::attn_v},
      {"model.layers.7.self_attn.o_proj.weight", Role::attn_output},
      {"model.layers.7.mlp.gate_proj.weight", Role::ffn_gate},
      {"model.layers.7.mlp.up_proj.weight", Role::ffn_up},
      {"model.layers.7.mlp.down_proj.weight", Role::ffn_down},
      {"model.layers.7.mlp.gate.weight", Role::never},
      {"model.layers.7.input_layernorm.weight", Role::never},
      {"model.embed_tokens.weight", Role::token_embd},
      {"lm_head.weight", Role::output},
      {"transformer.h.2.attn.c_attn.weight", Role::attn_qkv},
      {"transformer.h.2.mlp.c_proj.weight", Role::ffn_down},
      {"model.decoder.layers.2.fc1.weight", Role::ffn_up},
      {"model.decoder.embed_positions.weight", Role::never},
      {"gauss", Role::other},
      {"weight", Role::other},
      {"normal", Role::other},
      {"model.norm.weight", Role::never},
      {"transformer.h.2.ln_1.weight", Role::never},
  };
  for (const auto& [name, role] : table) EXPECT_EQ(role_of(name), role) << name;
}

TEST(TensorRole, LayersByNumber) {
  EXPECT_EQ(layer_of("blk.12.attn_q.weight"), 12u);
  EXPECT_EQ(layer_of("blk.3.ffn_down.5.weight"), 3u);
  EXPECT_EQ(layer_of("model.layers.7.mlp.up_proj.weight"), 7u);
  EXPECT_EQ(layer_of("token_embd.weight"), std::nullopt);
  EXPECT_EQ(layer_of("blk.99999999999999999999999.x"), std::nullopt);
  EXPECT_EQ(layer_of(""), std::nullopt);
}

Allocation allocation(const char* method, const AllocationOptions& options = AllocationOptions()) {
  return Allocation(parse_method(method), options);
}

TEST(Allocation, ASingleFormatIsForTheLinearLayers) {
  const Allocation q4_0 = allocation("rtn:q4_0");
  const auto layer = q4_0.of("blk.0.attn_q.weight", {8, 64});
  ASSERT_TRUE(layer);
  EXPECT_EQ(layer->format->id, "q4_0");
  EXPECT_EQ(to_string(layer->method), "rtn:q4_0");
  EXPECT_EQ(layer->fallback, "");
  for (const char* name : {"token_embd.weight", "output.weight", "output_norm.weight", "blk.0.ffn_gate_inp.weight"})
    EXPECT_FALSE(q4_0.of(name, {8, 64})) << name;
}

TEST(Allocation, TheFirstRuleThatMatchesWinsOverTheMethod) {
  const std::vector<TensorRule> rules = {make_tensor_rule("attn_v|output\\.weight", "q8_0"),
                                         make_tensor_rule("^blk\\.(0|1)\\.", "f16"), make_tensor_rule("blk.7.", "keep"),
                                         make_tensor_rule("norm|bias", "q8_0")};
  AllocationOptions options;
  options.rules = rules;
  const Allocation with = allocation("rtn:q4_0", options);
  EXPECT_EQ(with.of("blk.0.attn_v.weight", {8, 64})->format->id, "q8_0");
  EXPECT_EQ(to_string(with.of("blk.0.attn_v.weight", {8, 64})->method), "rtn:q8_0");
  EXPECT_EQ(with.of("output.weight", {8, 64})->format->id, "q8_0");
  EXPECT_EQ(to_string(with.of("blk.1.ffn_up.weight", {8, 64})->method), "f16");
  EXPECT_FALSE(with.of("blk.7.ffn_up.weight", {8, 64}));
  EXPECT_EQ(with.of("blk.2.ffn_up.weight", {8, 64})->format->id, "q4_0");
  EXPECT_FALSE(with.of("token_embd.weight", {8, 64}));
  EXPECT_FALSE(with.of("output_norm.weight", {8, 64})) << "norms are never quantized";
}

TEST(Allocation, RulesAreCheckedBeforeAnyWork) {
  EXPECT_THAT([] { make_tensor_rule("attn_(v", "q8_0"); },
              ThrowsMessage<Error>(AllOf(HasSubstr("'attn_(v', offset 7"), HasSubstr("parenthesis"))));
  EXPECT_THAT([] { make_tensor_rule("attn_v", "q9_0"); }, ThrowsMessage<Error>(HasSubstr("unknown format 'q9_0'")));
  EXPECT_THROW(make_tensor_rule("a\\Cb", "q8_0"), Error);
  EXPECT_THROW(make_tensor_rule("(*UTF)a", "q8_0"), Error);
}

TEST(Allocation, APatternThatNeedsTooManyStepsIsAnError) {
  const TensorRule rule = make_tensor_rule("^(a+)+$", "q8_0");
  EXPECT_THAT([&] { (void)rule.tensor.matches(std::string(60, 'a') + "b"); }, ThrowsMessage<Error>(HasSubstr("limit")));
}

TEST(Allocation, RowsThatDoNotFitAreRefusedOrSubstituted) {
  const MatrixShape ragged{4, 48};
  EXPECT_THAT([&] { (void)allocation("rtn:q4_0").of("blk.0.attn_q.weight", ragged); },
              ThrowsMessage<Error>(AllOf(HasSubstr("blk.0.attn_q.weight"), HasSubstr("rows of 48 weights"),
                                         HasSubstr("32"), HasSubstr("f16"))));
  for (const Fallback fallback : {Fallback::warn, Fallback::allow}) {
    AllocationOptions options;
    options.fallback = fallback;
    const Allocation allowed = allocation("rtn:q4_0", options);
    const auto substituted = allowed.of("blk.0.attn_q.weight", ragged);
    EXPECT_EQ(substituted->format->id, "f16");
    EXPECT_EQ(to_string(substituted->method), "f16");
    EXPECT_EQ(substituted->fallback, "rows of 48 weights are no multiple of 32: f16 instead of q4_0");
    EXPECT_EQ(allowed.warns(), fallback == Fallback::warn);
    EXPECT_EQ(allowed.of("blk.0.attn_q.weight", {4, 64})->fallback, "");
  }
  EXPECT_NO_THROW((void)allocation("absmax:int4:g32").of("blk.0.attn_q.weight", ragged)) << "integers hold any row";
}

TEST(Allocation, RulesThatAMethodNamesMustBeThere) {
  EXPECT_THAT([] { allocation("rtn:q4_0:rules=careful"); }, ThrowsMessage<Error>(HasSubstr("the rules 'careful'")));
  AllocationOptions options;
  options.rules = {make_tensor_rule("x", "q8_0")};
  const auto allocated = allocation("rtn:q4_0:rules=careful", options).of("blk.0.attn_q.weight", {4, 64});
  EXPECT_EQ(to_string(allocated->method), "rtn:q4_0");
}

TEST(Allocation, FallbacksHaveThreeWords) {
  EXPECT_EQ(parse_fallback("error"), Fallback::error);
  EXPECT_EQ(parse_fallback("warn"), Fallback::warn);
  EXPECT_EQ(parse_fallback("allow"), Fallback::allow);
  EXPECT_THROW(parse_fallback("Warn"), Error);
}

TEST(Allocation, EveryMixRunsAndCoversAWholeModel) {
  std::size_t running = 0;
  for (const Mix& mix : mix_table().mixes) {
    const Method canonical = parse_method("mix:" + mix.name);
    try {
      check_method(canonical);
    } catch (const Error&) {
      continue;  // a format of the mix is not in this version
    }
    ++running;
    for (const std::size_t cols : {std::size_t{256}, std::size_t{288}, std::size_t{48}}) {
      AllocationOptions options;
      options.model = {"llama", 8, 4, 0, false};
      const Allocation whole(canonical, options);
      for (const char* name : {"token_embd.weight", "output.weight", "blk.0.attn_q.weight", "blk.7.attn_v.weight",
                               "blk.3.ffn_down.weight", "blk.3.ffn_up.weight", "blk.2.attn_output.weight"}) {
        const auto allocated = whole.of(name, {16, cols});
        ASSERT_TRUE(allocated) << mix.name << " " << name;
        EXPECT_EQ(allocated->method.target, allocated->format->id);
        EXPECT_EQ(cols % allocated->format->block, 0u);
        EXPECT_EQ(allocated->fallback.empty(),
                  cols % 256 == 0 || (cols == 288 && allocated->fallback.empty() && allocated->format->block <= 32));
      }
      EXPECT_FALSE(whole.of("blk.0.attn_norm.weight", {1, cols}));
    }
  }
  EXPECT_EQ(running, mix_table().mixes.size());
}

TEST(Allocation, AMixNeedsAllItsFormats) {
  for (const Mix& mix : mix_table().mixes) {
    const Method whole = parse_method("mix:" + mix.name);
    bool formats_run = true;
    for (const std::string& format : mix.formats()) {
      try {
        check_method({{}, "search", format, {}});
      } catch (const Error&) {
        formats_run = false;
      }
    }
    if (formats_run) {
      EXPECT_NO_THROW(check_method(whole)) << mix.name;
    } else {
      EXPECT_THAT([&] { check_method(whole); }, ThrowsMessage<Error>(HasSubstr("the mix " + mix.name))) << mix.name;
    }
  }
}

TEST(AllocationOptions, AreOptionsOfMethodsThatNoSolverSees) {
  const Method method = parse_method("rtn:q4_0:rules=careful");
  EXPECT_EQ(to_string(method), "rtn:q4_0:rules=careful");
  EXPECT_NO_THROW(check_method(method));
  EXPECT_TRUE(solver_options(method).empty());
  EXPECT_EQ(to_string(parse_method("q4_k:imatrix=off:effort=best")), "q4_k:effort=best:imatrix=off");
  EXPECT_EQ(to_string(parse_method("q4_k:imatrix=auto")), "q4_k");
  EXPECT_EQ(to_string(parse_method("q4_k:imatrix=on")), "q4_k:imatrix=on");
  EXPECT_TRUE(wants_importance(parse_method("q4_k")));
  EXPECT_TRUE(wants_importance(parse_method("q4_k:imatrix=blend")));
  EXPECT_FALSE(wants_importance(parse_method("q4_k:imatrix=off")));
  EXPECT_FALSE(wants_importance(parse_method("rtn:q4_0")));
  EXPECT_THROW(parse_method("q4_k:imatrix=maybe"), Error);
  EXPECT_THROW(parse_method("rtn:q4_0:imatrix=off"), Error);
  EXPECT_THROW(parse_method("rtn:q4_0:rules=a/b"), Error);
  EXPECT_THROW(parse_method("f16:rules=careful"), Error);
}

TEST(AllocationOptions, ImatrixSaysHowColumnsAreWeighted) {
  std::vector<float> weights(256), mean_square(256), blended(256), slight(256);
  for (std::size_t i = 0; i < 256; ++i) {
    weights[i] = std::sin(static_cast<float>(i * i));
    mean_square[i] = static_cast<float>(i % 8 + 1) * static_cast<float>(i % 8 + 1);
  }
  float mean = 0;
  for (const float value : mean_square) mean += value / 256;  // of whole numbers: exact
  for (std::size_t i = 0; i < 256; ++i) {
    blended[i] = mean_square[i] + mean;
    slight[i] = mean_square[i] + 3 * mean;
  }
  const auto bytes = [&](const char* method, std::span<const float> importance) {
    LayerCalibration calibration;
    calibration.mean_square = importance;
    const TensorData data = quantize_tensor(parse_method(method), "w", {weights, 1, 256}, calibration, 1);
    return std::vector<std::byte>(data.view().bytes.begin(), data.view().bytes.end());
  };
  EXPECT_EQ(bytes("q4_0:imatrix=off", mean_square), bytes("q4_0", {}));
  EXPECT_NE(bytes("q4_0:imatrix=on", mean_square), bytes("q4_0", {}));
  EXPECT_EQ(bytes("q4_0:imatrix=blend", mean_square), bytes("q4_0:imatrix=on", blended));
  EXPECT_NE(bytes("q4_0:imatrix=blend", mean_square), bytes("q4_0:imatrix=on", mean_square));
  EXPECT_EQ(bytes("q4_0", mean_square), bytes("q4_0:imatrix=on", mean_square)) << "4.5 bits per weight: fully trusted";
  EXPECT_EQ(bytes("q2_0", mean_square), bytes("q2_0:imatrix=blend", mean_square)) << "2.25 bits per weight: blended";
  EXPECT_EQ(bytes("tq2_0", mean_square), bytes("tq2_0:imatrix=on", slight)) << "one scale for 256 weights";
}

}  // namespace
}  // namespace quantbench
