#include "models/tokenizers/byte_level_bpe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "core/error.h"
#include "models/tokenizers/tokenizer_test_support.h"

namespace quantbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;
using tokenizer_test::byte_level_metadata;
using Merges = std::vector<std::pair<std::string, std::string>>;

std::vector<TokenId> encode(const Metadata& metadata, std::string_view text) {
  return ByteLevelBpeTokenizer(metadata).encode(text);
}

/// `metadata` with tokens appended; `types` are those of all tokens.
void append_tokens(Metadata& metadata, const std::vector<std::pair<std::string, std::int32_t>>& added) {
  std::vector<std::string> tokens = metadata.texts("tokenizer.ggml.tokens");
  std::vector<std::int32_t> types(tokens.size(), 1);
  for (const auto& [token, type] : added) {
    tokens.push_back(token);
    types.push_back(type);
  }
  metadata.set("tokenizer.ggml.tokens", MetadataArray(tokens));
  metadata.set("tokenizer.ggml.token_type", MetadataArray(types));
}

TEST(ByteAlphabet, IsGpt2s) {
  EXPECT_EQ(spelling_of_bytes(" \n\t!~"), "ĠĊĉ!~");
  EXPECT_EQ(spelling_of_bytes(std::string_view("\0\x7F\xA0\xA1\xAD\xFF", 6)), "Āġł¡Ńÿ");
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  EXPECT_EQ(bytes_of_spelling(spelling_of_bytes(all)), all);
  for (const std::string_view token : {" ", "a b", "\n", "中", "\xFF", "\xC5\x84"}) {  // the last is U+0144
    EXPECT_EQ(bytes_of_spelling(token), std::nullopt) << token;
  }
}

TEST(ByteLevelBpe, TheLowestRankMergesFirst) {
  const Metadata metadata = byte_level_metadata({{"b", "c"}, {"a", "b"}, {"a", "bc"}});
  EXPECT_THAT(encode(metadata, "abc ab"), ElementsAre(258, ' ', 257));
}

TEST(ByteLevelBpe, TheLeftmostOfEqualRanksMergesFirst) {
  EXPECT_THAT(encode(byte_level_metadata({{"a", "a"}}), "aaa"), ElementsAre(256, 'a'));
}

TEST(ByteLevelBpe, BytesThatAreNotUtf8AreTokensToo) {
  EXPECT_THAT(encode(byte_level_metadata({}), "a\xFF\xC3"), ElementsAre('a', 0xFF, 0xC3));
}

TEST(ByteLevelBpe, WholeWordsComeFirstOnlyWhereTheFamilySaysSo) {
  // No merge leads to "abc", but it is a token.
  for (const auto& [pre_tokenizer, ids] : std::vector<std::pair<std::string, std::vector<TokenId>>>{
           {"llama-bpe", {256}}, {"tekken", {256}}, {"gpt-2", {'a', 'b', 'c'}}}) {
    Metadata metadata = byte_level_metadata({}, pre_tokenizer);
    append_tokens(metadata, {{"abc", 1}});
    metadata.set("tokenizer.ggml.bos_token_id", MetadataScalar(std::uint32_t{0}));
    EXPECT_EQ(encode(metadata, "abc"), ids) << pre_tokenizer;
  }
}

TEST(ByteLevelBpe, UserDefinedTokensAreCutOutAndControlTokensAreText) {
  Metadata metadata = byte_level_metadata({{"<", "e"}});
  append_tokens(metadata, {{"  ", 4}, {"<e>", 3}});
  const ByteLevelBpeTokenizer tokenizer(metadata);
  EXPECT_THAT(tokenizer.encode("a  <e>"), ElementsAre('a', 257, '<', 'e', '>'));
  EXPECT_EQ(tokenizer.decode(std::vector<TokenId>{'a', 257, 258, 'b'}), "a  b");
}

TEST(ByteLevelBpe, AByteThatNoTokenSpellsIsUnknownOrAnError) {
  Metadata metadata("test.gguf");
  metadata.set("tokenizer.ggml.pre", MetadataScalar(std::string("gpt-2")));
  metadata.set("tokenizer.ggml.tokens", MetadataArray(std::vector<std::string>{"a", "<unk>"}));
  metadata.set("tokenizer.ggml.merges", MetadataArray(std::vector<std::string>{}));
  EXPECT_THAT([&] { encode(metadata, "ab"); }, ThrowsMessage<Error>(HasSubstr("byte 0x62")));
  metadata.set("tokenizer.ggml.unknown_token_id", MetadataScalar(std::uint32_t{1}));
  EXPECT_THAT(encode(metadata, "ab"), ElementsAre(0, 1));
}

/// The definition, taken at its word, on one word.
std::vector<TokenId> merge_slowly(const Merges& merges, std::string_view word) {
  std::vector<std::string> symbols;
  for (const char byte : word) symbols.emplace_back(1, byte);
  for (std::size_t rank = 0; rank < merges.size();) {
    bool merged = false;
    for (std::size_t left = 0; left + 1 < symbols.size() && !merged; ++left) {
      merged = symbols[left] == merges[rank].first && symbols[left + 1] == merges[rank].second;
      if (!merged) continue;
      symbols[left] += symbols[left + 1];
      symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(left) + 1);
    }
    rank = merged ? 0 : rank + 1;
  }
  std::vector<TokenId> ids;
  for (const std::string& symbol : symbols) {
    TokenId id = static_cast<unsigned char>(symbol[0]);
    for (std::size_t rank = 0; rank < merges.size(); ++rank) {
      if (merges[rank].first + merges[rank].second == symbol) id = 256 + static_cast<TokenId>(rank);
    }
    ids.push_back(id);
  }
  return ids;
}

TEST(ByteLevelBpe, MergesAsTheDefinitionDoes) {
  std::mt19937 random(3);
  for (int vocabulary = 0; vocabulary < 60; ++vocabulary) {
    std::vector<std::string> pieces = {"a", "b", "c"};
    Merges merges;
    while (merges.size() < 20) {
      const std::string left = pieces[random() % pieces.size()];
      const std::string right = pieces[random() % pieces.size()];
      if (std::find(pieces.begin(), pieces.end(), left + right) != pieces.end()) continue;
      merges.emplace_back(left, right);
      pieces.push_back(left + right);
    }
    std::shuffle(merges.begin(), merges.end(), random);  // ranks need not follow the order of construction
    const ByteLevelBpeTokenizer tokenizer(byte_level_metadata(merges));
    for (int repeat = 0; repeat < 20; ++repeat) {
      std::string word;
      for (std::size_t length = random() % 40; length > 0; --length) word.push_back("abc"[random() % 3]);
      ASSERT_EQ(tokenizer.encode(word), merge_slowly(merges, word)) << word;
    }
  }
}

TEST(ByteLevelBpe, DecodeIsTheInverseForAnyBytes) {
  std::mt19937 random(5);
  const ByteLevelBpeTokenizer tokenizer(byte_level_metadata({{" ", "a"}, {"\xC3", "\xA9"}, {"\n", "\n"}}));
  for (int repeat = 0; repeat < 200; ++repeat) {
    std::string text;
    for (std::size_t length = random() % 30; length > 0; --length) text.push_back(static_cast<char>(random()));
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
  }
}

TEST(ByteLevelBpe, BosFollowsTheFileThenTheFamily) {
  const auto bos = [](const std::string& pre_tokenizer, std::optional<bool> add) {
    Metadata metadata = byte_level_metadata({}, pre_tokenizer);
    metadata.set("tokenizer.ggml.bos_token_id", MetadataScalar(std::uint32_t{7}));
    if (add) metadata.set("tokenizer.ggml.add_bos_token", MetadataScalar(*add));
    return ByteLevelBpeTokenizer(metadata).leading_bos();
  };
  EXPECT_EQ(bos("gpt-2", std::nullopt), std::nullopt);
  EXPECT_EQ(bos("qwen2", std::nullopt), std::nullopt);
  EXPECT_EQ(bos("llama-bpe", std::nullopt), 7);
  EXPECT_EQ(bos("tekken", std::nullopt), 7);
  EXPECT_EQ(bos("gpt-2", true), 7);
  EXPECT_EQ(bos("llama-bpe", false), std::nullopt);
  EXPECT_THAT([] { ByteLevelBpeTokenizer{byte_level_metadata({}, "llama-bpe")}; },
              ThrowsMessage<Error>(HasSubstr("bos_token_id names no token")));
}

TEST(ByteLevelBpe, TheHashCoversMergesAndPreTokenizer) {
  const Merges merges = {{"a", "b"}, {"b", "c"}};
  const std::string hash = ByteLevelBpeTokenizer(byte_level_metadata(merges)).sha256();
  EXPECT_NE(ByteLevelBpeTokenizer(byte_level_metadata(merges, "qwen2")).sha256(), hash);
  Metadata reordered = byte_level_metadata(merges);
  reordered.set("tokenizer.ggml.merges", MetadataArray(std::vector<std::string>{"b c", "a b"}));
  EXPECT_NE(ByteLevelBpeTokenizer(reordered).sha256(), hash);
}

}  // namespace
}  // namespace quantbench
