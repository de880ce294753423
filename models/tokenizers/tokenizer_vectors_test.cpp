// Ids of real vocabularies, made by the models' own tokenizers, and the figures of a reference runtime for a story.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <ostream>

#include "core/file.h"
#include "core/hash.h"
#include "models/tokenizers/tokenizer.h"

namespace quantbench {
namespace {

namespace fs = std::filesystem;

const fs::path shared = QUANTBENCH_SHARED;

struct NamedVocabulary {
  const char* name;
  const char* kind;
  bool leading_bos;
  bool spells_all_bytes;
};
void PrintTo(const NamedVocabulary& value, std::ostream* out) { *out << value.name; }

class TokenizerVectors : public testing::TestWithParam<NamedVocabulary> {
 protected:
  void SetUp() override {
    path_ = shared / "tokenizers" / GetParam().name;
    if (!fs::exists(gguf())) GTEST_SKIP() << gguf() << " is absent: vocabularies made by others are not in the project";
    tokenizer_ = load_tokenizer(open_checkpoint(gguf()).metadata());
  }
  fs::path gguf() const { return path_.string() + ".gguf"; }
  nlohmann::json vectors() const { return nlohmann::json::parse(read_text(path_.string() + ".vectors.json")); }

  fs::path path_;
  std::unique_ptr<const Tokenizer> tokenizer_;
};

TEST_P(TokenizerVectors, IdsAreThoseOfTheModelsOwnTokenizer) {
  const nlohmann::json all = vectors();
  ASSERT_GE(all.size(), 40u);
  for (const auto& vector : all) {
    const auto text = vector.at("text").get<std::string>();
    EXPECT_EQ(tokenizer_->encode(text), vector.at("ids").get<std::vector<TokenId>>()) << "text: " << text;
  }
}

TEST_P(TokenizerVectors, DecodingGivesTheTextBack) {
  std::string all_bytes;
  for (int byte = 0; byte < 256; ++byte) all_bytes.push_back(static_cast<char>(byte));
  if (GetParam().spells_all_bytes) {
    EXPECT_EQ(tokenizer_->decode(tokenizer_->encode(all_bytes)), all_bytes);
  }
  for (const auto& vector : vectors()) {
    const auto text = vector.at("text").get<std::string>();
    EXPECT_EQ(tokenizer_->decode(tokenizer_->encode(text)), text);
  }
}

TEST_P(TokenizerVectors, KindAndBosAreThoseOfTheFile) {
  EXPECT_EQ(tokenizer_->kind(), GetParam().kind);
  EXPECT_EQ(tokenizer_->leading_bos().has_value(), GetParam().leading_bos);
  EXPECT_EQ(tokenizer_->sha256().size(), 64u);
}

INSTANTIATE_TEST_SUITE_P(Vocabularies, TokenizerVectors,
                         testing::Values(NamedVocabulary{"gpt-2", "gpt2/gpt-2", false, true},
                                         NamedVocabulary{"starcoder", "gpt2/starcoder", false, false},
                                         NamedVocabulary{"llama-spm", "llama", true, true},
                                         NamedVocabulary{"phi-3", "llama", true, true}),
                         [](const auto& test) {
                           std::string name = test.param.name;
                           std::erase(name, '-');
                           return name;
                         });

TEST(TokenizerStory, IdsHashAsTheReferenceRuntimesDo) {
  const fs::path models = shared / "models";
  if (!fs::exists(models / "expected.json"))
    GTEST_SKIP() << models << " is absent: models of others are not in the project";
  const auto expected = nlohmann::json::parse(read_text(models / "expected.json"));
  const auto tokenizer = load_tokenizer(open_checkpoint(models / expected.at("model").get<std::string>()).metadata());
  ASSERT_EQ(tokenizer->leading_bos(), 1);
  std::vector<TokenId> ids = tokenizer->encode(read_text(models / expected.at("text").get<std::string>()));
  ids.insert(ids.begin(), *tokenizer->leading_bos());
  EXPECT_EQ(ids.size(), expected.at("tokens_with_bos").get<std::size_t>());
  EXPECT_EQ(sha256(fmt::format("{}", fmt::join(ids, ","))),
            expected.at("token_ids_sha256_of_comma_joined_decimals").get<std::string>());
}

}  // namespace
}  // namespace quantbench
