// What every tokenizer reads from `tokenizer.ggml.*` metadata, checked.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/hash.h"
#include "models/tokenizers/tokenizer.h"

namespace quantbench {

/// `tokenizer.ggml.token_type`.
enum class TokenType : std::int32_t { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };

/// Ids that apply where the file names none.
struct SpecialTokenDefaults {
  std::optional<TokenId> bos = std::nullopt;
  std::optional<TokenId> unknown = std::nullopt;
  bool add_bos = false;
};

struct Vocabulary {
  std::string file;  // for messages
  std::vector<std::string> tokens;
  std::vector<TokenType> types;  // as many as tokens
  std::optional<TokenId> bos;
  std::optional<TokenId> unknown;
  bool add_bos = false;

  TokenType type(TokenId id) const { return types[static_cast<std::size_t>(id)]; }
  const std::string& token(TokenId id) const { return tokens[static_cast<std::size_t>(id)]; }
  /// Throws Error when `id` is not one of the vocabulary.
  void check_id(TokenId id) const;
};

/// Reads tokens, types, BOS, the unknown token and add_bos_token. Throws Error when the tokens are missing, empty or
/// not strings, when lengths differ, for a type outside 1-6, for any special id (also EOS, EOT, padding ...) outside
/// the vocabulary, and when BOS is to be added but none is named. Absent types mean that all tokens are normal; the id
/// 2^32-1 means "none", as converters write it.
Vocabulary read_vocabulary(const Metadata& metadata, const SpecialTokenDefaults& defaults);

/// The byte of a token "<0xHH>" (6 characters), or nothing when it is spelt otherwise.
std::optional<unsigned char> byte_of_token(std::string_view token);

/// The byte tokens (type byte) by the byte they stand for, -1 where there is none. Throws Error for a byte token that
/// is not spelt "<0xHH>".
std::array<TokenId, 256> byte_tokens(const Vocabulary& vocabulary);

/// Adds lengths before contents, so that different vocabularies never hash as the same bytes.
class VocabularyHash {
 public:
  explicit VocabularyHash(const Vocabulary& vocabulary, std::string_view kind);
  void add(std::string_view text);
  void add(std::uint64_t number);
  std::string hex() { return hash_.hex(); }

 private:
  Sha256 hash_;
};

}  // namespace quantbench
