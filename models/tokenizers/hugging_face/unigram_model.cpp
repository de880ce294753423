#include "models/tokenizers/hugging_face/unigram_model.h"

#include <fmt/format.h>

#include <bit>

#include "core/checked.h"
#include "core/utf8.h"
#include "models/tokenizers/vocabulary.h"

namespace quantbench {
namespace {

void read_pieces(const JsonObject& model, UnigramParts& parts) {
  const nlohmann::json& vocabulary = model.list("vocab");
  checked_cast<TokenId>(vocabulary.size(), "vocabulary size");
  for (const nlohmann::json& entry : vocabulary) {
    const bool is_pair = entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_number();
    if (!is_pair)
      fail("{}[{}]: found {}, expected [\"piece\", score]", model.place_of("vocab"), parts.pieces.size(),
           printable(entry.dump()));
    parts.pieces.push_back(entry[0].get<std::string>());
    parts.scores.push_back(entry[1].get<double>());
  }
  parts.uses.assign(parts.pieces.size(), PieceUse::normal);
}

UnigramParts read_parts(const JsonObject& model, const std::vector<TokenId>& special) {
  model.check_keys({"type", "unk_id", "vocab", "byte_fallback"});
  UnigramParts parts;
  parts.file = model.place();
  parts.style = UnigramStyle::hugging_face;
  read_pieces(model, parts);
  if (model.contains("unk_id")) {
    parts.unknown = token_id_of_json(model.at("unk_id"), model.place_of("unk_id"));
    if (static_cast<std::size_t>(*parts.unknown) >= parts.pieces.size())
      model.fail_at("unk_id", "is {}, but there are {} pieces", *parts.unknown, parts.pieces.size());
  }
  for (const TokenId id : special) {
    if (static_cast<std::size_t>(id) < parts.uses.size()) parts.uses[static_cast<std::size_t>(id)] = PieceUse::never;
  }
  parts.id_of_byte.fill(-1);
  if (!model.boolean("byte_fallback", false)) return parts;
  for (std::size_t index = 0; index < parts.pieces.size(); ++index) {
    if (const auto byte = byte_of_token(parts.pieces[index])) parts.id_of_byte[*byte] = static_cast<TokenId>(index);
  }
  return parts;
}

}  // namespace

UnigramModel::UnigramModel(const JsonObject& model, const std::vector<TokenId>& special)
    : byte_fallback_(model.boolean("byte_fallback", false)), unigram_(read_parts(model, special)) {}

void UnigramModel::add_to(Sha256& hash) const {
  const UnigramParts& parts = unigram_.parts();
  add_to_hash(hash, parts.pieces.size());
  for (std::size_t index = 0; index < parts.pieces.size(); ++index) {
    add_to_hash(hash, parts.pieces[index]);
    add_to_hash(hash, std::bit_cast<std::uint64_t>(parts.scores[index]));
    add_to_hash(hash, static_cast<std::uint64_t>(parts.uses[index]));
  }
  add_to_hash(hash, parts.unknown ? static_cast<std::uint64_t>(*parts.unknown) : ~std::uint64_t{0});
  add_to_hash(hash, byte_fallback_ ? 1 : 0);
}

}  // namespace quantbench
