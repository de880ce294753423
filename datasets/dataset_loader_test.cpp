// Loaders against what the published recipes give in Python (scripts/make_dataset_fixtures.py). A token is a byte, BOS 256.
#include "datasets/dataset_loader.h"

#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/testing/temporary_folder.h"
#include "datasets/python_text.h"
#include "datasets/rows.h"

namespace quantbench {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;
using testing_support::TemporaryFolder;

const fs::path fixtures = fs::path(QUANTBENCH_SOURCE_DIR) / "testdata" / "datasets";
constexpr std::size_t window = 16;

const TextEncoder bytes_with_bos{[](std::string_view text) {
                                   std::vector<std::int32_t> ids;
                                   for (const char byte : text) ids.push_back(static_cast<unsigned char>(byte));
                                   return ids;
                                 },
                                 256};

DatasetTokens load(const std::string& loader, const fs::path& path) {
  return Registry<DatasetLoader>::instance().at(loader).load({path, window, bytes_with_bos});
}

json expected() { return json::parse(read_text(fixtures / "expected.json")); }

/// A file of the fixtures in a form that the loader reads.
fs::path file_of(const std::string& loader) {
  if (loader.starts_with("wikitext2")) return fixtures / "wiki.raw";
  if (loader.starts_with("ptb")) return fixtures / "ptb.txt";
  return loader == "text" ? fixtures / "wiki.raw" : fixtures / "documents.jsonl.gz";
}

std::string text_of(const std::vector<std::int32_t>& tokens) { return {tokens.begin(), tokens.end()}; }

TEST(DatasetLoaders, JoinRowsAsTheRecipesDo) {
  const json texts = expected().at("texts");
  ASSERT_EQ(texts.size(), 3u);
  for (const auto& [loader, text] : texts.items()) {
    const std::string stem = loader.starts_with("ptb") ? "ptb" : "wiki";
    for (const std::string file :
         {stem == "ptb" ? "ptb.txt" : "wiki.raw", stem == "ptb" ? "ptb.jsonl" : "wiki.jsonl"}) {
      const DatasetTokens loaded = load(loader, fixtures / file);
      EXPECT_EQ(text_of(loaded.tokens), text.get<std::string>()) << loader << " " << file;
      EXPECT_EQ(loaded.sha256, sha256(text.get<std::string>()));
    }
  }
}

TEST(DatasetLoaders, CutAsTheRecipesDo) {
  const json all = expected().at("tokens");
  ASSERT_EQ(all.size(), 5u);
  for (const auto& [loader, tokens] : all.items()) {
    DatasetTokens loaded = load(loader, file_of(loader));
    // Of what is not cut into windows, BOS is added when windows are.
    if (!Registry<DatasetLoader>::instance().at(loader).cuts_windows) loaded.tokens.insert(loaded.tokens.begin(), 256);
    EXPECT_EQ(loaded.tokens.size(), tokens.at("count").get<std::size_t>()) << loader;
    EXPECT_EQ(std::vector(loaded.tokens.begin(), loaded.tokens.begin() + 40),
              tokens.at("first").get<std::vector<std::int32_t>>())
        << loader;
    EXPECT_EQ(sha256(fmt::format("{}", fmt::join(loaded.tokens, ","))), tokens.at("sha256").get<std::string>())
        << loader;
  }
}

TEST(DatasetLoaders, AllOfThemAreDeterministicAndHashWhatTheyRead) {
  std::set<std::string> hashes;
  for (const std::string& loader : Registry<DatasetLoader>::instance().names()) {
    const DatasetTokens loaded = load(loader, file_of(loader));
    EXPECT_FALSE(loaded.tokens.empty()) << loader;
    EXPECT_EQ(loaded.sha256.size(), 64u) << loader;
    EXPECT_EQ(load(loader, file_of(loader)).tokens, loaded.tokens) << loader;
    EXPECT_TRUE(hashes.insert(loaded.sha256).second || loader == "jsonl") << loader;
    EXPECT_FALSE(Registry<DatasetLoader>::instance().at(loader).summary.empty()) << loader;
  }
}

TEST(DatasetLoaders, AllOfThemRefuseFilesThatAreMissingOrEmpty) {
  const TemporaryFolder folder;
  const fs::path empty = folder.write("empty.jsonl", "");
  for (const std::string& loader : Registry<DatasetLoader>::instance().names()) {
    EXPECT_THAT([&] { load(loader, "/nonexistent/file.jsonl"); },
                ThrowsMessage<Error>(HasSubstr("/nonexistent/file.jsonl")));
    EXPECT_THAT([&] { load(loader, empty); }, ThrowsMessage<Error>(HasSubstr(empty.string()))) << loader;
  }
}

TEST(DatasetLoaders, CropsNeedLongDocuments) {
  const TemporaryFolder folder;
  const fs::path path = folder / "short.jsonl";
  write_text_atomically(path,
                        "{\"text\": \"0123456789abcde\"}\n");  // with BOS as long as a window, which is not enough
  EXPECT_THAT([&] { load("c4", path); }, ThrowsMessage<Error>(HasSubstr("no document of more than 16 tokens")));
  write_text_atomically(path, "{\"text\": \"0123456789abcdef\"}\n");
  EXPECT_EQ(load("c4", path).tokens.size(), 256 * window);
}

TEST(DatasetNames, HaveALoaderInFrontOrTheUsualOne) {
  struct Case {
    const char *name, *loader, *path;
  };
  for (const Case& c :
       {Case{"a.txt", "text", "a.txt"}, Case{"b/a.jsonl", "jsonl", "b/a.jsonl"},
        Case{"x.json.gz", "jsonl", "x.json.gz"}, Case{"c4:x.json.gz", "c4", "x.json.gz"},
        Case{"text:a.jsonl", "text", "a.jsonl"}, Case{"text:odd:name", "text", "odd:name"},
        Case{"C:/a.txt", "text", "C:/a.txt"}, Case{"embedded:stories/eval", "text", "embedded:stories/eval"}}) {
    const DatasetName name = parse_dataset_name(c.name);
    EXPECT_EQ(name.loader, c.loader) << c.name;
    EXPECT_EQ(name.path, c.path) << c.name;
  }
  EXPECT_EQ(to_string({"wikitext2", "wiki.test.raw"}), "wikitext2:wiki.test.raw");
  EXPECT_EQ(to_string({"text", "wiki.test.raw"}), "wiki.test.raw");
  EXPECT_THAT([] { parse_dataset_name("wikitext:x"); },
              ThrowsMessage<Error>(HasSubstr("unknown dataset loader 'wikitext'; did you mean wikitext2")));
}

TEST(Rows, AreJsonObjectsWithText) {
  const TemporaryFolder folder;
  const fs::path path = folder / "rows.jsonl";
  const auto text_of_second_row = [&](const std::string& row) {
    write_text_atomically(path, "\n{\"text\": \"a\\n\\u00e9\"}\r\n" + row + "\n");
    return JsonRows(path).text(1);
  };
  EXPECT_EQ(text_of_second_row(R"({"id": 1, "text": ""})"), "");
  EXPECT_EQ(JsonRows(path).text(0), "a\n\u00E9");
  for (const auto& [row, message] :
       std::vector<std::pair<std::string, std::string>>{{"{", "line 3: not valid JSON"},
                                                        {"[1]", "line 3: expected a JSON object"},
                                                        {R"({"text": 5})", "line 3: member 'text' is no text"},
                                                        {R"({"body": "x"})", "line 3: no member 'text'"}})
    EXPECT_THAT([&] { text_of_second_row(row); }, ThrowsMessage<Error>(HasSubstr(message)));
}

TEST(Gzip, CutOffAndDamagedFilesAreErrors) {
  const std::string packed = read_text(fixtures / "documents.jsonl.gz");
  const TemporaryFolder folder;
  const fs::path path = folder / "text.gz";
  const auto read = [&](const std::string& content) {
    write_text_atomically(path, content);
    return read_plain_or_gzip(path);
  };
  const std::string plain = read(packed);
  EXPECT_TRUE(plain.starts_with("{\"text\""));
  EXPECT_EQ(read(packed + packed), plain + plain);  // several streams in one file
  EXPECT_EQ(read(plain), plain);
  for (const std::size_t length : {packed.size() - 1, packed.size() / 2, std::size_t{2}})
    EXPECT_THAT([&] { read(packed.substr(0, length)); }, ThrowsMessage<Error>(HasSubstr("the gzip data is cut off")));
  std::string damaged = packed;
  damaged[packed.size() - 6] = static_cast<char>(damaged[packed.size() - 6] ^ 1);
  EXPECT_THAT([&] { read(damaged); }, ThrowsMessage<Error>(HasSubstr("damaged gzip data")));
}

TEST(PythonText, StripsAndSplitsAsPythonDoes) {
  EXPECT_EQ(python_strip(" \t\x1C\u3000\u0085 a b \u2028\u00A0\n"), "a b");
  EXPECT_EQ(python_strip(" \n "), "");
  EXPECT_EQ(python_strip("\u200B"), "\u200B");
  EXPECT_THAT(python_lines("a\r\nb\rc\n\nd"), ElementsAre("a\n", "b\n", "c\n", "\n", "d"));
  EXPECT_TRUE(python_lines("").empty());
}

}  // namespace
}  // namespace quantbench
