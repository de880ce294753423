#include "models/tokenizers/hugging_face/tokenizer_directory.h"

#include <algorithm>

#include "core/error.h"
#include "core/file.h"
#include "core/utf8.h"
#include "models/checkpoints/strict_json.h"
#include "models/tokenizers/hugging_face/hugging_face_tokenizer.h"
#include "models/tokenizers/hugging_face/vocabulary_and_merges.h"
#include "models/tokenizers/sentencepiece_model/model_tokenizer.h"

namespace quantbench {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

bool has(const fs::path& directory, const char* name) {
  std::error_code ignored;  // what cannot be looked at is opened later, which says why
  return fs::exists(directory / name, ignored);
}

json read_json(const fs::path& directory, const char* name) {
  const fs::path path = directory / name;
  return parse_strict_json(read_text(path), path.string());
}

json read_json_if_any(const fs::path& directory, const char* name) {
  return has(directory, name) ? read_json(directory, name) : json();
}

SpecialTokenNames special_token_names(const fs::path& directory) {
  constexpr const char* config = "tokenizer_config.json";
  constexpr const char* map = "special_tokens_map.json";
  return read_special_tokens(read_json_if_any(directory, config), (directory / config).string(),
                             read_json_if_any(directory, map), (directory / map).string());
}

VocabularyAndMerges read_vocabulary_and_merges(const fs::path& directory) {
  return {.vocabulary = read_json(directory, "vocab.json"),
          .merges = read_text(directory / "merges.txt"),
          .merges_file = (directory / "merges.txt").string(),
          .config = read_json_if_any(directory, "tokenizer_config.json"),
          .config_file = (directory / "tokenizer_config.json").string(),
          .added = read_json_if_any(directory, "added_tokens.json")};
}

bool has_vocabulary_and_merges(const fs::path& directory) {
  return has(directory, "vocab.json") && has(directory, "merges.txt");
}

void check_no_plain_tokens_added(const JsonObject& config, const SentencePieceModelFile& model) {
  if (!config.contains("added_tokens_decoder")) return;
  const JsonObject added = config.object("added_tokens_decoder");
  for (const auto& [id, value] : config.at("added_tokens_decoder").items()) {
    const JsonObject token = added.object(id);
    const std::string content = token.text("content");
    if (!token.boolean("special", false) && std::ranges::find(model.pieces, content) == model.pieces.end())
      config.fail_at("added_tokens_decoder",
                     "adds the token {}, which tokenizer.model does not have; a tokenizer.json is needed",
                     printable(content));
  }
}

/// The library that defines these files knows no tokens outside them: plain ones that other files add would change ids.
std::unique_ptr<const Tokenizer> load_sentencepiece_model(const fs::path& directory) {
  const MappedFile file(directory / "tokenizer.model");
  SentencePieceModelFile model = parse_sentencepiece_model(file.bytes(), (directory / "tokenizer.model").string());
  const json config = read_json_if_any(directory, "tokenizer_config.json");
  const std::string config_file = (directory / "tokenizer_config.json").string();
  if (!config.is_null()) check_no_plain_tokens_added(JsonObject(config, config_file), model);
  return std::make_unique<const SentencePieceModelTokenizer>(std::move(model), special_token_names(directory));
}

}  // namespace

bool has_tokenizer_files(const fs::path& directory) {
  return has(directory, "tokenizer.json") || has(directory, "tokenizer.model") || has_vocabulary_and_merges(directory);
}

std::unique_ptr<const Tokenizer> load_tokenizer_directory(const fs::path& directory) {
  if (has(directory, "tokenizer.json")) {
    const std::string file = (directory / "tokenizer.json").string();
    return std::make_unique<const HuggingFaceTokenizer>(read_json(directory, "tokenizer.json"), file,
                                                        special_token_names(directory));
  }
  if (has(directory, "tokenizer.model")) return load_sentencepiece_model(directory);
  if (has_vocabulary_and_merges(directory)) {
    return std::make_unique<const HuggingFaceTokenizer>(document_of(read_vocabulary_and_merges(directory)),
                                                        (directory / "vocab.json").string(),
                                                        special_token_names(directory));
  }
  fail("{}: no tokenizer: found neither tokenizer.json nor tokenizer.model nor vocab.json with merges.txt",
       directory.string());
}

}  // namespace quantbench
