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

constexpr const char* config_name = "tokenizer_config.json";
constexpr const char* map_name = "special_tokens_map.json";

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

VocabularyAndMerges read_vocabulary_and_merges(const fs::path& directory, const json& config) {
  return {.vocabulary = read_json(directory, "vocab.json"),
          .merges = read_text(directory / "merges.txt"),
          .merges_file = (directory / "merges.txt").string(),
          .config = config,
          .config_file = (directory / config_name).string(),
          .added = read_json_if_any(directory, "added_tokens.json")};
}

bool has_vocabulary_and_merges(const fs::path& directory) {
  return has(directory, "vocab.json") && has(directory, "merges.txt");
}

/// The library that defines tokenizer.model knows no tokens outside it: plain ones that other files add would change ids.
void check_no_plain_tokens_added(const TokenizerDirectoryFiles& files) {
  if (files.config.is_null()) return;
  const JsonObject config(files.config, (fs::path(files.directory) / config_name).string());
  if (!config.contains("added_tokens_decoder")) return;
  const JsonObject added = config.object("added_tokens_decoder");
  for (const auto& [id, value] : config.at("added_tokens_decoder").items()) {
    const JsonObject token = added.object(id);
    const std::string content = token.text("content");
    if (!token.boolean("special", false) &&
        std::ranges::find(files.model->pieces, content) == files.model->pieces.end())
      config.fail_at("added_tokens_decoder",
                     "adds the token {}, which tokenizer.model does not have; a tokenizer.json is needed",
                     printable(content));
  }
}

}  // namespace

bool has_tokenizer_files(const fs::path& directory) {
  return has(directory, "tokenizer.json") || has(directory, "tokenizer.model") || has_vocabulary_and_merges(directory);
}

TokenizerDirectoryFiles read_tokenizer_files(const fs::path& directory) {
  TokenizerDirectoryFiles files;
  files.directory = directory.string();
  files.config = read_json_if_any(directory, config_name);
  files.names = read_special_tokens(files.config, (directory / config_name).string(),
                                    read_json_if_any(directory, map_name), (directory / map_name).string());
  if (has(directory, "tokenizer.model")) {
    const MappedFile file(directory / "tokenizer.model");
    files.model = parse_sentencepiece_model(file.bytes(), (directory / "tokenizer.model").string());
  }
  if (has(directory, "tokenizer.json")) {
    files.document_file = (directory / "tokenizer.json").string();
    files.document = read_json(directory, "tokenizer.json");
  } else if (!files.model && has_vocabulary_and_merges(directory)) {
    files.document_file = (directory / "vocab.json").string();
    files.document = document_of(read_vocabulary_and_merges(directory, files.config));
  } else if (!files.model) {
    fail("{}: no tokenizer: found neither tokenizer.json nor tokenizer.model nor vocab.json with merges.txt",
         directory.string());
  }
  return files;
}

std::unique_ptr<const Tokenizer> make_tokenizer(const TokenizerDirectoryFiles& files) {
  if (!files.document.is_null())
    return std::make_unique<const HuggingFaceTokenizer>(files.document, files.document_file, files.names);
  check_no_plain_tokens_added(files);
  return std::make_unique<const SentencePieceModelTokenizer>(*files.model, files.names);
}

std::unique_ptr<const Tokenizer> load_tokenizer_directory(const fs::path& directory) {
  return make_tokenizer(read_tokenizer_files(directory));
}

}  // namespace quantbench
