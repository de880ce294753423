// The tokenizer of a Hugging Face directory as the `tokenizer.ggml.*` keys of a GGUF file.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "models/checkpoints/checkpoint.h"

namespace quantbench {

struct GgufTokenizer {
  std::vector<std::pair<std::string, MetadataValue>> entries;  // empty: GGUF cannot say what the files say
  std::string note;  // why not, or in which texts ids differ from those of the files; empty: nothing to tell
};

/// Byte-level BPE becomes `gpt2` with the name of a known pre-tokenizer; BPE of SentencePiece, from tokenizer.model or from a
/// tokenizer.json with its pipeline, becomes `llama`, with the scores of tokenizer.model if that is there, else by the rank
/// of merges. Unused ids up to `rows` (of the embedding) become unused tokens. What is made is read back and compared
/// with the tokenizer of the files on a text of many kinds of characters. Throws Error for files that load_tokenizer_directory
/// does not read; what GGUF has no keys for is no error but a note.
GgufTokenizer gguf_tokenizer(const std::filesystem::path& directory, std::size_t rows);

}  // namespace quantbench
