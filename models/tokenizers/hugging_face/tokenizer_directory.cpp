#include "models/tokenizers/hugging_face/tokenizer_directory.h"

#include "core/error.h"
#include "core/file.h"
#include "models/checkpoints/strict_json.h"
#include "models/tokenizers/hugging_face/hugging_face_tokenizer.h"
#include "models/tokenizers/hugging_face/vocabulary_and_merges.h"

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

}  // namespace

bool has_tokenizer_files(const fs::path& directory) {
  return has(directory, "tokenizer.json") || has_vocabulary_and_merges(directory);
}

std::unique_ptr<const Tokenizer> load_tokenizer_directory(const fs::path& directory) {
  if (has(directory, "tokenizer.json")) {
    const std::string file = (directory / "tokenizer.json").string();
    return std::make_unique<const HuggingFaceTokenizer>(read_json(directory, "tokenizer.json"), file,
                                                        special_token_names(directory));
  }
  if (has_vocabulary_and_merges(directory)) {
    return std::make_unique<const HuggingFaceTokenizer>(document_of(read_vocabulary_and_merges(directory)),
                                                        (directory / "vocab.json").string(),
                                                        special_token_names(directory));
  }
  fail("{}: no tokenizer: found neither tokenizer.json nor vocab.json with merges.txt", directory.string());
}

}  // namespace quantbench
