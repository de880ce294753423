#include "models/tokenizers/hugging_face/hugging_face_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <ostream>

#include "core/error.h"
#include "core/file.h"
#include "core/testing/temporary_folder.h"
#include "models/tokenizers/hugging_face/tokenizer_directory.h"

namespace quantbench {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

/// Letters a to d, "ab", "abc" and the space mark: ids 0 to 6.
json small_document() {
  return {{"version", "1.0"},
          {"added_tokens", json::array()},
          {"normalizer", nullptr},
          {"pre_tokenizer", nullptr},
          {"post_processor", nullptr},
          {"model",
           {{"type", "BPE"},
            {"vocab", {{"a", 0}, {"b", 1}, {"c", 2}, {"d", 3}, {"ab", 4}, {"abc", 5}, {"▁", 6}}},
            {"merges", {"a b", {"ab", "c"}}}}}};
}

json added_token(TokenId id, const std::string& content, bool special = false) {
  return {{"id", id}, {"content", content}, {"special", special}, {"normalized", false}};
}

HuggingFaceTokenizer tokenizer_of(const json& document, const SpecialTokenNames& names = {}) {
  return {document, "tokenizer.json", names};
}

TEST(HuggingFaceTokenizer, ReadsBothFormsOfMerges) {
  EXPECT_THAT(tokenizer_of(small_document()).encode("abcabd"), ElementsAre(5, 4, 3));
}

TEST(HuggingFaceTokenizer, FormsOfMergesDoNotChangeTheHashAndRanksDo) {
  json pairs = small_document();
  pairs["model"]["merges"] = json::array({json::array({"a", "b"}), json::array({"ab", "c"})});
  json swapped = small_document();
  swapped["model"]["merges"] = {"ab c", "a b"};
  const std::string hash = tokenizer_of(small_document()).sha256();
  EXPECT_EQ(tokenizer_of(pairs).sha256(), hash);
  EXPECT_NE(tokenizer_of(swapped).sha256(), hash);
  EXPECT_NE(tokenizer_of(small_document(), {.adds_bos = true, .bos = "a"}).sha256(), hash);
}

TEST(HuggingFaceTokenizer, SpecialTokensInATextAreTextAndOtherAddedTokensAreNot) {
  json document = small_document();
  document["added_tokens"] = {added_token(7, "dd"), added_token(8, "cc", true)};
  EXPECT_THAT(tokenizer_of(document).encode("addcc"), ElementsAre(0, 7, 2, 2));
  EXPECT_EQ(tokenizer_of(document).vocabulary_size(), 9u);
  EXPECT_EQ(tokenizer_of(document).decode(std::vector<TokenId>{0, 7, 8, 5}), "addabc");
}

TEST(HuggingFaceTokenizer, ACharacterWithoutATokenIsUnknownOrAnError) {
  json document = small_document();
  EXPECT_THAT([&] { tokenizer_of(document).encode("axy"); }, ThrowsMessage<Error>(HasSubstr("no token for 'x'")));
  document["model"]["unk_token"] = "d";
  EXPECT_THAT(tokenizer_of(document).encode("axyb"), ElementsAre(0, 3, 3, 1));
  document["model"]["fuse_unk"] = true;
  EXPECT_THAT(tokenizer_of(document).encode("axyb"), ElementsAre(0, 3, 1));
}

TEST(HuggingFaceTokenizer, BosIsThatOfTheTemplateUnlessTheConfigSaysOtherwise) {
  json document = small_document();
  document["post_processor"] = {
      {"type", "TemplateProcessing"},
      {"single", {{{"SpecialToken", {{"id", "c"}, {"type_id", 0}}}}, {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}}},
      {"pair", json::array()},
      {"special_tokens", {{"c", {{"id", "c"}, {"ids", {2}}, {"tokens", {"c"}}}}}}};
  EXPECT_EQ(tokenizer_of(document).leading_bos(), 2);
  EXPECT_EQ(tokenizer_of(document, {.adds_bos = false}).leading_bos(), std::nullopt);
  EXPECT_EQ(tokenizer_of(document, {.adds_bos = true, .bos = "d"}).leading_bos(), 3);
  EXPECT_EQ(tokenizer_of(document, {.bos = "d"}).leading_bos(), 2);
  document["post_processor"]["single"].insert(document["post_processor"]["single"].begin(),
                                              document["post_processor"]["single"][0]);
  EXPECT_THAT([&] { tokenizer_of(document); }, ThrowsMessage<Error>(HasSubstr("a second token before the text")));
}

TEST(HuggingFaceTokenizer, AnyBytesComeBackFromByteLevelsAndByteFallback) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes.push_back(static_cast<char>(byte));
  for (const char* family : {"gpt2", "llama3", "gpt_4o", "gpt_neox", "opt", "llama2", "gemma"}) {
    const auto tokenizer = load_tokenizer_directory(fs::path(QUANTBENCH_SOURCE_DIR) / "testdata/tokenizers" / family);
    for (const std::string& text : {std::string(" a  b\n"), bytes, std::string("é \xC3 中\xFF\xFF 1234")})
      EXPECT_EQ(tokenizer->decode(tokenizer->encode(text)), text) << family;
  }
}

struct BadDocument {
  const char* name;
  std::function<void(json&)> change;
  const char* message;
};
void PrintTo(const BadDocument& value, std::ostream* out) { *out << value.name; }

std::vector<BadDocument> bad_documents() {
  const auto set = [](const char* pointer, json value) {
    return [pointer, value](json& document) { document[json::json_pointer(pointer)] = value; };
  };
  const auto add = [](json token) { return [token](json& document) { document["added_tokens"].push_back(token); }; };
  const json regex = {{"type", "Split"}, {"behavior", "Isolated"}};
  const auto split = [regex, set](const char* expression) {
    json step = regex;
    step["pattern"] = {{"Regex", expression}};
    return set("/pre_tokenizer", step);
  };
  return {
      {"Version", set("/version", "2.0"), "version: found '2.0', expected \"1.0\""},
      {"UnknownMember", set("/extra", 1), "unknown member 'extra'"},
      {"NoModel", [](json& document) { document.erase("model"); }, "tokenizer.json: model: is missing"},
      {"ModelType", set("/model/type", "WordPiece"), "model.type: unknown model 'WordPiece'"},
      {"ModelMember", set("/model/alpha", 1), "model: unknown member 'alpha'"},
      {"Dropout", set("/model/dropout", 0.1), "model.dropout: is 0.1"},
      {"Prefix", set("/model/continuing_subword_prefix", "##"), "continuing_subword_prefix: is '##'"},
      {"Suffix", set("/model/end_of_word_suffix", "</w>"), "end_of_word_suffix: is '</w>'"},
      {"NoVocabulary", set("/model/vocab", json::object()), "model.vocab: found an object"},
      {"VocabularyList", set("/model/vocab", json::array({"a"})), "model.vocab: found a list"},
      {"NegativeId", set("/model/vocab/a", -1), "vocab['a']: found -1, expected a token id"},
      {"FractionalId", set("/model/vocab/a", 0.5), "vocab['a']: found 0.5"},
      {"SameId", set("/model/vocab/b", 0), "vocab['b']: id 0 is that of 'a', too"},
      {"SparseId", set("/model/vocab/b", 2147483647), "id 2147483647 is far above"},
      {"UnknownToken", set("/model/unk_token", "?"), "unk_token: '?' is not in the vocabulary"},
      {"MergeResult", set("/model/merges", {"a c"}), "merges[0]: 'ac' is not in the vocabulary"},
      {"MergePart", set("/model/merges", {"a b", json::array({"x", "b"})}), "merges[1]: 'x' is not in the vocabulary"},
      {"MergeForm", set("/model/merges", {"ab"}), "found 'ab', expected two parts"},
      {"MergeThree", set("/model/merges", {"a b c"}), "expected two parts with one space"},
      {"MergeNumber", set("/model/merges", {1}), "merges[0]: found '1', expected"},
      {"AddedMismatch", add(added_token(9, "ab")), "added_tokens: 'ab' has id 9, but 4 in the model"},
      {"AddedTaken", add(added_token(4, "x")), "'x' has id 4, which is that of 'ab'"},
      {"AddedFar", add(added_token(99999999, "x")), "'x' has id 99999999, far above"},
      {"AddedEmpty", add(added_token(7, "")), "added_tokens[0].content: is empty"},
      {"AddedMember", add({{"id", 7}, {"content", "x"}, {"greedy", true}}), "unknown member 'greedy'"},
      {"AddedTwice",
       [](json& document) {
         document["added_tokens"] = {added_token(7, "x"), added_token(7, "y")};
       },
       "added_tokens[1]: id 7 is that of a token before it"},
      {"Normalizer", set("/normalizer", {{"type", "BertNormalizer"}}), "normalizer of type 'BertNormalizer' is not"},
      {"NestedNormalizer", set("/normalizer", {{"type", "Sequence"}, {"normalizers", {{{"type", "Nmt"}}}}}),
       "normalizer.normalizers[0]: normalizer of type 'Nmt'"},
      {"NormalizerMember", set("/normalizer", {{"type", "NFC"}, {"form", 1}}), "normalizer: unknown member 'form'"},
      {"PreTokenizer", set("/pre_tokenizer", {{"type", "UnicodeScripts"}}), "pre-tokenizer of type 'UnicodeScripts'"},
      {"Scheme", set("/pre_tokenizer", {{"type", "Metaspace"}, {"replacement", "▁"}, {"prepend_scheme", "last"}}),
       "prepend_scheme: found 'last'"},
      {"BackReference", split("(a)\\1"), "pattern: regular expression '(a)\\1', byte 3: this escape sequence"},
      {"WordBoundary", split("\\ba"), "byte 0: this escape sequence"},
      {"Broken", split("(a"), "'(a', offset 2"},
      {"Behavior", set("/pre_tokenizer", {{"type", "Split"}, {"pattern", {{"String", "a"}}}, {"behavior", "Cut"}}),
       "behavior: unknown behavior 'Cut'"},
      {"PostProcessor", set("/post_processor", {{"type", "BertProcessing"}}),
       "post-processor of type 'BertProcessing'"},
  };
}

class BadTokenizerJson : public testing::TestWithParam<BadDocument> {};

TEST_P(BadTokenizerJson, NamesThePlace) {
  json document = small_document();
  ASSERT_NO_THROW(tokenizer_of(document));
  GetParam().change(document);
  EXPECT_THAT([&] { tokenizer_of(document); },
              ThrowsMessage<Error>(AllOf(HasSubstr("tokenizer.json"), HasSubstr(GetParam().message))));
}

INSTANTIATE_TEST_SUITE_P(Cases, BadTokenizerJson, testing::ValuesIn(bad_documents()),
                         [](const auto& test) { return std::string(test.param.name); });

class TokenizerDirectory : public testing::Test {
 protected:
  void write(const char* name, const std::string& text) { write_text_atomically(folder_ / name, text); }
  auto loading() {
    return [this] { load_tokenizer_directory(folder_.path()); };
  }
  testing_support::TemporaryFolder folder_;
};

TEST_F(TokenizerDirectory, WithoutFilesSaysWhatIsMissing) {
  EXPECT_FALSE(has_tokenizer_files(folder_.path()));
  EXPECT_THAT(loading(), ThrowsMessage<Error>(AllOf(HasSubstr("no tokenizer"), HasSubstr("tokenizer.json"))));
}

TEST_F(TokenizerDirectory, BrokenJsonNamesTheFile) {
  write("tokenizer.json", "{\"version\": \"1.0\", \"model\": ");
  EXPECT_THAT(loading(), ThrowsMessage<Error>(AllOf(HasSubstr("tokenizer.json"), HasSubstr("not valid JSON"))));
  write("tokenizer.json", R"({"model": {"vocab": {"\ud800": 0}}})");
  EXPECT_THAT(loading(), ThrowsMessage<Error>(HasSubstr("not valid JSON")));
}

TEST_F(TokenizerDirectory, ReadsTheOlderFormOfAddedTokens) {
  write("vocab.json", R"({"a": 0, "b": 1, "ab": 2})");
  write("merges.txt", "#version: 0.2\na b\n");
  write("added_tokens.json", R"({"bb": 3})");
  EXPECT_THAT(load_tokenizer_directory(folder_.path())->encode("abbb"), ElementsAre(0, 3, 1));
  write("tokenizer_config.json", R"({"tokenizer_class": "GPT2Tokenizer", "add_bos_token": true, "bos_token": "b",
    "added_tokens_decoder": {"3": {"content": "bb", "special": true, "normalized": false}}})");
  EXPECT_THAT(load_tokenizer_directory(folder_.path())->encode("abbb"), ElementsAre(2, 1, 1));
  EXPECT_EQ(load_tokenizer_directory(folder_.path())->leading_bos(), 1);
}

TEST_F(TokenizerDirectory, MergesThatAreNoPairsAndForeignClassesAreErrors) {
  write("vocab.json", R"({"a": 0, "b": 1, "ab": 2})");
  write("merges.txt", "#version: 0.2\nab\n");
  EXPECT_THAT(loading(), ThrowsMessage<Error>(HasSubstr("merges.txt, line 2: 'ab', expected two parts")));
  write("merges.txt", "a b\n");
  EXPECT_THAT(load_tokenizer_directory(folder_.path())->encode("ab"), ElementsAre(2));
  write("tokenizer_config.json", R"({"tokenizer_class": "CLIPTokenizer"})");
  EXPECT_THAT(loading(),
              ThrowsMessage<Error>(AllOf(HasSubstr("CLIPTokenizer"), HasSubstr("tokenizer.json is needed"))));
}

}  // namespace
}  // namespace quantbench
