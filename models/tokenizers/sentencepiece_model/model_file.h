// tokenizer.model: the file of a SentencePiece model, a protocol buffer.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "models/tokenizers/vocabulary.h"

namespace quantbench {

enum class SentencePieceAlgorithm { unigram = 1, bpe = 2 };

/// What determines ids: the pieces, and a few members of TrainerSpec and NormalizerSpec (sentencepiece_model.proto), with the
/// defaults of that file.
struct SentencePieceModelFile {
  std::string file;                 // for messages
  std::vector<std::string> pieces;  // by id
  std::vector<float> scores;
  std::vector<TokenType> types;
  SentencePieceAlgorithm algorithm = SentencePieceAlgorithm::unigram;
  bool byte_fallback = false;
  std::int64_t unknown_id = 0, bos_id = 1, eos_id = 2, padding_id = -1;  // -1: none
  std::string character_map;                                             // precompiled_charsmap; empty: none
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
};

/// Throws Error naming file and byte: for fields that are cut off or of another wire type than the schema says, for no pieces,
/// a piece that is empty or not UTF-8 or that another has, a type outside 1 to 6, a score that is not finite, algorithms other
/// than BPE and unigram, and settings that are not supported (spaces that are not escaped or end words).
SentencePieceModelFile parse_sentencepiece_model(std::span<const std::byte> bytes, const std::string& file);

}  // namespace quantbench
