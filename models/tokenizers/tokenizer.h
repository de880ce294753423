// Text to token ids and back.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/checkpoints/checkpoint.h"

namespace quantbench {

using TokenId = std::int32_t;

/// Immutable after construction; safe to use from several threads.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  /// The ids of `text` (UTF-8; invalid bytes are tokenised as bytes), without BOS or EOS. Special tokens written in the
  /// text are not recognised: evaluation text is data.
  virtual std::vector<TokenId> encode(std::string_view text) const = 0;
  virtual std::string decode(std::span<const TokenId> ids) const = 0;
  virtual std::size_t vocabulary_size() const = 0;
  /// The BOS id when the vocabulary asks for one at the start of a text (add_bos_token or the model's default).
  virtual std::optional<TokenId> leading_bos() const = 0;
  /// "llama", "gpt2/qwen2": the kind, and the pre-tokenizer where there is one.
  virtual std::string kind() const = 0;
  /// SHA-256 over everything that determines the ids (tokens, scores, types, merges, kind, flags).
  virtual std::string sha256() const = 0;
};

/// From `tokenizer.ggml.*` metadata. Throws Error for missing keys, inconsistent lengths, an unknown tokenizer model or
/// pre-tokenizer (with the known ones).
std::unique_ptr<const Tokenizer> load_tokenizer(const Metadata& metadata);

/// Of a GGUF file: from its metadata. Of a Hugging Face directory: from the tokenizer files beside its config.json
/// (load_tokenizer_directory). Throws Error.
std::unique_ptr<const Tokenizer> load_tokenizer(const Checkpoint& checkpoint);

}  // namespace quantbench
