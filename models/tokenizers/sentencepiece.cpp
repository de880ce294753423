#include "models/tokenizers/sentencepiece.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/error.h"
#include "models/tokenizers/utf8.h"

namespace quantbench {
namespace {

constexpr std::string_view space_mark = "\xE2\x96\x81";  // U+2581
constexpr std::string_view scores_key = "tokenizer.ggml.scores";
constexpr std::string_view prefix_key = "tokenizer.ggml.add_space_prefix";

std::vector<float> read_scores(const Metadata& metadata, std::size_t vocabulary_size) {
  std::vector<float> scores = metadata.reals(scores_key);
  if (scores.size() != vocabulary_size) {
    fail("{}: {} has {} entries for {} tokens", metadata.file(), scores_key, scores.size(), vocabulary_size);
  }
  for (std::size_t index = 0; index < scores.size(); ++index) {
    // A NaN has no place in the order of merges.
    if (std::isnan(scores[index])) fail("{}: {}[{}] is NaN", metadata.file(), scores_key, index);
  }
  return scores;
}

Vocabulary read_typed_vocabulary(const Metadata& metadata) {
  if (!metadata.contains("tokenizer.ggml.token_type")) {
    fail("{}: tokenizer.ggml.token_type is missing; a 'llama' vocabulary needs it to tell byte tokens from text",
         metadata.file());
  }
  return read_vocabulary(metadata, {.bos = 1, .unknown = 0, .add_bos = true});
}

bool can_be_merged(TokenType type) {
  return type == TokenType::normal || type == TokenType::user_defined || type == TokenType::unused;
}

std::unordered_map<std::string_view, TokenId> index_pieces(const Vocabulary& vocabulary) {
  std::unordered_map<std::string_view, TokenId> ids;
  ids.reserve(vocabulary.tokens.size());
  for (std::size_t index = 0; index < vocabulary.tokens.size(); ++index) {
    // Of tokens with one spelling the last counts, as in the runtimes that read these files.
    if (can_be_merged(vocabulary.types[index])) {
      ids.insert_or_assign(vocabulary.tokens[index], static_cast<TokenId>(index));
    }
  }
  return ids;
}

/// A character of `text`, or a byte that is none.
std::string_view first_character(std::string_view text) {
  return text.substr(0, std::max<std::size_t>(utf8_character_length(text), 1));
}

std::string_view last_character(std::string_view text, const std::vector<MergeSymbol>& symbols) {
  return text.substr(symbols.back().begin, symbols.back().length);
}

/// Two characters of at most four bytes each as one number.
std::uint64_t neighbours(std::string_view left, std::string_view right) {
  const auto pack = [](std::string_view character) {
    std::uint64_t bytes = 0;
    for (const char byte : character) bytes = bytes << 8 | static_cast<unsigned char>(byte);
    return bytes;
  };
  return pack(left) << 32 | pack(right);
}

std::unordered_set<std::uint64_t> find_joined_characters(const Vocabulary& vocabulary) {
  std::unordered_set<std::uint64_t> joined;
  for (std::size_t index = 0; index < vocabulary.tokens.size(); ++index) {
    std::string_view rest = vocabulary.tokens[index];
    if (rest.empty() || !can_be_merged(vocabulary.types[index])) continue;
    for (std::string_view left = first_character(rest); left.size() < rest.size();) {
      rest.remove_prefix(left.size());
      const std::string_view right = first_character(rest);
      joined.insert(neighbours(left, right));
      left = right;
    }
  }
  return joined;
}

void append_with_replacement(std::string& out, std::string_view text, std::string_view from, std::string_view to) {
  std::size_t begin = 0;
  for (std::size_t found = text.find(from); found != std::string_view::npos; found = text.find(from, begin)) {
    out.append(text.substr(begin, found - begin)).append(to);
    begin = found + from.size();
  }
  out.append(text.substr(begin));
}

std::string hash(const Vocabulary& vocabulary, const std::vector<float>& scores, bool add_space_prefix) {
  VocabularyHash hash(vocabulary, "llama");
  for (const float score : scores) hash.add(std::bit_cast<std::uint32_t>(score));
  hash.add(add_space_prefix ? 1 : 0);
  return hash.hex();
}

}  // namespace

SentencePieceTokenizer::SentencePieceTokenizer(const Metadata& metadata)
    : vocabulary_(read_typed_vocabulary(metadata)),
      scores_(read_scores(metadata, vocabulary_.tokens.size())),
      add_space_prefix_(!metadata.contains(prefix_key) || metadata.boolean(prefix_key)),
      user_defined_(vocabulary_),
      id_of_piece_(index_pieces(vocabulary_)),
      joined_characters_(find_joined_characters(vocabulary_)),
      id_of_byte_(byte_tokens(vocabulary_)),
      sha256_(hash(vocabulary_, scores_, add_space_prefix_)) {}

std::optional<TokenId> SentencePieceTokenizer::leading_bos() const {
  return vocabulary_.add_bos ? vocabulary_.bos : std::nullopt;
}

TokenId SentencePieceTokenizer::find(std::string_view piece) const {
  const auto found = id_of_piece_.find(piece);
  return found == id_of_piece_.end() ? -1 : found->second;
}

std::vector<TokenId> SentencePieceTokenizer::encode(std::string_view text) const {
  std::vector<TokenId> ids;
  for (const TextFragment& fragment : user_defined_.split(text)) {
    if (fragment.id >= 0) {
      ids.push_back(fragment.id);
    } else {
      encode_plain(fragment.text, ids);
    }
  }
  return ids;
}

void SentencePieceTokenizer::encode_plain(std::string_view text, std::vector<TokenId>& ids) const {
  std::string marked(add_space_prefix_ ? space_mark : "");
  append_with_replacement(marked, text, " ", space_mark);
  const std::string_view all = marked;
  std::vector<MergeSymbol> symbols;
  PairMerger<float> merger;
  for (std::size_t begin = 0; begin < all.size(); begin += symbols.back().length) {
    const std::string_view character = first_character(all.substr(begin));
    // Where no token holds these two characters side by side, no merge can join them: what comes before is settled by
    // itself. In texts that is nearly every space, so that the queue stays as short as a word.
    if (!symbols.empty() && !joined_characters_.contains(neighbours(last_character(all, symbols), character))) {
      merge_stretch(all, symbols, merger, ids);
      symbols.clear();
    }
    symbols.push_back({find(character), checked_cast<std::uint32_t>(begin, "length of a text"),
                       static_cast<std::uint32_t>(character.size())});
  }
  merge_stretch(all, symbols, merger, ids);
}

void SentencePieceTokenizer::merge_stretch(std::string_view text, std::vector<MergeSymbol>& symbols,
                                           PairMerger<float>& merger, std::vector<TokenId>& ids) const {
  merger.merge(symbols, [&](const MergeSymbol& left, const MergeSymbol& right) -> std::optional<PossibleMerge<float>> {
    const TokenId merged = find(text.substr(left.begin, left.length + right.length));
    if (merged < 0) return std::nullopt;
    return PossibleMerge<float>{-scores_[static_cast<std::size_t>(merged)], merged};
  });
  for (const MergeSymbol& symbol : symbols) append_symbol(symbol.id, text.substr(symbol.begin, symbol.length), ids);
}

void SentencePieceTokenizer::append_symbol(TokenId id, std::string_view bytes, std::vector<TokenId>& ids) const {
  if (id >= 0) {
    ids.push_back(id);
    return;
  }
  const std::size_t first = ids.size();
  for (const char byte : bytes) {
    const TokenId byte_id = id_of_byte_[static_cast<unsigned char>(byte)];
    if (byte_id >= 0) {
      ids.push_back(byte_id);
      continue;
    }
    if (!vocabulary_.unknown) {
      fail("{}: the vocabulary has neither a token for byte 0x{:02X} nor an unknown token", vocabulary_.file,
           static_cast<unsigned char>(byte));
    }
    ids.resize(first);
    ids.push_back(*vocabulary_.unknown);
    return;
  }
}

std::string SentencePieceTokenizer::decode(std::span<const TokenId> ids) const {
  std::string text;
  bool after_boundary = true;  // where encode put a space in front
  for (const TokenId id : ids) {
    vocabulary_.check_id(id);
    const TokenType type = vocabulary_.type(id);
    if (type == TokenType::control) continue;
    if (type == TokenType::byte) {
      text.push_back(static_cast<char>(*byte_of_token(vocabulary_.token(id))));
    } else if (type == TokenType::user_defined) {
      append_with_replacement(text, vocabulary_.token(id), space_mark, " ");
    } else {
      std::string_view token = vocabulary_.token(id);
      if (add_space_prefix_ && after_boundary && token.starts_with(space_mark)) token.remove_prefix(space_mark.size());
      append_with_replacement(text, token, space_mark, " ");
    }
    after_boundary = type == TokenType::user_defined;
  }
  return text;
}

}  // namespace quantbench
