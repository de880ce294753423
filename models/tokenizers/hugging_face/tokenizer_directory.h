// The tokenizer files of a Hugging Face directory.
#pragma once

#include <filesystem>

#include "models/tokenizers/tokenizer.h"

namespace quantbench {

/// Reads tokenizer.json, else tokenizer.model, else vocab.json with merges.txt (the older form of GPT-2 and OPT), and beside them
/// tokenizer_config.json and special_tokens_map.json, which say whether texts start with BOS. Throws Error naming the file
/// and the place, and when the directory has none of them.
std::unique_ptr<const Tokenizer> load_tokenizer_directory(const std::filesystem::path& directory);

/// True when `directory` has files that load_tokenizer_directory would read.
bool has_tokenizer_files(const std::filesystem::path& directory);

}  // namespace quantbench
