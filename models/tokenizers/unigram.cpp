#include "models/tokenizers/unigram.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/utf8.h"
#include "models/tokenizers/utf8.h"

namespace quantbench {
namespace {

constexpr double unknown_penalty = 10.0;
constexpr double user_defined_bonus = 0.1;  // for each byte after the first

double rounded(double score, UnigramStyle style) {
  return style == UnigramStyle::sentencepiece ? static_cast<double>(static_cast<float>(score)) : score;
}

std::vector<PieceIndex::Piece> findable(const UnigramParts& parts) {
  std::vector<PieceIndex::Piece> pieces;
  for (std::size_t index = 0; index < parts.pieces.size(); ++index) {
    if (parts.uses[index] != PieceUse::never) pieces.push_back({parts.pieces[index], static_cast<TokenId>(index)});
  }
  return pieces;
}

UnigramParts checked(UnigramParts parts) {
  if (parts.scores.size() != parts.pieces.size() || parts.uses.size() != parts.pieces.size())
    fail("{}: {} pieces, {} scores", parts.file, parts.pieces.size(), parts.scores.size());
  for (std::size_t index = 0; index < parts.pieces.size(); ++index) {
    if (!std::isfinite(parts.scores[index]))
      fail("{}: the score of piece {} is {}, expected a finite number", parts.file, printable(parts.pieces[index]),
           parts.scores[index]);
  }
  return parts;
}

}  // namespace

Unigram::Unigram(UnigramParts parts) : parts_(checked(std::move(parts))), index_(findable(parts_)) { find_extremes(); }

void Unigram::find_extremes() {
  double lowest = std::numeric_limits<double>::infinity();
  bool any = false;
  for (std::size_t index = 0; index < parts_.pieces.size(); ++index) {
    if (parts_.style == UnigramStyle::sentencepiece && parts_.uses[index] != PieceUse::normal) continue;
    lowest = std::min(lowest, parts_.scores[index]);
    any = true;
  }
  if (!any) fail("{}: no piece that text can be made of", parts_.file);
  unknown_score_ = rounded(lowest - unknown_penalty, parts_.style);
}

double Unigram::score_of(TokenId id, std::size_t length) const {
  const auto index = static_cast<std::size_t>(id);
  if (parts_.uses[index] != PieceUse::user_defined) return parts_.scores[index];
  return user_defined_bonus * static_cast<double>(length - 1);
}

void Unigram::offer(Step& end, double score, std::ptrdiff_t begin, TokenId id) const {
  const double offered = rounded(score, parts_.style);
  if (end.begin < 0 || offered > end.score) end = {offered, begin, id};
}

std::vector<Unigram::Step> Unigram::best_steps(std::string_view text) const {
  std::vector<Step> steps(text.size() + 1);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t character = std::max<std::size_t>(utf8_character_length(text.substr(begin)), 1);
    const double before = steps[begin].score;
    const auto place = static_cast<std::ptrdiff_t>(begin);
    bool is_piece = false;
    index_.prefixes(text.substr(begin), [&](std::size_t length, TokenId id) {
      offer(steps[begin + length], before + score_of(id, length), place, id);
      is_piece = is_piece || length == character;
    });
    if (!is_piece) offer(steps[begin + character], before + unknown_score_, place, -1);
    begin += character;
  }
  return steps;
}

void Unigram::append_ids(std::string_view text, std::vector<TokenId>& ids) const {
  const std::vector<Step> steps = best_steps(text);
  struct Found {
    std::size_t begin, end;
    TokenId id;
  };
  std::vector<Found> found;  // from the end of the text
  for (std::size_t end = text.size(); end > 0;) {
    const auto begin = static_cast<std::size_t>(steps[end].begin);
    const bool goes_on = !found.empty() && found.back().id < 0 && steps[end].id < 0;
    if (goes_on) {
      found.back().begin = begin;
    } else {
      found.push_back({begin, end, steps[end].id});
    }
    end = begin;
  }
  for (auto piece = found.rbegin(); piece != found.rend(); ++piece) {
    if (piece->id >= 0) {
      ids.push_back(piece->id);
    } else {
      append_unknown(text.substr(piece->begin, piece->end - piece->begin), ids);
    }
  }
}

void Unigram::append_unknown(std::string_view characters, std::vector<TokenId>& ids) const {
  const auto id_of = [&](char byte) { return parts_.id_of_byte[static_cast<unsigned char>(byte)]; };
  if (std::ranges::all_of(characters, [&](char byte) { return id_of(byte) >= 0; })) {
    for (const char byte : characters) ids.push_back(id_of(byte));
  } else if (parts_.unknown) {
    ids.push_back(*parts_.unknown);
  } else {
    fail("{}: no piece for {}, and no unknown token", parts_.file, printable(characters));
  }
}

}  // namespace quantbench
