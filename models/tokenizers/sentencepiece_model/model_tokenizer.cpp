#include "models/tokenizers/sentencepiece_model/model_tokenizer.h"

#include <algorithm>
#include <bit>

#include "core/error.h"
#include "core/utf8.h"
#include "models/tokenizers/piece_text.h"

namespace quantbench {
namespace {

std::optional<TokenId> id_or_none(std::int64_t id) {
  return id < 0 ? std::nullopt : std::optional(static_cast<TokenId>(id));
}

Vocabulary vocabulary_of(const SentencePieceModelFile& model, const SpecialTokenNames& names) {
  Vocabulary vocabulary;
  vocabulary.file = model.file;
  vocabulary.tokens = model.pieces;
  vocabulary.types = model.types;
  vocabulary.unknown = id_or_none(model.unknown_id);
  vocabulary.bos = id_or_none(model.bos_id);
  if (names.bos) {
    const auto found = std::ranges::find(model.pieces, *names.bos);
    if (found != model.pieces.end()) vocabulary.bos = static_cast<TokenId>(found - model.pieces.begin());
  }
  vocabulary.add_bos = names.adds_bos.value_or(vocabulary.bos.has_value());
  if (vocabulary.add_bos && !vocabulary.bos) fail("{}: texts are to start with BOS, but no piece is BOS", model.file);
  return vocabulary;
}

PieceUse use_of(TokenType type) {
  if (type == TokenType::normal) return PieceUse::normal;
  return type == TokenType::user_defined ? PieceUse::user_defined : PieceUse::never;
}

std::unique_ptr<const Unigram> make_unigram(const SentencePieceModelFile& model, const Vocabulary& vocabulary) {
  UnigramParts parts;
  parts.file = model.file;
  parts.pieces = model.pieces;
  parts.scores.assign(model.scores.begin(), model.scores.end());
  for (const TokenType type : model.types) parts.uses.push_back(use_of(type));
  parts.unknown = vocabulary.unknown;
  parts.id_of_byte.fill(-1);
  if (model.byte_fallback) parts.id_of_byte = byte_tokens(vocabulary);
  return std::make_unique<const Unigram>(std::move(parts));
}

std::unique_ptr<const ScoredBpe> make_bpe(const SentencePieceModelFile& model, const Vocabulary& vocabulary) {
  const auto unused = std::ranges::find(model.types, TokenType::unused);
  if (unused != model.types.end())
    fail("{}: piece {} is of type unused, which is not supported in BPE models", model.file,
         printable(model.pieces[static_cast<std::size_t>(unused - model.types.begin())]));
  return std::make_unique<const ScoredBpe>(vocabulary, model.scores, true);
}

}  // namespace

SentencePieceModelTokenizer::SentencePieceModelTokenizer(const SentencePieceModelFile& model,
                                                         const SpecialTokenNames& names)
    : vocabulary_(vocabulary_of(model, names)),
      user_defined_(vocabulary_),
      normalizer_(model, user_defined_),
      adds_prefix_(model.add_dummy_prefix) {
  if (model.algorithm == SentencePieceAlgorithm::bpe) {
    bpe_ = make_bpe(model, vocabulary_);
  } else {
    unigram_ = make_unigram(model, vocabulary_);
  }
  sha256_ = hash(model);
}

std::vector<TokenId> SentencePieceModelTokenizer::encode(std::string_view text) const {
  std::vector<TokenId> ids;
  const std::string normalized = normalizer_(text);
  if (unigram_) {
    unigram_->append_ids(normalized, ids);
    return ids;
  }
  for (const TextFragment& fragment : user_defined_.split(normalized)) {
    if (fragment.id >= 0) {
      ids.push_back(fragment.id);
    } else {
      bpe_->append_ids(fragment.text, ids);
    }
  }
  return ids;
}

std::string SentencePieceModelTokenizer::decode(std::span<const TokenId> ids) const {
  return decode_pieces(vocabulary_, ids, adds_prefix_ ? SpacePrefix::of_text : SpacePrefix::none);
}

std::string SentencePieceModelTokenizer::kind() const {
  return bpe_ ? "tokenizer.model/bpe" : "tokenizer.model/unigram";
}

std::string SentencePieceModelTokenizer::hash(const SentencePieceModelFile& model) const {
  VocabularyHash hash(vocabulary_, kind());
  for (const float score : model.scores) hash.add(std::bit_cast<std::uint32_t>(score));
  hash.add(model.character_map);
  hash.add((model.add_dummy_prefix ? 1u : 0u) | (model.remove_extra_whitespaces ? 2u : 0u) |
           (model.byte_fallback ? 4u : 0u));
  return hash.hex();
}

}  // namespace quantbench
