#include "quantizers/allocation/mixes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "core/error.h"
#include "quantizers/method_catalog.h"

namespace quantbench {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;
using Role = TensorRole;

const Mix& mix(std::string_view name) {
  const Mix* found = find_mix(name);
  if (found == nullptr) throw Error("no mix " + std::string(name));
  return *found;
}

/// The layers of a model in which `role` gets `format`.
std::vector<std::size_t> layers_with(std::string_view name, Role role, std::string_view format, RuleContext context) {
  std::vector<std::size_t> layers;
  for (context.layer = 0; context.layer < context.layers; ++context.layer)
    if (mix(name).format_of(role, context) == format) layers.push_back(context.layer);
  return layers;
}

std::vector<std::size_t> range(std::size_t begin, std::size_t end) {
  std::vector<std::size_t> all;
  for (std::size_t i = begin; i < end; ++i) all.push_back(i);
  return all;
}

const RuleContext grouped32{.layers = 32, .query_heads_per_kv_head = 4};
const RuleContext plain32{.layers = 32};
const RuleContext grouped8{.layers = 8, .query_heads_per_kv_head = 4};

TEST(Mixes, Q4KMOf32LayersByHand) {
  const std::vector<std::size_t> more = {0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29, 30, 31};
  for (const Role role : {Role::attn_v, Role::ffn_down}) {
    EXPECT_EQ(layers_with("q4_k_m", role, "q6_k", grouped32), more);
    EXPECT_EQ(layers_with("q4_k_m", role, "q4_k", grouped32).size(), 16u);
    EXPECT_EQ(layers_with("q5_k_m", role, "q6_k", grouped32), more);
  }
  for (const Role role : {Role::attn_q, Role::attn_k, Role::attn_output, Role::ffn_gate, Role::ffn_up, Role::other})
    EXPECT_EQ(layers_with("q4_k_m", role, "q4_k", grouped32), range(0, 32));
  EXPECT_EQ(mix("q4_k_m").format_of(Role::output, grouped32), "q6_k");
  EXPECT_EQ(mix("q4_k_m").format_of(Role::token_embd, grouped32), "q4_k");
  EXPECT_EQ(mix("q4_k_m").format_of(Role::attn_qkv, grouped32), "q5_k");
}

TEST(Mixes, MoreBitsOfSmallModelsByHand) {
  EXPECT_EQ(layers_with("q4_k_m", Role::ffn_down, "q6_k", grouped8), (std::vector<std::size_t>{0, 3, 6, 7}));
  EXPECT_EQ(layers_with("q4_k_m", Role::ffn_down, "q6_k", {.layers = 6}), (std::vector<std::size_t>{2, 5}));
  EXPECT_EQ(layers_with("q4_k_m", Role::ffn_down, "q6_k", {.layers = 1}), (std::vector<std::size_t>{0}));
}

TEST(Mixes, TheFirstLayersByHand) {
  EXPECT_EQ(layers_with("q4_k_s", Role::attn_v, "q5_k", grouped32), range(0, 4));
  EXPECT_EQ(layers_with("q4_k_s", Role::attn_v, "q5_k", grouped8), range(0, 4)) << "a fixed number";
  EXPECT_EQ(layers_with("q4_k_s", Role::ffn_down, "q5_k", grouped32), range(0, 4));
  EXPECT_EQ(layers_with("q4_k_s", Role::ffn_down, "q5_k", grouped8), range(0, 1)) << "an eighth";
  EXPECT_EQ(layers_with("q3_k_m", Role::attn_v, "q5_k", grouped32), range(0, 2));
  EXPECT_EQ(layers_with("q3_k_m", Role::attn_v, "q4_k", grouped32), range(2, 32));
  EXPECT_EQ(layers_with("q3_k_m", Role::ffn_down, "q5_k", grouped32), range(0, 2)) << "a sixteenth";
  EXPECT_EQ(layers_with("q3_k_m", Role::ffn_down, "q4_k", grouped32), range(2, 32));
  EXPECT_EQ(layers_with("iq3_xs", Role::ffn_up, "iq3_xxs", grouped32), range(4, 28));
  EXPECT_EQ(layers_with("iq3_xs", Role::ffn_gate, "iq3_s", grouped8), (std::vector<std::size_t>{0, 7}));
  EXPECT_EQ(layers_with("iq2_xxs", Role::ffn_down, "q2_k", grouped32), range(0, 4));
  EXPECT_EQ(layers_with("iq2_m", Role::ffn_down, "iq3_s", grouped32), range(0, 4));
}

TEST(Mixes, GroupedQueriesMakeTheValuesCheap) {
  const std::vector<std::tuple<const char*, const char*, const char*>> table = {
      // mix, attn_v with 4 query heads for each key-value head, with 1
      {"q2_k", "q4_k", "q3_k"},     {"q2_k_s", "q4_k", "q2_k"},   {"q3_k_s", "q3_k", "q3_k"},
      {"q3_k_l", "q5_k", "q5_k"},   {"iq1_s", "q4_k", "q2_k"},    {"iq1_m", "q4_k", "q2_k"},
      {"iq2_xxs", "q4_k", "q2_k"},  {"iq2_xs", "q4_k", "q2_k"},   {"iq2_s", "q4_k", "iq3_s"},
      {"iq2_m", "q4_k", "iq3_s"},   {"iq3_xxs", "q4_k", "iq3_s"}, {"iq3_xs", "q4_k", "iq3_s"},
      {"iq3_s", "q4_k", "iq3_s"},   {"iq3_m", "q4_k", "q4_k"},    {"iq4_nl", "q5_k", "iq4_nl"},
      {"iq4_xs", "q5_k", "iq4_xs"}, {"q5_k_s", "q5_k", "q5_k"},   {"q6_k", "q6_k", "q6_k"},
      {"q8_0", "q8_0", "q8_0"}};
  for (const auto& [name, grouped, single] : table) {
    EXPECT_EQ(mix(name).format_of(Role::attn_v, grouped32), grouped) << name;
    EXPECT_EQ(mix(name).format_of(Role::attn_v, plain32), single) << name;
  }
}

TEST(Mixes, ImportanceChangesWhatTheRulesSay) {
  RuleContext with = plain32;
  with.importance = true;
  EXPECT_EQ(mix("iq3_xxs").format_of(Role::attn_v, with), "iq3_xxs");
  EXPECT_EQ(layers_with("iq3_xxs", Role::ffn_down, "q4_k", plain32), range(0, 4));
  EXPECT_EQ(layers_with("iq3_xxs", Role::ffn_down, "q3_k", plain32), range(4, 32));
  EXPECT_EQ(layers_with("iq3_xxs", Role::ffn_down, "iq3_xxs", with), range(0, 32));
  for (const char* name : {"iq4_nl", "iq4_xs"}) {
    EXPECT_EQ(layers_with(name, Role::ffn_down, "q5_k", plain32), range(0, 4));
    EXPECT_EQ(layers_with(name, Role::ffn_down, "q5_k", with).size(), 0u);
  }
  EXPECT_EQ(layers_with("q4_0", Role::ffn_down, "q4_1", with), range(0, 4));
  EXPECT_EQ(layers_with("q5_0", Role::ffn_down, "q5_1", with), range(0, 4));
  EXPECT_EQ(layers_with("q4_0", Role::ffn_down, "q4_0", plain32), range(0, 32));
}

TEST(Mixes, OutputAndEmbedding) {
  const std::set<std::string> small = {"iq1_s", "iq1_m", "iq2_xxs", "iq2_xs", "iq2_s", "iq2_m", "iq3_xxs"};
  const std::map<std::string, std::string> embedding = {{"iq1_s", "q2_k"},    {"iq1_m", "q2_k"},  {"iq2_xxs", "q2_k"},
                                                        {"iq2_xs", "q2_k"},   {"iq2_s", "iq3_s"}, {"iq2_m", "iq3_s"},
                                                        {"iq3_xxs", "iq3_s"}, {"tq1_0", "q4_k"},  {"tq2_0", "q4_k"}};
  for (const Mix& each : mix_table().mixes) {
    const std::string expected = each.base == "q8_0" ? "q8_0" : small.contains(each.name) ? "q5_k" : "q6_k";
    EXPECT_EQ(each.format_of(Role::output, plain32), expected) << each.name;
    RuleContext ragged = plain32;
    ragged.ragged = true;
    EXPECT_EQ(each.format_of(Role::output, ragged), "q8_0") << each.name;
    const auto special = embedding.find(each.name);
    EXPECT_EQ(each.format_of(Role::token_embd, plain32), special == embedding.end() ? each.base : special->second)
        << each.name;
  }
}

TEST(Mixes, SeventyBillionAndExpertsAndFalcon) {
  const RuleContext large{.layers = 80, .query_heads_per_kv_head = 8};
  for (const char* name : {"q2_k", "q2_k_s", "q3_k_s", "q3_k_m", "q4_k_s", "iq3_xxs", "iq3_s", "iq3_m"})
    EXPECT_EQ(layers_with(name, Role::attn_v, "q5_k", large), range(0, 80)) << name;
  EXPECT_EQ(layers_with("q4_k_m", Role::attn_v, "q6_k", large).size() +
                layers_with("q4_k_m", Role::attn_v, "q5_k", large).size(),
            80u);
  EXPECT_EQ(mix("iq2_xxs").format_of(Role::attn_v, large), "q4_k") << "the 1- and 2-bit mixes know no such rule";

  const RuleContext experts{.layers = 32, .query_heads_per_kv_head = 4, .experts = 8};
  EXPECT_EQ(layers_with("q4_k_m", Role::attn_v, "q8_0", experts), range(0, 32));
  EXPECT_EQ(mix("q4_k_m").format_of(Role::attn_k, experts), "q8_0");
  EXPECT_EQ(mix("q4_k_m").format_of(Role::attn_output, experts), "q5_k");
  EXPECT_EQ(mix("q3_k_l").format_of(Role::attn_output, experts), "q3_k");
  EXPECT_EQ(mix("iq2_xs").format_of(Role::attn_k, experts), "q4_k");
  EXPECT_EQ(mix("iq2_xs").format_of(Role::attn_v, {.layers = 32, .experts = 4}), "q4_k");

  const RuleContext falcon{.layers = 32, .falcon = true};
  EXPECT_EQ(mix("q4_k_m").format_of(Role::output, falcon), "q8_0");
  EXPECT_EQ(mix("q3_k_l").format_of(Role::ffn_down, falcon), "q4_k");
  EXPECT_EQ(layers_with("q4_k_s", Role::ffn_down, "q4_k", falcon), range(0, 32));
  EXPECT_EQ(layers_with("q3_k_m", Role::ffn_down, "q4_k", falcon).size(), 14u) << "more bits, but for layers 0 and 1";
}

/// Bits per weight of the formats, from the sizes of their blocks.
const std::map<std::string, double>& bits() {
  static const std::map<std::string, double> all = {
      {"q4_0", 4.5},       {"q4_1", 5},       {"q5_0", 5.5},       {"q5_1", 6},        {"q8_0", 8.5},
      {"q2_k", 2.625},     {"q3_k", 3.4375},  {"q4_k", 4.5},       {"q5_k", 5.5},      {"q6_k", 6.5625},
      {"iq1_s", 1.5625},   {"iq1_m", 1.75},   {"iq2_xxs", 2.0625}, {"iq2_xs", 2.3125}, {"iq2_s", 2.5625},
      {"iq3_xxs", 3.0625}, {"iq3_s", 3.4375}, {"iq4_nl", 4.5},     {"iq4_xs", 4.25}};
  return all;
}

struct Sizes {
  std::size_t vocabulary, width, kv_width, feed_forward, layers;
};

double gibibytes(std::string_view name, const Sizes& model, RuleContext context) {
  context.layers = model.layers;
  double total = 0;
  const auto add = [&](Role role, std::size_t weights) {
    total += static_cast<double>(weights) * bits().at(mix(name).format_of(role, context));
  };
  add(Role::token_embd, model.vocabulary * model.width);
  add(Role::output, model.vocabulary * model.width);
  for (context.layer = 0; context.layer < model.layers; ++context.layer) {
    add(Role::attn_q, model.width * model.width);
    add(Role::attn_k, model.width * model.kv_width);
    add(Role::attn_v, model.width * model.kv_width);
    add(Role::attn_output, model.width * model.width);
    for (const Role role : {Role::ffn_gate, Role::ffn_up, Role::ffn_down}) add(role, model.width * model.feed_forward);
  }
  return total / 8 / (std::size_t{1} << 30);
}

// The sizes that llama.cpp publishes for its files of Llama-3-8B (README of its perplexity tool).
TEST(Mixes, FilesOfLlama3Of8BillionHaveThePublishedSizes) {
  const Sizes llama3{128256, 4096, 1024, 14336, 32};
  const std::vector<std::tuple<const char*, bool, double>> published = {
      // mix, with importance, GiB
      {"q8_0", false, 7.96},   {"q6_k", false, 6.14},  {"q5_k_m", false, 5.33}, {"q5_k_s", false, 5.21},
      {"q5_1", false, 5.65},   {"q5_0", false, 5.21},  {"q4_k_m", true, 4.58},  {"q4_k_m", false, 4.58},
      {"q4_k_s", true, 4.37},  {"iq4_nl", true, 4.35}, {"iq4_xs", true, 4.14},  {"q4_1", false, 4.78},
      {"q4_0", false, 4.34},   {"q3_k_l", true, 4.03}, {"q3_k_m", true, 3.74},  {"iq3_m", true, 3.53},
      {"iq3_s", true, 3.42},   {"iq3_xs", true, 3.28}, {"iq3_xxs", true, 3.05}, {"q3_k_s", false, 3.41},
      {"iq2_m", true, 2.74},   {"q2_k", false, 2.96},  {"iq2_s", true, 2.56},   {"iq2_xs", true, 2.43},
      {"iq2_xxs", true, 2.24}, {"iq1_m", true, 2.01},  {"iq1_s", true, 1.88}};
  for (const auto& [name, importance, expected] : published) {
    RuleContext context{.query_heads_per_kv_head = 4, .importance = importance};
    EXPECT_NEAR(gibibytes(name, llama3, context), expected, 0.0151) << name << ": norms and metadata are not counted";
  }
}

TEST(Mixes, TheTableHoldsTheMixesThatMethodIdsName) {
  std::set<std::string> names;
  std::set<std::uint32_t> types;
  for (const Mix& each : mix_table().mixes) {
    EXPECT_TRUE(is_mix(each.name)) << each.name;
    EXPECT_TRUE(types.insert(each.file_type).second) << each.name;
    names.insert(each.name);
    EXPECT_TRUE(mix_of_target(mix_id(each.name)));
  }
  for (const char* name :
       {"q4_0",   "q4_1",   "q5_0",   "q5_1",    "q8_0",  "q2_k",   "q2_k_s", "q3_k_s",  "q3_k_m", "q3_k_l",
        "q4_k_s", "q4_k_m", "q5_k_s", "q5_k_m",  "q6_k",  "iq1_s",  "iq1_m",  "iq2_xxs", "iq2_xs", "iq2_s",
        "iq2_m",  "iq3_xs", "iq3_s",  "iq3_xxs", "iq3_m", "iq4_nl", "iq4_xs", "tq1_0",   "tq2_0"})
    EXPECT_TRUE(names.contains(name)) << name;
}

TEST(Mixes, EveryMixGivesEveryTensorOfAnyModelAKnownFormat) {
  for (const Mix& each : mix_table().mixes) {
    const std::vector<std::string> formats = each.formats();
    for (const std::string& format : formats) EXPECT_TRUE(is_gguf_type(format)) << format;
    for (const std::size_t layers : {0u, 1u, 7u, 32u, 80u})
      for (const std::size_t gqa : {1u, 4u, 8u})
        for (const std::size_t experts : {0u, 4u, 8u, 64u})
          for (int flags = 0; flags < 8; ++flags)
            for (std::size_t layer = 0; layer < std::max<std::size_t>(layers, 1); ++layer)
              for (int role = 0; role <= static_cast<int>(Role::other); ++role) {
                const RuleContext context{layer,           layers, gqa, experts, (flags & 1) != 0, (flags & 2) != 0,
                                          (flags & 4) != 0};
                const std::string& format = each.format_of(static_cast<Role>(role), context);
                ASSERT_NE(std::ranges::find(formats, format), formats.end()) << each.name << ": " << format;
              }
  }
}

TEST(Mixes, SubstitutesAreThoseOfTheRuleAndEndInF16) {
  const auto& substitutes = mix_table().substitutes;
  for (const char* format :
       {"iq1_s", "iq1_m", "iq2_xxs", "iq2_xs", "iq2_s", "iq3_xxs", "iq3_s", "iq4_xs", "q2_k", "q3_k"})
    EXPECT_EQ(substitutes.at(format), "iq4_nl") << format;
  for (const auto& [format, expected] : std::map<std::string, std::string>{
           {"tq1_0", "q4_0"}, {"tq2_0", "q4_0"}, {"q4_k", "q5_0"}, {"q5_k", "q5_1"}, {"q6_k", "q8_0"}, {"q8_0", "f16"}})
    EXPECT_EQ(substitutes.at(format), expected) << format;
  for (const std::string& word : method_words()) {
    if (!is_gguf_type(word)) continue;
    std::string format = word;
    for (int steps = 0; format != "f16"; ++steps) {
      ASSERT_LT(steps, 3) << word;
      ASSERT_TRUE(substitutes.contains(format)) << format;
      format = substitutes.at(format);
    }
  }
}

TEST(MixRules, MistakesNameTheLine) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"attn_v -> q4_k", "t:1: 'attn_v' stands before the first mix or group"},
      {"mix a q4_k", "t:1: expected: mix NAME BASE FILE_TYPE"},
      {"mix a q4_k x", "t:1: expected: mix"},
      {"mix a q9_k 1", "t:1: 'q9_k' is not a GGUF type"},
      {"mix a q4_k 1\nmix a q4_k 2", "t:2: the mix a is defined twice"},
      {"mix a q4_k 1\nattn_w -> q4_k", "t:2: unknown tensor role 'attn_w'"},
      {"mix a q4_k 1\nattn_v i<L/0 -> q4_k", "t:2: unknown tensor role 'i<L/0'"},
      {"mix a q4_k 1\nattn_v i<2 ffn_up -> q4_k", "t:2: 'ffn_up' is not a condition"},
      {"mix a q4_k 1\nimatrix -> q4_k", "t:2: the rule names no tensor"},
      {"mix a q4_k 1\nattn_v q4_k", "t:2: expected '-> FORMAT' at the end"},
      {"mix a q4_k 1\nuse b", "t:2: expected: use, then a group defined above"},
      {"group a\nattn_v -> q4_k\ngroup a", "t:3: the group a is defined twice"},
      {"substitute q4_k -> q5_0\nsubstitute q4_k -> q5_1", "t:2: q4_k has two substitutes"},
  };
  for (const auto& [text, message] : cases)
    EXPECT_THAT([text = text] { parse_mixes(text, "t"); }, ThrowsMessage<Error>(HasSubstr(message))) << text;
}

TEST(MixRules, TheFirstRuleThatMatchesDecides) {
  const MixTable table = parse_mixes(
      "group g  # shared\n  attn_v gqa<4 i>=2 -> q5_k\n\nmix a q4_k 1\n  use g\n  attn_v attn_k i<7L/8 -> q6_k\n", "t");
  const Mix& only = table.mixes.at(0);
  EXPECT_EQ(only.format_of(Role::attn_v, {.layer = 2, .layers = 8}), "q5_k");
  EXPECT_EQ(only.format_of(Role::attn_v, {.layer = 1, .layers = 8}), "q6_k");
  EXPECT_EQ(only.format_of(Role::attn_k, {.layer = 6, .layers = 8}), "q6_k");
  EXPECT_EQ(only.format_of(Role::attn_k, {.layer = 7, .layers = 8}), "q4_k");
  EXPECT_EQ(only.format_of(Role::attn_v, {.layer = 7, .layers = 8, .query_heads_per_kv_head = 4}), "q4_k");
}

}  // namespace
}  // namespace quantbench
