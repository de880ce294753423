#include "models/tokenizers/vocabulary.h"

#include "core/checked.h"
#include "core/error.h"

namespace quantbench {
namespace {

constexpr std::uint64_t no_token = 0xFFFFFFFF;
constexpr std::string_view bos_key = "tokenizer.ggml.bos_token_id";
constexpr std::string_view unknown_key = "tokenizer.ggml.unknown_token_id";
constexpr std::string_view types_key = "tokenizer.ggml.token_type";
constexpr std::string_view add_bos_key = "tokenizer.ggml.add_bos_token";

// Read only to be checked. "seperator" is how the key is spelt in files; the specification spells it "separator".
constexpr std::string_view other_special_keys[] = {
    "tokenizer.ggml.eos_token_id",       "tokenizer.ggml.eot_token_id",       "tokenizer.ggml.eom_token_id",
    "tokenizer.ggml.padding_token_id",   "tokenizer.ggml.cls_token_id",       "tokenizer.ggml.mask_token_id",
    "tokenizer.ggml.seperator_token_id", "tokenizer.ggml.separator_token_id",
};

std::optional<TokenId> special_id(const Metadata& metadata, std::string_view key, std::size_t vocabulary_size) {
  const std::uint64_t id = metadata.unsigned_integer(key);
  if (id == no_token) return std::nullopt;
  if (id >= vocabulary_size) {
    fail("{}: {} is {}, but the vocabulary has {} tokens", metadata.file(), key, id, vocabulary_size);
  }
  return static_cast<TokenId>(id);
}

std::optional<TokenId> special_id_or(const Metadata& metadata, std::string_view key, std::size_t vocabulary_size,
                                     std::optional<TokenId> fallback) {
  if (metadata.contains(key)) return special_id(metadata, key, vocabulary_size);
  if (fallback && static_cast<std::size_t>(*fallback) >= vocabulary_size) {
    fail("{}: {} is absent, and its default {} is outside the vocabulary of {} tokens", metadata.file(), key, *fallback,
         vocabulary_size);
  }
  return fallback;
}

std::vector<TokenType> read_types(const Metadata& metadata, std::size_t vocabulary_size) {
  if (!metadata.contains(types_key)) return std::vector<TokenType>(vocabulary_size, TokenType::normal);
  const std::vector<std::int64_t> numbers = metadata.integers(types_key);
  if (numbers.size() != vocabulary_size) {
    fail("{}: {} has {} entries for {} tokens", metadata.file(), types_key, numbers.size(), vocabulary_size);
  }
  std::vector<TokenType> types;
  types.reserve(numbers.size());
  for (const std::int64_t number : numbers) {
    if (number < 1 || number > 6) {
      fail("{}: {}[{}] is {}, expected 1 to 6", metadata.file(), types_key, types.size(), number);
    }
    types.push_back(static_cast<TokenType>(number));
  }
  return types;
}

int hexadecimal_digit(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  return -1;
}

}  // namespace

void Vocabulary::check_id(TokenId id) const {
  if (id < 0 || static_cast<std::size_t>(id) >= tokens.size()) {
    fail("{}: token id {} is outside the vocabulary of {} tokens", file, id, tokens.size());
  }
}

Vocabulary read_vocabulary(const Metadata& metadata, const SpecialTokenDefaults& defaults) {
  Vocabulary vocabulary;
  vocabulary.file = metadata.file();
  vocabulary.tokens = metadata.texts("tokenizer.ggml.tokens");
  const std::size_t size = vocabulary.tokens.size();
  if (size == 0) fail("{}: tokenizer.ggml.tokens is empty", metadata.file());
  checked_cast<TokenId>(size, "vocabulary size");
  vocabulary.types = read_types(metadata, size);
  vocabulary.bos = special_id_or(metadata, bos_key, size, defaults.bos);
  vocabulary.unknown = special_id_or(metadata, unknown_key, size, defaults.unknown);
  for (const std::string_view key : other_special_keys) {
    if (metadata.contains(key)) special_id(metadata, key, size);
  }
  vocabulary.add_bos = metadata.contains(add_bos_key) ? metadata.boolean(add_bos_key) : defaults.add_bos;
  if (vocabulary.add_bos && !vocabulary.bos) {
    fail("{}: texts are to start with BOS, but {} names no token", metadata.file(), bos_key);
  }
  return vocabulary;
}

std::optional<unsigned char> byte_of_token(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
  const int high = hexadecimal_digit(token[3]);
  const int low = hexadecimal_digit(token[4]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<unsigned char>(high * 16 + low);
}

std::array<TokenId, 256> byte_tokens(const Vocabulary& vocabulary) {
  std::array<TokenId, 256> ids;
  ids.fill(-1);
  for (std::size_t index = 0; index < vocabulary.tokens.size(); ++index) {
    if (vocabulary.types[index] != TokenType::byte) continue;
    const std::optional<unsigned char> byte = byte_of_token(vocabulary.tokens[index]);
    if (!byte) {
      fail("{}: tokenizer.ggml.tokens[{}] is a byte token spelt '{}', expected '<0xHH>'", vocabulary.file, index,
           vocabulary.tokens[index]);
    }
    ids[*byte] = static_cast<TokenId>(index);
  }
  return ids;
}

VocabularyHash::VocabularyHash(const Vocabulary& vocabulary, std::string_view kind) {
  add(kind);
  add(vocabulary.tokens.size());
  for (std::size_t index = 0; index < vocabulary.tokens.size(); ++index) {
    add(vocabulary.tokens[index]);
    add(static_cast<std::uint64_t>(vocabulary.types[index]));
  }
  for (const std::optional<TokenId>& id : {vocabulary.bos, vocabulary.unknown}) {
    add(id ? static_cast<std::uint64_t>(*id) : no_token);
  }
  add(vocabulary.add_bos ? 1 : 0);
}

void VocabularyHash::add(std::string_view text) {
  add(text.size());
  hash_.update(text);
}

void VocabularyHash::add(std::uint64_t number) {
  std::array<std::byte, 8> little_endian;
  for (std::size_t index = 0; index < 8; ++index) little_endian[index] = static_cast<std::byte>(number >> (8 * index));
  hash_.update(little_endian);
}

}  // namespace quantbench
