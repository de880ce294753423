// Ids that the reference libraries give, for tokenizers with the pipelines of model families
// (scripts/make_tokenizer_fixtures.py).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "core/hash.h"
#include "models/tokenizers/hugging_face/tokenizer_directory.h"

namespace quantbench {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const fs::path fixtures = fs::path(QUANTBENCH_SOURCE_DIR) / "testdata" / "tokenizers";

json read_json(const fs::path& path) { return json::parse(read_text(path)); }

std::vector<std::string> families() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(fixtures)) {
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

std::vector<std::string> texts() {
  return read_json(fixtures / "texts.json").at("texts").get<std::vector<std::string>>();
}

std::string long_text() {
  const json form = read_json(fixtures / "texts.json").at("long");
  const std::string once = fmt::format("{}", fmt::join(texts(), form.at("separator").get<std::string>()));
  std::string all;
  for (int repeat = 0; repeat < form.at("repeats").get<int>(); ++repeat) all += once;
  return all;
}

class ReferenceVectors : public testing::TestWithParam<std::string> {
 protected:
  fs::path folder() const { return fixtures / GetParam(); }
  std::unique_ptr<const Tokenizer> tokenizer_ = load_tokenizer_directory(folder());
  json vectors_ = read_json(folder() / "vectors.json");
};

TEST_P(ReferenceVectors, IdsAreThoseOfTheReference) {
  const std::vector<std::string> all = texts();
  ASSERT_EQ(vectors_.at("ids").size(), all.size());
  for (std::size_t index = 0; index < all.size(); ++index) {
    EXPECT_EQ(tokenizer_->encode(all[index]), vectors_.at("ids")[index].get<std::vector<TokenId>>())
        << "text: " << testing::PrintToString(all[index]);
  }
}

TEST_P(ReferenceVectors, IdsOfALongTextHashAsTheReferencesDo) {
  const std::vector<TokenId> ids = tokenizer_->encode(long_text());
  EXPECT_EQ(ids.size(), vectors_.at("long").at("count").get<std::size_t>());
  EXPECT_EQ(sha256(fmt::format("{}", fmt::join(ids, ","))), vectors_.at("long").at("sha256").get<std::string>());
}

TEST_P(ReferenceVectors, BosIsTheReferences) {
  const json& bos = vectors_.at("bos");
  EXPECT_EQ(tokenizer_->leading_bos(), bos.is_null() ? std::nullopt : std::optional(bos.get<TokenId>()));
}

INSTANTIATE_TEST_SUITE_P(Families, ReferenceVectors, testing::ValuesIn(families()),
                         [](const auto& test) { return test.param; });

TEST(ReferenceVectors, CoverTheFamilies) {
  EXPECT_THAT(families(), testing::IsSupersetOf({"bloom", "gemma", "gpt2", "gpt_neox", "llama2", "llama3", "mistral",
                                                 "model_bpe_llama", "model_unigram", "opt", "phi2", "phi3", "qwen2",
                                                 "unigram_t5"}));
}

}  // namespace
}  // namespace quantbench
