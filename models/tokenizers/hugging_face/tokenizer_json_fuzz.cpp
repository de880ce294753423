// Any bytes as a tokenizer.json must give a tokenizer or an Error, and a tokenizer must encode any text or throw Error.
#include "core/error.h"
#include "models/checkpoints/strict_json.h"
#include "models/tokenizers/hugging_face/hugging_face_tokenizer.h"
#include "models/tokenizers/hugging_face/vocabulary_and_merges.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace quantbench;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const HuggingFaceTokenizer tokenizer(parse_strict_json(text, "fuzz.json"), "fuzz.json", {});
    for (const TokenId id : tokenizer.encode("I've 12 caf\xC3\xA9\xFF  <s>\n a"))
      if (id < 0 || static_cast<std::size_t>(id) >= tokenizer.vocabulary_size()) __builtin_trap();
  } catch (const Error&) {
  }
  try {
    const VocabularyAndMerges files{.vocabulary = {{"a", 0}, {"b", 1}},
                                    .merges = std::string(text),
                                    .merges_file = "merges.txt",
                                    .config = {},
                                    .config_file = "config.json",
                                    .added = {}};
    HuggingFaceTokenizer(document_of(files), "vocab.json", {});
  } catch (const Error&) {
  }
  return 0;
}
