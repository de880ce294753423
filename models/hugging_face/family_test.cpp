// What translating a config.json refuses, and the older forms of its members.
#include "models/hugging_face/family.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/error.h"
#include "core/file.h"
#include "core/testing/temporary_folder.h"
#include "models/hugging_face/open_model.h"
#include "models/model.h"

namespace quantbench {
namespace {

using Json = nlohmann::json;

const std::filesystem::path fixtures = std::filesystem::path(QUANTBENCH_SOURCE_DIR) / "testdata/architectures";

/// A copy of a fixture with members of its config.json changed; null removes one.
class ChangedModel {
 public:
  ChangedModel(const std::string& fixture, const Json& changes) {
    std::filesystem::copy(fixtures / fixture, path());
    Json config = Json::parse(read_text(folder_ / "config.json"));
    config.merge_patch(changes);
    write_text_atomically(folder_ / "config.json", config.dump());
  }

  const std::filesystem::path& path() const { return folder_.path(); }
  std::vector<float> logits() const {
    const Checkpoint checkpoint = open_model(path());
    std::vector<float> all;
    const std::vector<std::int32_t> tokens = {5, 9, 11, 3, 40, 22, 17, 8, 9, 10, 33, 21};
    load_model(checkpoint)
        ->forward(weights_of(checkpoint), {tokens, 1, tokens.size()}, {}, [&](const LogitsBlock& block) {
          all.insert(all.end(), block.logits.values.begin(), block.logits.values.end());
        });
    return all;
  }

 private:
  testing_support::TemporaryFolder folder_;
};

TEST(HuggingFaceFamily, OlderConfigsSayTheSameInOtherWords) {
  const Json older = {
      {"rope_parameters", nullptr}, {"rope_theta", 10000.0}, {"rope_scaling", {{"type", "linear"}, {"factor", 2.5}}}};
  EXPECT_EQ(ChangedModel("llama_linear", older).logits(), ChangedModel("llama_linear", Json::object()).logits());
  EXPECT_NE(ChangedModel("llama_linear", {{"rope_parameters", nullptr}}).logits(),
            ChangedModel("llama_linear", Json::object()).logits());
  const Json neox = {{"rope_parameters", nullptr}, {"rotary_pct", 0.5}, {"rotary_emb_base", 10000}};
  EXPECT_EQ(ChangedModel("gpt_neox", neox).logits(), ChangedModel("gpt_neox", Json::object()).logits());
}

struct Refused {
  const char* fixture;
  Json changes;
  const char* expected;
};

TEST(HuggingFaceFamily, RefusesWhatTheForwardPassDoesNotDo) {
  const std::vector<Refused> cases = {
      {"llama", {{"model_type", "lama"}}, "model_type is 'lama'; did you mean llama"},
      {"llama", {{"model_type", nullptr}}, "model_type"},
      {"llama", {{"hidden_act", "gelu"}}, "hidden_act is 'gelu', expected 'silu'"},
      {"llama", {{"hidden_size", 0}}, "hidden_size is 0"},
      {"llama", {{"hidden_size", -4}}, "hidden_size is -4"},
      {"llama", {{"hidden_size", "32"}}, "hidden_size is \"32\""},
      {"llama", {{"hidden_size", nullptr}}, "hidden_size"},
      {"llama", {{"num_attention_heads", 7}}, "tensor model.layers.0.self_attn.q_proj.weight has 40 rows"},
      {"llama", {{"vocab_size", 60}}, "vocab_size"},
      {"llama", {{"num_hidden_layers", 2}}, "blk.2."},
      {"llama", {{"num_hidden_layers", 4}}, "blk.3."},
      {"llama_linear", {{"rope_parameters", {{"rope_type", "dynamic"}}}}, "rope_type is 'dynamic'"},
      {"llama_yarn", {{"rope_parameters", {{"mscale", 0.7}}}}, "mscale"},
      {"llama_linear", {{"rope_parameters", {{"factor", nullptr}}}}, "factor"},
      {"phi3_long", {{"rope_parameters", {{"long_factor", {1.0, 2.0}}}}}, "long_factor has 2 numbers, expected 4"},
      {"qwen2", {{"use_sliding_window", true}}, "use_sliding_window is true"},
      {"gemma3", {{"layer_types", Json::array({"full_attention"})}}, "layer_types"},
      {"gemma3", {{"final_logit_softcapping", 30.0}}, "final_logit_softcapping"},
      {"opt", {{"activation_function", "gelu"}}, "activation_function"},
      {"llama_tied_biased", {{"tie_word_embeddings", false}}, "no tensor of the output projection"},
  };
  for (const Refused& refused : cases) {
    const ChangedModel model(refused.fixture, refused.changes);
    EXPECT_THAT([&] { load_model(open_model(model.path())); },
                testing::ThrowsMessage<Error>(
                    testing::AllOf(testing::HasSubstr(model.path().string()), testing::HasSubstr(refused.expected))))
        << refused.fixture << " " << refused.changes;
  }
}

TEST(HuggingFaceFamily, TensorsOfNoRuleAreRefused) {
  EXPECT_THAT(
      [] {
        translated(open_checkpoint(ChangedModel("gpt2", {{"model_type", "llama"}, {"hidden_act", "silu"}}).path()));
      },
      testing::ThrowsMessage<Error>(testing::HasSubstr("transformer.h.0.attn.c_attn")));
}

}  // namespace
}  // namespace quantbench
