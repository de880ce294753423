#include "models/tokenizers/unigram.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <random>

#include "core/error.h"

namespace quantbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

UnigramParts parts_of(std::vector<std::string> pieces, std::vector<double> scores) {
  UnigramParts parts;
  parts.file = "test.model";
  parts.uses.assign(pieces.size(), PieceUse::normal);
  parts.pieces = std::move(pieces);
  parts.scores = std::move(scores);
  parts.id_of_byte.fill(-1);
  parts.style = UnigramStyle::hugging_face;
  return parts;
}

std::vector<TokenId> encode(const UnigramParts& parts, std::string_view text) {
  std::vector<TokenId> ids;
  Unigram(parts).append_ids(text, ids);
  return ids;
}

/// The best sum of scores over all ways to put `text` together, one by one.
double best_sum(const UnigramParts& parts, std::string_view text) {
  if (text.empty()) return 0;
  double best = -std::numeric_limits<double>::infinity();
  for (std::size_t index = 0; index < parts.pieces.size(); ++index) {
    if (!text.starts_with(parts.pieces[index])) continue;
    best = std::max(best, parts.scores[index] + best_sum(parts, text.substr(parts.pieces[index].size())));
  }
  return best;
}

TEST(Unigram, FindsTheMostProbableWay) {
  std::mt19937 random(1);
  for (int repeat = 0; repeat < 100; ++repeat) {
    std::vector<std::string> pieces = {"a", "b", "c"};
    while (pieces.size() < 12) {
      std::string piece;
      for (std::size_t length = 2 + random() % 3; length > 0; --length) piece.push_back("abc"[random() % 3]);
      if (std::find(pieces.begin(), pieces.end(), piece) == pieces.end()) pieces.push_back(piece);
    }
    std::vector<double> scores;
    for (std::size_t index = 0; index < pieces.size(); ++index)
      scores.push_back(-0.1 - static_cast<double>(random() % 1000) / 100);
    const UnigramParts parts = parts_of(pieces, scores);
    std::string text;
    for (int length = 0; length < 12; ++length) text.push_back("abc"[random() % 3]);
    double sum = 0;
    std::string joined;
    for (const TokenId id : encode(parts, text)) {
      sum += scores[static_cast<std::size_t>(id)];
      joined += pieces[static_cast<std::size_t>(id)];
    }
    EXPECT_EQ(joined, text);
    EXPECT_NEAR(sum, best_sum(parts, text), 1e-9) << text;
  }
}

TEST(Unigram, UnknownCharactersAreOneTokenOrTheirBytesOrAnError) {
  UnigramParts parts = parts_of({"<unk>", "a"}, {0, -1});
  EXPECT_THAT([&] { encode(parts, "axy"); }, ThrowsMessage<Error>(HasSubstr("no piece for 'xy'")));
  parts.unknown = 0;
  EXPECT_THAT(encode(parts, "axyaé\xFF"), ElementsAre(1, 0, 1, 0));
  parts.pieces.insert(parts.pieces.end(), {"<0x78>", "<0x79>"});
  parts.scores.resize(4, -5);
  parts.uses.resize(4, PieceUse::never);
  parts.id_of_byte['x'] = 2;
  parts.id_of_byte['y'] = 3;
  EXPECT_THAT(encode(parts, "axya<0x78>"), ElementsAre(1, 2, 3, 1, 0));
}

TEST(Unigram, UserDefinedPiecesAreAlwaysTakenAndOthersNever) {
  UnigramParts parts = parts_of({"<unk>", "a", "b", "ab", "abb"}, {0, -0.01, -0.01, -9, -0.001});
  parts.unknown = 0;
  EXPECT_THAT(encode(parts, "abb"), ElementsAre(4));
  parts.uses[3] = PieceUse::user_defined;
  parts.uses[4] = PieceUse::never;
  EXPECT_THAT(encode(parts, "abb"), ElementsAre(3, 2));
  EXPECT_THAT(encode(parts, "<unk>"), ElementsAre(0));
}

TEST(Unigram, RefusesScoresThatAreNoNumbers) {
  EXPECT_THAT([] { encode(parts_of({"a"}, {std::numeric_limits<double>::quiet_NaN()}), "a"); },
              ThrowsMessage<Error>(HasSubstr("test.model: the score of piece 'a' is nan")));
  EXPECT_THAT([] { encode(parts_of({}, {}), "a"); }, ThrowsMessage<Error>(HasSubstr("no piece that text")));
}

TEST(PieceIndex, FindsAllPrefixesShortestFirst) {
  const PieceIndex index({{"b", 0}, {"ab", 1}, {"a", 2}, {"abcd", 3}, {"ab", 4}, {"", 5}, {"abd", 6}});
  std::vector<std::pair<std::size_t, TokenId>> found;
  index.prefixes("abcde", [&](std::size_t length, TokenId id) { found.emplace_back(length, id); });
  EXPECT_THAT(found, ElementsAre(std::pair(1u, 2), std::pair(2u, 4), std::pair(4u, 3)));
}

}  // namespace
}  // namespace quantbench
