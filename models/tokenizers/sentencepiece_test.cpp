#include "models/tokenizers/sentencepiece.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "core/error.h"
#include "models/tokenizers/tokenizer_test_support.h"
#include "models/tokenizers/utf8.h"

namespace quantbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;
using tokenizer_test::Piece;
using tokenizer_test::sentencepiece_metadata;

constexpr TokenId first_piece = 259;  // after <unk>, <s>, </s> and the bytes

TokenId byte_id(char byte) { return 3 + static_cast<unsigned char>(byte); }

std::vector<TokenId> encode(Metadata metadata, std::string_view text, bool prefix = false) {
  metadata.set("tokenizer.ggml.add_space_prefix", MetadataScalar(prefix));
  return SentencePieceTokenizer(metadata).encode(text);
}

TEST(SentencePiece, TheHighestScoreMergesFirst) {
  const auto metadata = sentencepiece_metadata({{"a", -10}, {"b", -10}, {"c", -10}, {"ab", -2}, {"bc", -1}});
  EXPECT_THAT(encode(metadata, "abc"), ElementsAre(first_piece, first_piece + 4));
}

TEST(SentencePiece, TheLeftmostOfEqualScoresMergesFirst) {
  const auto metadata = sentencepiece_metadata({{"a", -10}, {"aa", -1}});
  EXPECT_THAT(encode(metadata, "aaa"), ElementsAre(first_piece + 1, first_piece));
}

TEST(SentencePiece, SpacesAreMarkedAndOneIsPutInFront) {
  const auto metadata = sentencepiece_metadata({{"▁", -5}, {"a", -10}, {"▁a", -1}, {"▁▁", -2}});
  EXPECT_THAT(encode(metadata, "a a", true), ElementsAre(first_piece + 2, first_piece + 2));
  EXPECT_THAT(encode(metadata, "a a", false), ElementsAre(first_piece + 1, first_piece + 2));
  EXPECT_THAT(encode(metadata, " ", true), ElementsAre(first_piece + 3));
  EXPECT_THAT(encode(metadata, "", true), ElementsAre());
  EXPECT_EQ(SentencePieceTokenizer(metadata).encode("a"), encode(metadata, "a", true)) << "the prefix is the default";
}

TEST(SentencePiece, WhatNoTokenSpellsBecomesBytesOrUnknown) {
  EXPECT_THAT(encode(sentencepiece_metadata({}), "é"), ElementsAre(byte_id('\xC3'), byte_id('\xA9')));
  EXPECT_THAT(encode(sentencepiece_metadata({}), "\xFF\xC3"), ElementsAre(byte_id('\xFF'), byte_id('\xC3')));
  EXPECT_THAT(encode(sentencepiece_metadata({{"a"}}, false), "aéa"), ElementsAre(3, 0, 3));
  Metadata without_unknown = sentencepiece_metadata({}, false);
  without_unknown.set("tokenizer.ggml.unknown_token_id", MetadataScalar(std::uint32_t{0xFFFFFFFF}));
  EXPECT_THAT([&] { encode(without_unknown, "a"); }, ThrowsMessage<Error>(HasSubstr("byte 0x61")));
}

TEST(SentencePiece, UserDefinedTokensAreCutOutFirstAndTheLongestWins) {
  const auto metadata =
      sentencepiece_metadata({{"▁", -5}, {"x", -10}, {"▁x", -1}, {"<t>", 0, 4}, {"<t>x", 0, 4}, {"y", -10}});
  EXPECT_THAT(encode(metadata, "x<t>y", true),
              ElementsAre(first_piece + 2, first_piece + 3, first_piece, first_piece + 5));
  EXPECT_THAT(encode(metadata, "<t>x", true), ElementsAre(first_piece + 4));
}

TEST(SentencePiece, TextNeverSpellsControlUnknownOrByteTokens) {
  const auto metadata =
      sentencepiece_metadata({{"<", -1}, {"s", -1}, {">", -1}, {"<s", -1}, {"0x41>", -1}, {"<0x4", -1}});
  EXPECT_THAT(encode(metadata, "<s>"), ElementsAre(first_piece + 3, first_piece + 2));
}

TEST(SentencePiece, DecodeIsTheInverse) {
  const SentencePieceTokenizer tokenizer(
      sentencepiece_metadata({{"▁", -5}, {"a", -10}, {"▁a", -1}, {"▁▁", -2}, {"<t>", 0, 4}}));
  for (const std::string_view text : {"", " ", "a", " a", "a<t>a", "<t> a", "<t><t>", "  é\xFF\n", "a <t>  a"}) {
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
  }
  EXPECT_EQ(tokenizer.decode(std::vector<TokenId>{1, first_piece + 2}), "a") << "control tokens have no text";
  EXPECT_THAT([&] { tokenizer.decode(std::vector<TokenId>{5000}); }, ThrowsMessage<Error>(HasSubstr("5000")));
  EXPECT_THROW(tokenizer.decode(std::vector<TokenId>{-1}), Error);
}

/// The definition, taken at its word: look at all adjacent pairs, merge the best, begin again.
std::vector<TokenId> merge_slowly(const std::vector<Piece>& pieces, std::string_view text) {
  std::vector<std::string> symbols;
  for (std::size_t begin = 0; begin < text.size(); begin += symbols.back().size()) {
    symbols.emplace_back(text.substr(begin, utf8_character_length(text.substr(begin))));
  }
  const auto piece_of = [&](const std::string& spelling) {
    return std::find_if(pieces.begin(), pieces.end(), [&](const Piece& piece) { return piece.text == spelling; });
  };
  for (;;) {
    std::size_t best = symbols.size();
    float best_score = 0;
    for (std::size_t left = 0; left + 1 < symbols.size(); ++left) {
      const auto piece = piece_of(symbols[left] + symbols[left + 1]);
      if (piece == pieces.end() || (best != symbols.size() && piece->score <= best_score)) continue;
      best = left;
      best_score = piece->score;
    }
    if (best == symbols.size()) break;
    symbols[best] += symbols[best + 1];
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
  std::vector<TokenId> ids;
  for (const std::string& symbol : symbols) {
    const auto piece = piece_of(symbol);
    if (piece != pieces.end()) {
      ids.push_back(first_piece + static_cast<TokenId>(piece - pieces.begin()));
    } else {
      for (const char byte : symbol) ids.push_back(byte_id(byte));
    }
  }
  return ids;
}

TEST(SentencePiece, MergesAsTheDefinitionDoes) {
  std::mt19937 random(1);
  const std::vector<std::string_view> letters = {"a", "b", "c", "é"};
  const auto random_text = [&](std::size_t length) {
    std::string text;
    for (std::size_t index = 0; index < length; ++index) text += letters[random() % letters.size()];
    return text;
  };
  for (int vocabulary = 0; vocabulary < 60; ++vocabulary) {
    std::vector<Piece> pieces;
    for (int piece = 0; piece < 25; ++piece) {
      const std::string text = random_text(1 + random() % 4);
      const bool is_new =
          std::none_of(pieces.begin(), pieces.end(), [&](const Piece& old) { return old.text == text; });
      if (is_new) pieces.push_back({text, -static_cast<float>(random() % 8)});  // many ties
    }
    Metadata metadata = sentencepiece_metadata(pieces);
    metadata.set("tokenizer.ggml.add_space_prefix", MetadataScalar(false));
    const SentencePieceTokenizer tokenizer(metadata);
    for (int repeat = 0; repeat < 20; ++repeat) {
      const std::string text = random_text(random() % 40);
      ASSERT_EQ(tokenizer.encode(text), merge_slowly(pieces, text)) << text;
    }
  }
}

TEST(SentencePiece, LongTextsMergeAsShortOnesDo) {
  // 300 KB without a boundary, then in words; merging that is quadratic in the length would not come back.
  const SentencePieceTokenizer tokenizer(
      sentencepiece_metadata({{"▁", -5}, {"a", -5}, {"aa", -1}, {"aaaa", -2}, {"▁a", -3}}));
  EXPECT_EQ(tokenizer.encode(std::string(300'000, 'a')), [] {
    std::vector<TokenId> ids(75'001, first_piece + 3);
    ids.front() = first_piece;
    return ids;
  }());
  std::string words;
  while (words.size() < 300'000) words += "aa ";
  const std::vector<TokenId> ids = tokenizer.encode(words);
  EXPECT_EQ(ids.size(), 200'001u);
  EXPECT_EQ(tokenizer.decode(ids), words);
}

TEST(SentencePiece, BosIsAddedUnlessTheFileSaysNo) {
  Metadata metadata = sentencepiece_metadata({});
  EXPECT_EQ(SentencePieceTokenizer(metadata).leading_bos(), 1);
  metadata.set("tokenizer.ggml.bos_token_id", MetadataScalar(std::uint32_t{2}));
  EXPECT_EQ(SentencePieceTokenizer(metadata).leading_bos(), 2);
  metadata.set("tokenizer.ggml.add_bos_token", MetadataScalar(false));
  EXPECT_EQ(SentencePieceTokenizer(metadata).leading_bos(), std::nullopt);
}

TEST(SentencePiece, TheHashCoversWhatDeterminesTheIds) {
  const Metadata metadata = sentencepiece_metadata({{"a", -1}, {"b", -2}});
  const auto hash_with = [&](const std::string& key, const MetadataValue& value) {
    Metadata changed = metadata;
    changed.set(key, value);
    return SentencePieceTokenizer(changed).sha256();
  };
  const std::string hash = SentencePieceTokenizer(metadata).sha256();
  EXPECT_EQ(SentencePieceTokenizer(metadata).sha256(), hash);
  EXPECT_EQ(hash_with("general.name", MetadataScalar(std::string("other"))), hash);
  EXPECT_NE(hash_with("tokenizer.ggml.add_space_prefix", MetadataScalar(false)), hash);
  EXPECT_NE(hash_with("tokenizer.ggml.add_bos_token", MetadataScalar(false)), hash);
  EXPECT_NE(hash_with("tokenizer.ggml.unknown_token_id", MetadataScalar(std::uint32_t{1})), hash);
  EXPECT_NE(SentencePieceTokenizer(sentencepiece_metadata({{"a", -1}, {"b", -3}})).sha256(), hash);
  EXPECT_NE(SentencePieceTokenizer(sentencepiece_metadata({{"a", -1}, {"b", -2, 4}})).sha256(), hash);
  EXPECT_NE(SentencePieceTokenizer(sentencepiece_metadata({{"ab", -1}, {"", -2}})).sha256(), hash);
}

}  // namespace
}  // namespace quantbench
