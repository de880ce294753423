#include "models/tokenizers/scored_bpe.h"

#include <algorithm>

#include "core/error.h"
#include "models/tokenizers/utf8.h"

namespace quantbench {
namespace {

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

}  // namespace

ScoredBpe::ScoredBpe(const Vocabulary& vocabulary, std::vector<float> scores, bool fuses_unknown)
    : vocabulary_(vocabulary),
      scores_(std::move(scores)),
      fuses_unknown_(fuses_unknown),
      id_of_piece_(index_pieces(vocabulary_)),
      joined_characters_(find_joined_characters(vocabulary_)),
      id_of_byte_(byte_tokens(vocabulary_)) {}

TokenId ScoredBpe::find(std::string_view piece) const {
  const auto found = id_of_piece_.find(piece);
  return found == id_of_piece_.end() ? -1 : found->second;
}

void ScoredBpe::append_ids(std::string_view text, std::vector<TokenId>& ids) const {
  std::vector<MergeSymbol> symbols;
  PairMerger<float> merger;
  for (std::size_t begin = 0; begin < text.size(); begin += symbols.back().length) {
    const std::string_view character = first_character(text.substr(begin));
    // Where no token holds these two characters side by side, no merge can join them: what comes before is settled by
    // itself. In texts that is nearly every space, so that the queue stays as short as a word.
    if (!symbols.empty() && !joined_characters_.contains(neighbours(last_character(text, symbols), character))) {
      merge_stretch(text, symbols, merger, ids);
      symbols.clear();
    }
    symbols.push_back({find(character), checked_cast<std::uint32_t>(begin, "length of a text"),
                       static_cast<std::uint32_t>(character.size())});
  }
  merge_stretch(text, symbols, merger, ids);
}

void ScoredBpe::merge_stretch(std::string_view text, std::vector<MergeSymbol>& symbols, PairMerger<float>& merger,
                              std::vector<TokenId>& ids) const {
  merger.merge(symbols, [&](const MergeSymbol& left, const MergeSymbol& right) -> std::optional<PossibleMerge<float>> {
    const TokenId merged = find(text.substr(left.begin, left.length + right.length));
    if (merged < 0) return std::nullopt;
    return PossibleMerge<float>{-scores_[static_cast<std::size_t>(merged)], merged};
  });
  for (const MergeSymbol& symbol : symbols) append_symbol(symbol.id, text.substr(symbol.begin, symbol.length), ids);
}

void ScoredBpe::append_symbol(TokenId id, std::string_view bytes, std::vector<TokenId>& ids) const {
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
    if (!fuses_unknown_ || ids.empty() || ids.back() != *vocabulary_.unknown) ids.push_back(*vocabulary_.unknown);
    return;
  }
}

}  // namespace quantbench
