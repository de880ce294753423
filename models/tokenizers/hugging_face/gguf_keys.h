// What a GGUF file says of a vocabulary, while it is put together.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "models/tokenizers/hugging_face/added_tokens.h"
#include "models/tokenizers/hugging_face/text_start.h"
#include "models/tokenizers/sentencepiece_model/model_file.h"

namespace quantbench {

struct GgufKeys {
  std::string model;  // "gpt2", "llama"
  std::string pre;    // gpt2
  std::vector<std::string> tokens;
  std::vector<TokenType> types;
  std::vector<float> scores;        // llama
  std::vector<std::string> merges;  // gpt2
  std::optional<bool> add_space_prefix;
  std::optional<TokenId> bos, eos, unknown, padding;
  bool add_bos = false;
  std::string note;
};

/// A tokenizer.json (or what stands for one) in the terms of GGUF: what is common to both kinds of BPE.
struct HuggingFaceParts {
  const nlohmann::json& document;
  std::string file;
  const SpecialTokenNames& names;
  std::optional<TokenId> leading_bos;
  std::size_t rows;
};

/// Throws Error, saying why, when GGUF has no keys for it.
GgufKeys gguf_keys_of_byte_level(const HuggingFaceParts& parts);
/// `model`: the tokenizer.model that lies beside, for its scores.
GgufKeys gguf_keys_of_sentencepiece(const HuggingFaceParts& parts, const std::optional<SentencePieceModelFile>& model);
GgufKeys gguf_keys_of_model_file(const SentencePieceModelFile& model, const SpecialTokenNames& names, std::size_t rows);

/// Tokens with their types: special tokens are control tokens, other added ones user-defined. Throws Error for added tokens
/// that take white space with them or stand alone, which GGUF cannot say, and for more tokens than `rows`.
void set_tokens(GgufKeys& keys, const HuggingFaceParts& parts);
void pad_tokens(GgufKeys& keys, std::size_t rows);
void set_special_ids(GgufKeys& keys, const SpecialTokenNames& names, std::optional<TokenId> leading_bos);

}  // namespace quantbench
