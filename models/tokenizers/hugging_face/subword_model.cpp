#include "models/tokenizers/hugging_face/subword_model.h"

#include <array>

#include "core/suggest.h"
#include "models/tokenizers/hugging_face/bpe_model.h"
#include "models/tokenizers/hugging_face/unigram_model.h"

namespace quantbench {

std::unique_ptr<const SubwordModel> read_subword_model(const JsonObject& model, const std::vector<TokenId>& special) {
  // Files of old versions do not say the type; only BPE has merges.
  const std::string type = model.text_if_any("type").value_or(model.contains("merges") ? "BPE" : "");
  if (type == "BPE") return std::make_unique<const BpeModel>(model);
  if (type == "Unigram") return std::make_unique<const UnigramModel>(model, special);
  if (type.empty()) model.fail_at("type", "is missing");
  const std::vector<std::string> known = {"BPE", "Unigram"};
  model.fail_at("type", "unknown model '{}'{}", type, suggestion(type, known));
}

void add_to_hash(Sha256& hash, std::string_view text) {
  add_to_hash(hash, text.size());
  hash.update(text);
}

void add_to_hash(Sha256& hash, std::uint64_t number) {
  std::array<std::byte, 8> little_endian;
  for (std::size_t index = 0; index < 8; ++index) little_endian[index] = static_cast<std::byte>(number >> (8 * index));
  hash.update(little_endian);
}

}  // namespace quantbench
