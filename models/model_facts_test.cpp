#include "models/model_facts.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "models/testing/tiny_llama.h"

namespace quantbench {
namespace {

using testing_support::tiny_llama;

TEST(ModelFacts, ComeFromTheMetadata) {
  const ModelFacts facts = model_facts(tiny_llama({.layers = 3, .heads = 6, .kv_heads = 2}));
  EXPECT_EQ(facts.architecture, "llama");
  EXPECT_EQ(facts.layers, 3u);
  EXPECT_EQ(facts.query_heads_per_kv_head, 3u);
  EXPECT_EQ(facts.experts, 0u);
  EXPECT_FALSE(facts.tied_output);
  EXPECT_TRUE(model_facts(tiny_llama({.tied = true})).tied_output);
}

TEST(ModelFacts, ComeFromNamesAndShapesWhereTheMetadataAreSilent) {
  const ModelFacts facts =
      model_facts(tiny_llama({.layers = 3,
                              .heads = 6,
                              .kv_heads = 2,
                              .removed_keys = {"general.architecture", "llama.block_count",
                                               "llama.attention.head_count", "llama.attention.head_count_kv"}}));
  EXPECT_EQ(facts.architecture, "");
  EXPECT_EQ(facts.layers, 3u);
  EXPECT_EQ(facts.query_heads_per_kv_head, 3u);
}

TEST(ModelFacts, HeadsMayBeGivenForEachLayer) {
  const MetadataValue heads = MetadataArray(std::vector<std::int32_t>{8, 4}),
                      kv = MetadataArray(std::vector<std::int32_t>{2, 4});
  const ModelFacts facts =
      model_facts(tiny_llama({.changed_keys = {{"llama.attention.head_count", heads},
                                               {"llama.attention.head_count_kv", kv},
                                               {"llama.expert_count", MetadataScalar(std::uint32_t{8})}}}));
  EXPECT_EQ(facts.query_heads_per_kv_head, 4u) << "the first layer's";
  EXPECT_EQ(facts.experts, 8u);
}

TEST(ModelFacts, MetadataOfTheWrongTypeAreAnError) {
  EXPECT_THROW(model_facts(tiny_llama({.changed_keys = {{"llama.block_count", MetadataScalar(std::string("many"))}}})),
               Error);
}

}  // namespace
}  // namespace quantbench
