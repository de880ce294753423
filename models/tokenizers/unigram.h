// The unigram language model of SentencePiece: the most probable way to put a text together from pieces.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/tokenizers/piece_index.h"

namespace quantbench {

enum class PieceUse { normal, user_defined, never };

/// Where two libraries that read the same models differ. SentencePiece rounds sums of scores to f32 after each piece, and takes
/// the least score of normal pieces; the Hugging Face library keeps f64, and looks at all pieces.
enum class UnigramStyle { sentencepiece, hugging_face };

struct UnigramParts {
  std::string file;                 // for messages
  std::vector<std::string> pieces;  // by id
  std::vector<double> scores;       // log-probabilities
  std::vector<PieceUse> uses;
  std::optional<TokenId> unknown;
  std::array<TokenId, 256> id_of_byte;  // where characters fall back to bytes; else all -1
  UnigramStyle style = UnigramStyle::sentencepiece;
};

/// Viterbi's search from left to right; of two ways of one score the one found first counts. A character that is no piece
/// costs 10 more than the least probable piece; runs of such characters are one unknown token or, where all their bytes have
/// tokens, those. User-defined pieces have scores above 0, so that no other way to spell them is better (the figures of
/// SentencePiece 0.2.3). Method: Kudo, "Subword
/// Regularization" (2018).
class Unigram {
 public:
  /// Throws Error when a score is not finite, lengths differ, or no piece is normal.
  explicit Unigram(UnigramParts parts);
  Unigram(const Unigram&) = delete;  // the index refers to the pieces
  Unigram& operator=(const Unigram&) = delete;

  /// Throws Error when the text has a character that is no piece and there is no unknown token.
  void append_ids(std::string_view text, std::vector<TokenId>& ids) const;
  const UnigramParts& parts() const { return parts_; }

 private:
  struct Step {
    double score = 0;
    std::ptrdiff_t begin = -1;  // of the piece that ends here; -1: no way leads here
    TokenId id = -1;            // -1: unknown
  };

  void find_extremes();
  std::vector<Step> best_steps(std::string_view text) const;
  void offer(Step& end, double score, std::ptrdiff_t begin, TokenId id) const;
  void append_unknown(std::string_view characters, std::vector<TokenId>& ids) const;
  double score_of(TokenId id, std::size_t length) const;

  UnigramParts parts_;
  PieceIndex index_;
  double unknown_score_ = 0;
};

}  // namespace quantbench
