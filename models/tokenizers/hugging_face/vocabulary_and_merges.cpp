#include "models/tokenizers/hugging_face/vocabulary_and_merges.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/utf8.h"
#include "models/tokenizers/hugging_face/json_object.h"

namespace quantbench {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 2> known_classes = {"GPT2Tokenizer", "GPT2TokenizerFast"};

json read_merges(std::string_view lines, const std::string& file) {
  json merges = json::array();
  if (!is_utf8(lines)) fail("{}: not UTF-8", file);
  std::size_t number = 0;
  while (!lines.empty()) {
    std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || (number == 1 && line.starts_with("#version"))) continue;
    const std::size_t space = line.find(' ');
    if (space == 0 || space == std::string_view::npos || space + 1 == line.size() ||
        line.find(' ', space + 1) != std::string_view::npos)
      fail("{}, line {}: {}, expected two parts with a space between", file, number, printable(line));
    merges.push_back({line.substr(0, space), line.substr(space + 1)});
  }
  return merges;
}

std::int64_t number_of(const std::string& key, const std::string& place) {
  std::int64_t number = -1;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), number);
  if (error != std::errc() || end != key.data() + key.size()) fail("{}: key {} is no token id", place, printable(key));
  return number;
}

json added_tokens(const VocabularyAndMerges& files) {
  json tokens = json::array();
  if (!files.config.is_null() && files.config.contains("added_tokens_decoder")) {
    const std::string place = files.config_file + ": added_tokens_decoder";
    for (const auto& [id, token] : files.config.at("added_tokens_decoder").items()) {
      json entry = JsonObject(token, fmt::format("{}[{}]", place, id)).contains("content") ? token : json::object();
      entry["id"] = number_of(id, place);
      tokens.push_back(std::move(entry));
    }
    return tokens;
  }
  if (files.added.is_null()) return tokens;
  for (const auto& [content, id] : files.added.items())
    tokens.push_back({{"id", id}, {"content", content}, {"normalized", false}});
  return tokens;
}

void check_class(const VocabularyAndMerges& files) {
  if (files.config.is_null()) return;
  const JsonObject config(files.config, files.config_file);
  const auto name = config.text_if_any("tokenizer_class");
  if (name && std::ranges::find(known_classes, *name) == known_classes.end())
    config.fail_at("tokenizer_class",
                   "is {}; vocab.json and merges.txt alone do not say how it splits text: a tokenizer.json is needed "
                   "(save_pretrained of the package transformers writes it)",
                   printable(*name));
}

}  // namespace

json document_of(const VocabularyAndMerges& files) {
  check_class(files);
  const bool adds_space =
      !files.config.is_null() && JsonObject(files.config, files.config_file).boolean("add_prefix_space", false);
  return {{"version", "1.0"},
          {"added_tokens", added_tokens(files)},
          {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", adds_space}, {"use_regex", true}}},
          {"model",
           {{"type", "BPE"}, {"vocab", files.vocabulary}, {"merges", read_merges(files.merges, files.merges_file)}}}};
}

}  // namespace quantbench
