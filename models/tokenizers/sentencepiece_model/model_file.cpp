#include "models/tokenizers/sentencepiece_model/model_file.h"

#include <cmath>
#include <unordered_set>

#include "core/checked.h"
#include "core/error.h"
#include "core/utf8.h"
#include "models/tokenizers/sentencepiece_model/protocol_buffer.h"

namespace quantbench {
namespace {

using Field = ProtocolBufferField;
using Message = std::span<const std::byte>;

void read_piece(Message message, SentencePieceModelFile& model) {
  ProtocolBufferReader reader(message, fmt::format("{}: piece {}", model.file, model.pieces.size()));
  std::string piece;
  float score = 0;
  auto type = TokenType::normal;
  while (!reader.at_end()) {
    const Field field = reader.next();
    if (field.number == 1) {
      piece = reader.text(field);
      if (!is_utf8(piece)) reader.fail_at(field, "a piece that is not UTF-8");
    } else if (field.number == 2) {
      score = reader.real(field);
      if (!std::isfinite(score)) reader.fail_at(field, "the score is {}, expected a finite number", score);
    } else if (field.number == 3) {
      const std::uint64_t number = reader.integer(field);
      if (number < 1 || number > 6) reader.fail_at(field, "the type is {}, expected 1 to 6", number);
      type = static_cast<TokenType>(number);
    }
  }
  if (piece.empty()) fail("{}: piece {} is empty", model.file, model.pieces.size());
  model.pieces.push_back(std::move(piece));
  model.scores.push_back(score);
  model.types.push_back(type);
}

SentencePieceAlgorithm algorithm_of(const ProtocolBufferReader& reader, const Field& field) {
  const std::uint64_t type = reader.integer(field);
  if (type != 1 && type != 2)
    reader.fail_at(field, "model type {}{}, expected 1 (unigram) or 2 (BPE)", type,
                   type == 3   ? " (words)"
                   : type == 4 ? " (characters)"
                               : "");
  return static_cast<SentencePieceAlgorithm>(type);
}

/// Negative numbers are 64 bits wide on the wire whatever the type of the field.
std::int64_t special_id(const ProtocolBufferReader& reader, const Field& field) {
  const auto id = static_cast<std::int64_t>(reader.integer(field));
  return id < 0 ? -1 : id;
}

void read_trainer_spec(Message message, SentencePieceModelFile& model) {
  ProtocolBufferReader reader(message, model.file + ": trainer_spec");
  while (!reader.at_end()) {
    const Field field = reader.next();
    switch (field.number) {
      case 3:
        model.algorithm = algorithm_of(reader, field);
        break;
      case 24:
        if (reader.integer(field) != 0) reader.fail_at(field, "treat_whitespace_as_suffix is not supported");
        break;
      case 35:
        model.byte_fallback = reader.integer(field) != 0;
        break;
      case 40:
        model.unknown_id = special_id(reader, field);
        break;
      case 41:
        model.bos_id = special_id(reader, field);
        break;
      case 42:
        model.eos_id = special_id(reader, field);
        break;
      case 43:
        model.padding_id = special_id(reader, field);
        break;
      default:  // how it was trained
        break;
    }
  }
}

void read_normalizer_spec(Message message, SentencePieceModelFile& model) {
  ProtocolBufferReader reader(message, model.file + ": normalizer_spec");
  while (!reader.at_end()) {
    const Field field = reader.next();
    switch (field.number) {
      case 2:
        model.character_map = reader.text(field);
        break;
      case 3:
        model.add_dummy_prefix = reader.integer(field) != 0;
        break;
      case 4:
        model.remove_extra_whitespaces = reader.integer(field) != 0;
        break;
      case 5:
        if (reader.integer(field) == 0) reader.fail_at(field, "escape_whitespaces = false is not supported");
        break;
      default:  // its name, and the rules that character_map was compiled from
        break;
    }
  }
}

void check(const SentencePieceModelFile& model) {
  if (model.pieces.empty()) fail("{}: no pieces: not a SentencePiece model", model.file);
  checked_cast<TokenId>(model.pieces.size(), "vocabulary size");
  std::unordered_set<std::string_view> seen;
  for (std::size_t index = 0; index < model.pieces.size(); ++index) {
    if (!seen.insert(model.pieces[index]).second)
      fail("{}: piece {} is {}, which an earlier piece is, too", model.file, index, printable(model.pieces[index]));
  }
  for (const std::int64_t id : {model.unknown_id, model.bos_id, model.eos_id, model.padding_id}) {
    if (id >= static_cast<std::int64_t>(model.pieces.size()))
      fail("{}: a special id is {}, but there are {} pieces", model.file, id, model.pieces.size());
  }
}

}  // namespace

SentencePieceModelFile parse_sentencepiece_model(std::span<const std::byte> bytes, const std::string& file) {
  SentencePieceModelFile model;
  model.file = file;
  ProtocolBufferReader reader(bytes, file);
  while (!reader.at_end()) {
    const Field field = reader.next();
    if (field.number == 1) {
      read_piece(reader.bytes(field), model);
    } else if (field.number == 2) {
      read_trainer_spec(reader.bytes(field), model);
    } else if (field.number == 3) {
      read_normalizer_spec(reader.bytes(field), model);
    }
  }
  check(model);
  return model;
}

}  // namespace quantbench
