#include "models/tokenizers/sentencepiece.h"

#include <bit>
#include <cmath>

#include "core/error.h"
#include "models/tokenizers/piece_text.h"
#include "models/tokenizers/unicode_text.h"

namespace quantbench {
namespace {

const std::string space_mark = "\xE2\x96\x81";  // U+2581
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

std::string hash(const Vocabulary& vocabulary, const std::vector<float>& scores, bool add_space_prefix) {
  VocabularyHash hash(vocabulary, "llama");
  for (const float score : scores) hash.add(std::bit_cast<std::uint32_t>(score));
  hash.add(add_space_prefix ? 1 : 0);
  return hash.hex();
}

}  // namespace

SentencePieceTokenizer::SentencePieceTokenizer(const Metadata& metadata)
    : vocabulary_(read_typed_vocabulary(metadata)),
      add_space_prefix_(!metadata.contains(prefix_key) || metadata.boolean(prefix_key)),
      user_defined_(vocabulary_),
      merges_(vocabulary_, read_scores(metadata, vocabulary_.tokens.size()), false),
      sha256_(hash(vocabulary_, merges_.scores(), add_space_prefix_)) {}

std::optional<TokenId> SentencePieceTokenizer::leading_bos() const {
  return vocabulary_.add_bos ? vocabulary_.bos : std::nullopt;
}

std::vector<TokenId> SentencePieceTokenizer::encode(std::string_view text) const {
  std::vector<TokenId> ids;
  for (const TextFragment& fragment : user_defined_.split(text)) {
    if (fragment.id >= 0) {
      ids.push_back(fragment.id);
    } else {
      merges_.append_ids((add_space_prefix_ ? space_mark : "") + with_replacement(fragment.text, " ", space_mark), ids);
    }
  }
  return ids;
}

std::string SentencePieceTokenizer::decode(std::span<const TokenId> ids) const {
  return decode_pieces(vocabulary_, ids, add_space_prefix_ ? SpacePrefix::of_each_stretch : SpacePrefix::none);
}

}  // namespace quantbench
