#include "models/tokenizers/byte_level_bpe.h"

#include "core/error.h"
#include "models/tokenizers/byte_alphabet.h"
#include "models/tokenizers/pair_merger.h"

namespace quantbench {
namespace {

constexpr std::string_view merges_key = "tokenizer.ggml.merges";
constexpr std::string_view pre_key = "tokenizer.ggml.pre";

std::string pre_tokenizer_name(const Metadata& metadata) {
  if (!metadata.contains(pre_key)) {
    fail("{}: {} is missing: it says how text is split into words, and no one way suits every 'gpt2' vocabulary",
         metadata.file(), pre_key);
  }
  return metadata.text(pre_key);
}

std::uint64_t pair_key(TokenId left, TokenId right) {
  return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 | static_cast<std::uint32_t>(right);
}

struct MergeParts {
  std::string_view left;
  std::string_view right;
};

/// The separator is the first space after the first character: a left part may itself start with a space.
MergeParts parts_of_merge(const Metadata& metadata, std::string_view merge, std::size_t rank) {
  const std::size_t space = merge.find(' ', 1);
  if (space == std::string_view::npos || space + 1 == merge.size()) {
    fail("{}: {}[{}] is '{}', expected two parts with a space between", metadata.file(), merges_key, rank, merge);
  }
  return {merge.substr(0, space), merge.substr(space + 1)};
}

}  // namespace

/// Encodes one text: the buffers that its words share.
class ByteLevelBpeTokenizer::Words {
 public:
  Words(const ByteLevelBpeTokenizer& tokenizer, std::vector<TokenId>& ids) : tokenizer_(tokenizer), ids_(ids) {}

  void append(std::string_view word) {
    if (tokenizer_.pre_tokenizer_->whole_words_first) {
      const auto whole = tokenizer_.id_of_bytes_.find(word);
      if (whole != tokenizer_.id_of_bytes_.end()) {
        ids_.push_back(whole->second);
        return;
      }
    }
    symbols_.clear();
    for (const char byte : word) {
      symbols_.push_back(
          {tokenizer_.id_of_byte_[static_cast<unsigned char>(byte)], static_cast<std::uint32_t>(symbols_.size()), 1});
    }
    merger_.merge(symbols_, [this](const MergeSymbol& left, const MergeSymbol& right) { return find(left, right); });
    for (const MergeSymbol& symbol : symbols_) ids_.push_back(symbol.id >= 0 ? symbol.id : unknown(word[symbol.begin]));
  }

 private:
  std::optional<PossibleMerge<std::uint32_t>> find(const MergeSymbol& left, const MergeSymbol& right) const {
    const auto found = tokenizer_.merge_of_pair_.find(pair_key(left.id, right.id));
    if (found == tokenizer_.merge_of_pair_.end()) return std::nullopt;
    return PossibleMerge<std::uint32_t>{found->second.rank, found->second.result};
  }

  TokenId unknown(char byte) const {
    const Vocabulary& vocabulary = tokenizer_.vocabulary_;
    if (!vocabulary.unknown) {
      fail("{}: the vocabulary has neither a token for byte 0x{:02X} nor an unknown token", vocabulary.file,
           static_cast<unsigned char>(byte));
    }
    return *vocabulary.unknown;
  }

  const ByteLevelBpeTokenizer& tokenizer_;
  std::vector<TokenId>& ids_;
  std::vector<MergeSymbol> symbols_;
  PairMerger<std::uint32_t> merger_;
};

ByteLevelBpeTokenizer::ByteLevelBpeTokenizer(const Metadata& metadata)
    : pre_tokenizer_name_(pre_tokenizer_name(metadata)),
      pre_tokenizer_(&pre_tokenizer(pre_tokenizer_name_)),
      vocabulary_(read_vocabulary(metadata, {.add_bos = pre_tokenizer_->adds_bos})),
      splitter_(pre_tokenizer_->expressions),
      user_defined_(vocabulary_) {
  index_tokens();
  read_merges(metadata);
}

void ByteLevelBpeTokenizer::index_tokens() {
  id_of_byte_ = byte_tokens(vocabulary_);
  bytes_of_token_.resize(vocabulary_.tokens.size());
  for (std::size_t index = 0; index < vocabulary_.tokens.size(); ++index) {
    const std::string& token = vocabulary_.tokens[index];
    const TokenType type = vocabulary_.types[index];
    std::string& bytes = bytes_of_token_[index];
    if (type == TokenType::control) continue;
    if (type == TokenType::byte) {
      bytes = static_cast<char>(*byte_of_token(token));
      continue;
    }
    const bool is_spelt = type == TokenType::normal || type == TokenType::unused;
    const std::optional<std::string> spelt = is_spelt ? bytes_of_spelling(token) : std::nullopt;
    bytes = spelt.value_or(token);
    // Of tokens with one spelling the last counts, as in the runtimes that read these files.
    if (spelt) id_of_bytes_.insert_or_assign(bytes, static_cast<TokenId>(index));
    if (spelt && bytes.size() == 1) id_of_byte_[static_cast<unsigned char>(bytes[0])] = static_cast<TokenId>(index);
  }
}

void ByteLevelBpeTokenizer::read_merges(const Metadata& metadata) {
  std::unordered_map<std::string_view, TokenId> id_of_token;
  for (std::size_t index = 0; index < vocabulary_.tokens.size(); ++index) {
    id_of_token.insert_or_assign(vocabulary_.tokens[index], static_cast<TokenId>(index));
  }
  const std::vector<std::string> merges = metadata.texts(merges_key);
  VocabularyHash hash(vocabulary_, kind());
  hash.add(merges.size());
  merge_of_pair_.reserve(merges.size());
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const MergeParts parts = parts_of_merge(metadata, merges[rank], rank);
    const auto id_of = [&](std::string_view token) {
      const auto found = id_of_token.find(token);
      if (found == id_of_token.end()) {
        fail("{}: {}[{}] is '{}', but '{}' is not in the vocabulary", metadata.file(), merges_key, rank, merges[rank],
             token);
      }
      return found->second;
    };
    const TokenId left = id_of(parts.left);
    const TokenId right = id_of(parts.right);
    const TokenId result = id_of(std::string(parts.left).append(parts.right));
    // Of equal merges the first counts: emplace keeps it.
    merge_of_pair_.emplace(pair_key(left, right), Merge{static_cast<std::uint32_t>(rank), result});
    hash.add(merges[rank]);
  }
  sha256_ = hash.hex();
}

std::string ByteLevelBpeTokenizer::kind() const { return "gpt2/" + pre_tokenizer_name_; }

std::optional<TokenId> ByteLevelBpeTokenizer::leading_bos() const {
  return vocabulary_.add_bos ? vocabulary_.bos : std::nullopt;
}

std::vector<TokenId> ByteLevelBpeTokenizer::encode(std::string_view text) const {
  std::vector<TokenId> ids;
  Words words(*this, ids);
  for (const TextFragment& fragment : user_defined_.split(text)) {
    if (fragment.id >= 0) {
      ids.push_back(fragment.id);
      continue;
    }
    for (const std::string_view word : splitter_.split(fragment.text)) words.append(word);
  }
  return ids;
}

std::string ByteLevelBpeTokenizer::decode(std::span<const TokenId> ids) const {
  std::string text;
  for (const TokenId id : ids) {
    vocabulary_.check_id(id);
    text += bytes_of_token_[static_cast<std::size_t>(id)];
  }
  return text;
}

}  // namespace quantbench
