#include "models/tokenizers/hugging_face/gguf_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "core/file.h"
#include "core/testing/temporary_folder.h"
#include "models/tokenizers/hugging_face/tokenizer_directory.h"

namespace quantbench {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;

const fs::path fixtures = fs::path(QUANTBENCH_SOURCE_DIR) / "testdata" / "tokenizers";

Metadata metadata_of(const GgufTokenizer& tokenizer) {
  Metadata metadata("made.gguf");
  for (const auto& [key, value] : tokenizer.entries) metadata.set(key, value);
  return metadata;
}

struct Family {
  const char* name;
  const char* kind;
  const char* normalized_note;  // "": nothing to tell
};
void PrintTo(const Family& value, std::ostream* out) { *out << value.name; }

class GgufTokenizers : public testing::TestWithParam<Family> {};

TEST_P(GgufTokenizers, HaveTheIdsOfTheFiles) {
  const GgufTokenizer made = gguf_tokenizer(fixtures / GetParam().name, 0);
  ASSERT_THAT(made.entries, testing::Not(IsEmpty())) << made.note;
  const auto tokenizer = load_tokenizer(metadata_of(made));
  const auto original = load_tokenizer_directory(fixtures / GetParam().name);
  EXPECT_EQ(tokenizer->kind(), GetParam().kind);
  EXPECT_EQ(tokenizer->leading_bos(), original->leading_bos());
  EXPECT_THAT(made.note, GetParam().normalized_note[0] == 0 ? testing::Matcher<std::string>(IsEmpty())
                                                            : HasSubstr(GetParam().normalized_note));
  const auto texts = nlohmann::json::parse(read_text(fixtures / "texts.json")).at("texts");
  for (const auto& text : texts) {
    const auto content = text.get<std::string>();
    const bool changes = content.find("e\u0301") != std::string::npos || content.find("A\u030a") != std::string::npos;
    if (changes && !made.note.empty()) continue;
    EXPECT_EQ(tokenizer->encode(content), original->encode(content)) << testing::PrintToString(content);
  }
}

INSTANTIATE_TEST_SUITE_P(Families, GgufTokenizers,
                         testing::Values(Family{"gpt2", "gpt2/gpt-2", ""}, Family{"llama3", "gpt2/llama-bpe", ""},
                                         Family{"qwen2", "gpt2/qwen2", "NFC"}, Family{"gpt_4o", "gpt2/gpt-4o", ""},
                                         Family{"gpt_neox", "gpt2/gpt-2", "NFC"}, Family{"bloom", "gpt2/bloom", ""},
                                         Family{"phi2", "gpt2/gpt-2", ""}, Family{"starcoder", "gpt2/starcoder", ""},
                                         Family{"opt", "gpt2/gpt-2", ""}, Family{"llama2", "llama", ""},
                                         Family{"gemma", "llama", ""}, Family{"model_bpe_llama", "llama", ""}),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(GgufTokenizer, SaysWhyGgufHasNoKeys) {
  struct Case {
    const char* family;
    const char* reason;
  };
  for (const Case& lacking :
       {Case{"unigram_t5", "unigram"}, Case{"model_unigram", "unigram"}, Case{"model_bpe_rules", "normalization"},
        Case{"prefix_space", "puts a space before"}, Case{"digits_and_punctuation", "step Digits"},
        Case{"phi3", "takes white space with it"}, Case{"mistral", "only the start of a text"}}) {
    const GgufTokenizer made = gguf_tokenizer(fixtures / lacking.family, 0);
    EXPECT_THAT(made.entries, IsEmpty()) << lacking.family;
    EXPECT_THAT(made.note, HasSubstr(lacking.reason)) << lacking.family;
  }
}

TEST(GgufTokenizer, UnusedRowsOfTheEmbeddingAreTokensThatTextNeverSpells) {
  const GgufTokenizer made = gguf_tokenizer(fixtures / "gpt2", 600);
  const auto tokenizer = load_tokenizer(metadata_of(made));
  EXPECT_EQ(tokenizer->vocabulary_size(), 600u);
  for (const TokenId id : tokenizer->encode("[unused599]")) EXPECT_LT(id, 521);
  EXPECT_THAT(gguf_tokenizer(fixtures / "gpt2", 100).note, HasSubstr("521 tokens for 100 rows"));
}

TEST(GgufTokenizer, ScoresAreThoseOfTheModelBesideATokenizerJson) {
  const testing_support::TemporaryFolder folder;
  fs::copy_file(fixtures / "llama2" / "tokenizer.json", folder / "tokenizer.json");
  const std::vector<float> by_rank = metadata_of(gguf_tokenizer(folder.path(), 0)).reals("tokenizer.ggml.scores");
  fs::copy_file(fixtures / "model_bpe_llama" / "tokenizer.model", folder / "tokenizer.model");
  const std::vector<float> scores = metadata_of(gguf_tokenizer(folder.path(), 0)).reals("tokenizer.ggml.scores");
  const TokenizerDirectoryFiles files = read_tokenizer_files(fixtures / "model_bpe_llama");
  EXPECT_EQ(scores, files.model->scores);
  EXPECT_NE(scores, by_rank);
}

}  // namespace
}  // namespace quantbench
