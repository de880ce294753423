// Metadata that no tokenizer can be built from: each case names what is wrong and where.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <ostream>

#include "core/error.h"
#include "models/tokenizers/tokenizer.h"
#include "models/tokenizers/tokenizer_test_support.h"

namespace quantbench {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;
using Strings = std::vector<std::string>;

struct BadMetadata {
  const char* name;
  bool byte_level;
  const char* key;
  std::optional<MetadataValue> value;  // nothing: the key is removed
  const char* message;
};
void PrintTo(const BadMetadata& value, std::ostream* out) { *out << value.name; }

MetadataScalar string(std::string value) { return value; }
MetadataScalar u32(std::uint32_t value) { return value; }

std::vector<BadMetadata> cases() {
  const auto numbers = [](std::size_t count, std::int32_t value) {
    return MetadataArray(std::vector<std::int32_t>(count, value));
  };
  std::vector<float> scores(260, 0.0F);
  scores[7] = std::numeric_limits<float>::quiet_NaN();
  Strings bad_byte = tokenizer_test::sentencepiece_metadata({{"a"}}).texts("tokenizer.ggml.tokens");
  bad_byte[5] = "<0x-1>";
  return {
      {"NoModel", false, "tokenizer.ggml.model", {}, "tokenizer.ggml.model"},
      {"UnknownModel", false, "tokenizer.ggml.model", string("bert"), "unknown tokenizer.ggml.model 'bert'"},
      {"NoTokens", false, "tokenizer.ggml.tokens", {}, "tokenizer.ggml.tokens"},
      {"TokensNotStrings", false, "tokenizer.ggml.tokens", numbers(260, 1), "tokenizer.ggml.tokens"},
      {"NoTokenAtAll", false, "tokenizer.ggml.tokens", MetadataArray(Strings{}), "tokenizer.ggml.tokens is empty"},
      {"ScoresMissing", false, "tokenizer.ggml.scores", {}, "tokenizer.ggml.scores"},
      {"ScoresShort", false, "tokenizer.ggml.scores", MetadataArray(std::vector<float>(3)), "3 entries for 260 tokens"},
      {"ScoreNaN", false, "tokenizer.ggml.scores", MetadataArray(scores), "tokenizer.ggml.scores[7] is NaN"},
      {"TypesMissing", false, "tokenizer.ggml.token_type", {}, "tokenizer.ggml.token_type is missing"},
      {"TypesLong", false, "tokenizer.ggml.token_type", numbers(261, 1), "261 entries for 260 tokens"},
      {"TypeUnknown", false, "tokenizer.ggml.token_type", numbers(260, 7), "token_type[0] is 7, expected 1 to 6"},
      {"ByteToken", false, "tokenizer.ggml.tokens", MetadataArray(bad_byte),
       "tokens[5] is a byte token spelt '<0x-1>'"},
      {"BosOutside", false, "tokenizer.ggml.bos_token_id", u32(260), "bos_token_id is 260, but the vocabulary has 260"},
      {"EosOutside", false, "tokenizer.ggml.eos_token_id", u32(4000), "eos_token_id is 4000"},
      {"BosNegative", false, "tokenizer.ggml.bos_token_id", MetadataScalar(std::int32_t{-5}), "bos_token_id"},
      {"BosNone", false, "tokenizer.ggml.bos_token_id", u32(0xFFFFFFFF), "bos_token_id names no token"},
      {"SeparatorOutside", false, "tokenizer.ggml.seperator_token_id", u32(9999), "seperator_token_id is 9999"},
      {"AddBosNotBool", false, "tokenizer.ggml.add_bos_token", u32(1), "add_bos_token"},
      {"PrefixNotBool", false, "tokenizer.ggml.add_space_prefix", string("yes"), "add_space_prefix"},
      {"NoPre", true, "tokenizer.ggml.pre", {}, "tokenizer.ggml.pre is missing"},
      {"UnknownPre", true, "tokenizer.ggml.pre", string("gpt-3"), "unknown pre-tokenizer 'gpt-3'; known: "},
      {"NoMerges", true, "tokenizer.ggml.merges", {}, "tokenizer.ggml.merges"},
      {"MergeWithoutSpace", true, "tokenizer.ggml.merges", MetadataArray(Strings{"a b", "ab"}), "merges[1] is 'ab'"},
      {"MergeOfOnePart", true, "tokenizer.ggml.merges", MetadataArray(Strings{"a "}), "merges[0] is 'a '"},
      {"MergeEmpty", true, "tokenizer.ggml.merges", MetadataArray(Strings{""}), "merges[0] is ''"},
      {"MergePart", true, "tokenizer.ggml.merges", MetadataArray(Strings{"xy a"}), "'xy' is not in the vocabulary"},
      {"MergeResult", true, "tokenizer.ggml.merges", MetadataArray(Strings{"a c"}), "'ac' is not in the vocabulary"},
  };
}

class TokenizerErrors : public testing::TestWithParam<BadMetadata> {};

TEST_P(TokenizerErrors, NameTheFileAndThePlace) {
  const BadMetadata& bad = GetParam();
  Metadata metadata = bad.byte_level ? tokenizer_test::byte_level_metadata({{"a", "b"}})
                                     : tokenizer_test::sentencepiece_metadata({{"a"}});
  ASSERT_NO_THROW(load_tokenizer(metadata));
  if (bad.value) {
    metadata.set(bad.key, *bad.value);
  } else {
    metadata.erase(bad.key);
  }
  EXPECT_THAT([&] { load_tokenizer(metadata); }, ThrowsMessage<Error>(HasSubstr(bad.message)));
}

INSTANTIATE_TEST_SUITE_P(Cases, TokenizerErrors, testing::ValuesIn(cases()),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(TokenizerModels, UnknownModelsNameTheKnownOnes) {
  Metadata metadata = tokenizer_test::sentencepiece_metadata({});
  for (const char* model : {"bert", "t5", "rwkv", "no_vocab"}) {
    metadata.set("tokenizer.ggml.model", MetadataScalar(std::string(model)));
    EXPECT_THAT([&] { load_tokenizer(metadata); },
                ThrowsMessage<Error>(AllOf(HasSubstr(model), HasSubstr("gpt2"), HasSubstr("llama"))));
  }
}

}  // namespace
}  // namespace quantbench
