// The tokenizer files of a Hugging Face directory.
#pragma once

#include <filesystem>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "models/tokenizers/hugging_face/text_start.h"
#include "models/tokenizers/sentencepiece_model/model_file.h"
#include "models/tokenizers/tokenizer.h"

namespace quantbench {

/// Reads tokenizer.json, else tokenizer.model, else vocab.json with merges.txt (the older form of GPT-2 and OPT), and beside them
/// tokenizer_config.json and special_tokens_map.json, which say whether texts start with BOS. Throws Error naming the file
/// and the place, and when the directory has none of them.
std::unique_ptr<const Tokenizer> load_tokenizer_directory(const std::filesystem::path& directory);

/// What lies in a directory, parsed.
struct TokenizerDirectoryFiles {  // NOLINT(bugprone-exception-escape): moving a JSON value throws nothing
  std::string directory;
  nlohmann::json document;  // tokenizer.json, or what vocab.json and merges.txt say in its terms; null: only a model
  std::string document_file;
  std::optional<SentencePieceModelFile> model;  // tokenizer.model
  nlohmann::json config;                        // tokenizer_config.json, or null
  SpecialTokenNames names;
};

/// Throws as load_tokenizer_directory, which is make_tokenizer(read_tokenizer_files(directory)).
TokenizerDirectoryFiles read_tokenizer_files(const std::filesystem::path& directory);
std::unique_ptr<const Tokenizer> make_tokenizer(const TokenizerDirectoryFiles& files);

/// True when `directory` has files that load_tokenizer_directory would read.
bool has_tokenizer_files(const std::filesystem::path& directory);

}  // namespace quantbench
