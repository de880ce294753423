#include "models/tokenizers/sentencepiece_model/model_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "core/error.h"
#include "models/tokenizers/sentencepiece_model/model_tokenizer.h"

namespace quantbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<char>(value | 0x80));
  bytes.push_back(static_cast<char>(value));
  return bytes;
}
std::string number(std::uint32_t field, std::uint64_t value) { return varint(field << 3) + varint(value); }
std::string bytes(std::uint32_t field, const std::string& value) {
  return varint(field << 3 | 2) + varint(value.size()) + value;
}
std::string real(std::uint32_t field, float value) {
  std::string four(4, '\0');
  std::memcpy(four.data(), &value, 4);
  return varint(field << 3 | 5) + four;
}
std::string piece(const std::string& text, float score, std::uint64_t type = 1) {
  return bytes(1, bytes(1, text) + real(2, score) + number(3, type));
}
std::string specials() { return piece("<unk>", 0, 2) + piece("<s>", 0, 3) + piece("</s>", 0, 3); }
std::string trainer(const std::string& fields) { return bytes(2, fields); }

SentencePieceModelFile parse(const std::string& text) {
  return parse_sentencepiece_model(std::as_bytes(std::span(text)), "m.model");
}

TEST(SentencePieceModelFile, HasTheDefaultsOfTheSchema) {
  const SentencePieceModelFile model = parse(specials() + bytes(1, bytes(1, "a")));
  EXPECT_THAT(model.pieces, ElementsAre("<unk>", "<s>", "</s>", "a"));
  EXPECT_EQ(model.types[3], TokenType::normal);
  EXPECT_EQ(model.scores[3], 0);
  EXPECT_EQ(model.algorithm, SentencePieceAlgorithm::unigram);
  EXPECT_TRUE(model.add_dummy_prefix && model.remove_extra_whitespaces && !model.byte_fallback);
  EXPECT_THAT((std::vector{model.unknown_id, model.bos_id, model.eos_id, model.padding_id}), ElementsAre(0, 1, 2, -1));
}

TEST(SentencePieceModelFile, ReadsTheFieldsThatMatterAndPassesOthersOver) {
  const std::string no_bos = number(41, static_cast<std::uint64_t>(std::int64_t{-1}));
  const SentencePieceModelFile model =
      parse(specials() + trainer(number(3, 2) + number(35, 1) + no_bos + bytes(1, "input.txt") + real(10, 0.5F)) +
            bytes(3, number(3, 0) + number(4, 0) + bytes(2, "map")) + bytes(4, "self test"));
  EXPECT_EQ(model.algorithm, SentencePieceAlgorithm::bpe);
  EXPECT_EQ(model.bos_id, -1);
  EXPECT_EQ(model.character_map, "map");
  EXPECT_FALSE(model.add_dummy_prefix || model.remove_extra_whitespaces);
  EXPECT_TRUE(model.byte_fallback);
}

TEST(SentencePieceModelFile, BosFollowsTheModelThenTheConfig) {
  const std::string text = specials() + piece("a", -1);
  EXPECT_EQ(SentencePieceModelTokenizer(parse(text), {}).leading_bos(), 1);
  EXPECT_EQ(SentencePieceModelTokenizer(parse(text), {.adds_bos = false}).leading_bos(), std::nullopt);
  EXPECT_EQ(SentencePieceModelTokenizer(parse(text), {.adds_bos = true, .bos = "</s>"}).leading_bos(), 2);
}

TEST(SentencePieceModelFile, ErrorsNameTheFileAndThePlace) {
  struct Case {
    std::string content;
    const char* message;
  };
  const std::string good = specials() + piece("a", -1);
  for (const Case& bad :
       std::vector<Case>{{"", "m.model: no pieces"},
                         {"\x80", "m.model: byte 1"},
                         {std::string(11, '\xFF'), "more than ten bytes"},
                         {"\x0A\xFF\xFF\xFF\xFF\x7F", "needs 34359738367 bytes, and the file has 0 left"},
                         {"\x0B", "wire type 3"},
                         {number(1, 5), "field 1: wire type 0, expected 2"},
                         {good + piece("", 0), "piece 4 is empty"},
                         {good + piece("\xC3", 0), "piece 4: byte 0: field 1: a piece that is not UTF-8"},
                         {good + piece("a", 0), "piece 4 is 'a', which an earlier piece is"},
                         {good + piece("b", std::numeric_limits<float>::infinity()), "the score is inf"},
                         {good + piece("b", 0, 9), "the type is 9, expected 1 to 6"},
                         {good + trainer(number(3, 3)), "model type 3 (words)"},
                         {good + trainer(number(24, 1)), "treat_whitespace_as_suffix"},
                         {good + trainer(number(41, 77)), "a special id is 77, but there are 4 pieces"},
                         {good + bytes(3, number(5, 0)), "escape_whitespaces"},
                         {good.substr(0, good.size() - 1), "bytes, and the file has"}})
    EXPECT_THAT([&] { parse(bad.content); }, ThrowsMessage<Error>(HasSubstr(bad.message)));
  const std::string bpe = good + trainer(number(3, 2));
  EXPECT_THAT([&] { SentencePieceModelTokenizer(parse(bpe + piece("b", 0, 5)), {}); },
              ThrowsMessage<Error>(HasSubstr("piece 'b' is of type unused")));
  EXPECT_THAT([&] { SentencePieceModelTokenizer(parse(bpe + piece("<0x-1>", 0, 6)), {}); },
              ThrowsMessage<Error>(HasSubstr("byte token spelt '<0x-1>'")));
}

}  // namespace
}  // namespace quantbench
