// Text of SentencePiece tokens.
#pragma once

#include <span>
#include <string>

#include "models/tokenizers/vocabulary.h"

namespace quantbench {

/// Where an encoder put a space that the text does not have.
enum class SpacePrefix { none, of_text, of_each_stretch };  // stretches lie between user-defined tokens

/// The text of `ids`: U+2581 is a space, byte tokens are bytes, control tokens nothing. Throws Error for an id outside the
/// vocabulary.
std::string decode_pieces(const Vocabulary& vocabulary, std::span<const TokenId> ids, SpacePrefix prefix);

}  // namespace quantbench
