// Any bytes as a tokenizer.model must give a tokenizer or an Error, and a tokenizer must encode any text or throw Error.
#include "core/error.h"
#include "models/tokenizers/sentencepiece_model/model_tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace quantbench;
  try {
    const SentencePieceModelTokenizer tokenizer(
        parse_sentencepiece_model(std::as_bytes(std::span(data, size)), "fuzz.model"), {});
    for (const TokenId id : tokenizer.encode(" the caf\xC3\xA9\xFF  <s>\n\xEF\xBC\xA1 a"))
      if (id < 0 || static_cast<std::size_t>(id) >= tokenizer.vocabulary_size()) __builtin_trap();
  } catch (const Error&) {
  }
  return 0;
}
