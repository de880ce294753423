#include "models/tokenizers/hugging_face/bpe_model.h"

#include <fmt/format.h>

#include "core/checked.h"
#include "core/utf8.h"
#include "models/tokenizers/utf8.h"
#include "models/tokenizers/vocabulary.h"

namespace quantbench {
namespace {

std::uint64_t pair_key(TokenId left, TokenId right) {
  return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 | static_cast<std::uint32_t>(right);
}

std::size_t character_length(std::string_view text) { return std::max<std::size_t>(utf8_character_length(text), 1); }

struct MergeParts {
  std::string left;
  std::string right;
};

template <class Place>
MergeParts parts_of_merge(const nlohmann::json& merge, const Place& place) {
  if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string())
    return {merge[0].get<std::string>(), merge[1].get<std::string>()};
  if (!merge.is_string()) fail("{}: found {}, expected \"a b\" or [\"a\", \"b\"]", place(), printable(merge.dump()));
  const auto text = merge.get<std::string>();
  const std::size_t space = text.find(' ');
  if (space == std::string::npos || space == 0 || text.find(' ', space + 1) != std::string::npos ||
      space + 1 == text.size())
    fail("{}: found {}, expected two parts with one space between", place(), printable(text));
  return {text.substr(0, space), text.substr(space + 1)};
}

}  // namespace

BpeModel::BpeModel(const JsonObject& model) : place_(model.place()) {
  read_options(model);
  read_vocabulary(model);
  if (const auto unknown = model.text_if_any("unk_token")) {
    unknown_ = find(*unknown);
    if (unknown_ < 0) model.fail_at("unk_token", "{} is not in the vocabulary", printable(*unknown));
  }
  id_of_byte_.fill(-1);
  for (int byte = 0; byte < 256 && byte_fallback_; ++byte)
    id_of_byte_[static_cast<std::size_t>(byte)] = find(fmt::format("<0x{:02X}>", byte));
  read_merges(model);
  find_joins();
}

void BpeModel::read_options(const JsonObject& model) {
  model.check_keys({"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk",
                    "byte_fallback", "ignore_merges", "vocab", "merges"});
  if (model.contains("dropout") && model.at("dropout") != 0)
    model.fail_at("dropout", "is {}: ids drawn at random are no evaluation", model.at("dropout").dump());
  for (const char* affix : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (const auto text = model.text_if_any(affix); text && !text->empty())
      model.fail_at(affix, "is {}, which is not supported; expected none", printable(*text));
  }
  fuses_unknown_ = model.boolean("fuse_unk", false);
  byte_fallback_ = model.boolean("byte_fallback", false);
  whole_words_first_ = model.boolean("ignore_merges", false);
}

void BpeModel::read_vocabulary(const JsonObject& model) {
  const nlohmann::json& vocabulary = model.at("vocab");
  const std::string place = model.place_of("vocab");
  if (!vocabulary.is_object() || vocabulary.empty())
    fail("{}: found {}, expected an object with a member for each token", place, kind_of_json(vocabulary));
  for (const auto& [token, value] : vocabulary.items()) {
    const std::string where = fmt::format("{}[{}]", place, printable(token));
    const TokenId id = token_id_of_json(value, where);
    const auto index = static_cast<std::size_t>(id);
    if (index > largest_id_of(vocabulary.size()))
      fail("{}: id {} is far above what {} tokens need", where, id, vocabulary.size());
    if (token.empty()) fail("{}: an empty token", where);
    if (index >= tokens_.size()) tokens_.resize(index + 1);
    if (!tokens_[index].empty()) fail("{}: id {} is that of {}, too", where, id, printable(tokens_[index]));
    tokens_[index] = token;
  }
  ids_.reserve(vocabulary.size());
  for (std::size_t index = 0; index < tokens_.size(); ++index) {
    if (!tokens_[index].empty()) ids_.emplace(tokens_[index], static_cast<TokenId>(index));
  }
}

void BpeModel::read_merges(const JsonObject& model) {
  const nlohmann::json& merges = model.list("merges");
  checked_cast<std::uint32_t>(merges.size(), "number of merges");
  merge_of_pair_.reserve(merges.size());
  std::uint32_t rank = 0;
  for (const nlohmann::json& merge : merges) {
    const auto place = [&] { return fmt::format("{}[{}]", model.place_of("merges"), rank); };
    const MergeParts parts = parts_of_merge(merge, place);
    const auto id_of = [&](const std::string& token) {
      const TokenId id = find(token);
      if (id < 0) fail("{}: {} is not in the vocabulary", place(), printable(token));
      return id;
    };
    const TokenId left = id_of(parts.left);
    const TokenId right = id_of(parts.right);
    merge_of_pair_.insert_or_assign(pair_key(left, right), Merge{rank, id_of(parts.left + parts.right)});
    ++rank;
  }
}

/// The id of the first or last character of `token`; the token itself when it is one character.
TokenId BpeModel::outermost_character(TokenId token, bool last) const {
  const std::string_view text = tokens_[static_cast<std::size_t>(token)];
  std::size_t begin = 0;
  std::size_t length = character_length(text);
  if (length == text.size()) return token;
  while (last && begin + length < text.size()) {
    begin += length;
    length = character_length(text.substr(begin));
  }
  return find(text.substr(begin, length));
}

void BpeModel::find_joins() {
  for (const auto& [pair, merge] : merge_of_pair_) {
    const auto left = static_cast<TokenId>(pair >> 32);
    const auto right = static_cast<TokenId>(pair & 0xFFFFFFFF);
    joins_.insert(pair_key(outermost_character(left, true), outermost_character(right, false)));
    // A part that is one symbol from the start, such as a byte token.
    joins_.insert(pair);
  }
}

TokenId BpeModel::find(std::string_view token) const {
  const auto found = ids_.find(token);
  return found == ids_.end() ? -1 : found->second;
}

void BpeModel::append_character(std::string_view word, std::size_t begin, std::size_t length,
                                std::vector<MergeSymbol>& symbols) const {
  const std::string_view character = word.substr(begin, length);
  const auto symbol = [](TokenId id, std::size_t place, std::size_t size) {
    return MergeSymbol{id, checked_cast<std::uint32_t>(place, "length of a word"), static_cast<std::uint32_t>(size)};
  };
  if (const TokenId id = find(character); id >= 0) {
    symbols.push_back(symbol(id, begin, length));
    return;
  }
  const auto byte_id = [&](char byte) { return id_of_byte_[static_cast<unsigned char>(byte)]; };
  if (std::ranges::all_of(character, [&](char byte) { return byte_id(byte) >= 0; })) {
    for (std::size_t index = 0; index < length; ++index)
      symbols.push_back(symbol(byte_id(character[index]), begin + index, 1));
    return;
  }
  if (unknown_ < 0) fail("{}: no token for {}, and no unknown token", place_, printable(character));
  const bool follows_unknown = !symbols.empty() && symbols.back().id == unknown_;
  if (fuses_unknown_ && follows_unknown) {
    symbols.back().length += static_cast<std::uint32_t>(length);
  } else {
    symbols.push_back(symbol(unknown_, begin, length));
  }
}

void BpeModel::append_ids(std::string_view word, std::vector<TokenId>& ids) const {
  if (whole_words_first_) {
    if (const TokenId id = find(word); id >= 0) {
      ids.push_back(id);
      return;
    }
  }
  std::vector<MergeSymbol> symbols;
  for (std::size_t begin = 0; begin < word.size();) {
    const std::size_t length = character_length(word.substr(begin));
    append_character(word, begin, length, symbols);
    begin += length;
  }
  // Where no merge joins two neighbours, what comes before is settled by itself: a text that is one word (there is no
  // pre-tokenizer) merges in short stretches.
  PairMerger<std::uint32_t> merger;
  std::vector<MergeSymbol> stretch;
  for (const MergeSymbol& symbol : symbols) {
    if (!stretch.empty() && !joins_.contains(pair_key(stretch.back().id, symbol.id))) {
      merge_stretch(stretch, merger, ids);
      stretch.clear();
    }
    stretch.push_back(symbol);
  }
  merge_stretch(stretch, merger, ids);
}

void BpeModel::merge_stretch(std::vector<MergeSymbol>& stretch, PairMerger<std::uint32_t>& merger,
                             std::vector<TokenId>& ids) const {
  merger.merge(stretch, [&](const MergeSymbol& left, const MergeSymbol& right) {
    const auto found = merge_of_pair_.find(pair_key(left.id, right.id));
    return found == merge_of_pair_.end()
               ? std::nullopt
               : std::optional(PossibleMerge<std::uint32_t>{found->second.rank, found->second.result});
  });
  for (const MergeSymbol& symbol : stretch) ids.push_back(symbol.id);
}

void BpeModel::add_to(Sha256& hash) const {
  add_to_hash(hash, tokens_.size());
  for (const std::string& token : tokens_) add_to_hash(hash, token);
  std::vector<std::pair<std::uint32_t, std::uint64_t>> merges;
  for (const auto& [pair, merge] : merge_of_pair_) merges.emplace_back(merge.rank, pair);
  std::ranges::sort(merges);
  add_to_hash(hash, merges.size());
  for (const auto& [rank, pair] : merges) add_to_hash(hash, pair);
  add_to_hash(hash, static_cast<std::uint64_t>(static_cast<std::uint32_t>(unknown_)));
  add_to_hash(hash, (fuses_unknown_ ? 1u : 0u) | (byte_fallback_ ? 2u : 0u) | (whole_words_first_ ? 4u : 0u));
}

}  // namespace quantbench
