#include "models/tokenizers/tokenizer.h"

#include "core/error.h"
#include "core/suggest.h"
#include "models/tokenizers/byte_level_bpe.h"
#include "models/tokenizers/hugging_face/tokenizer_directory.h"
#include "models/tokenizers/sentencepiece.h"

namespace quantbench {

std::unique_ptr<const Tokenizer> load_tokenizer(const Metadata& metadata) {
  const std::string model = metadata.text("tokenizer.ggml.model");
  if (model == "llama") return std::make_unique<const SentencePieceTokenizer>(metadata);
  if (model == "gpt2") return std::make_unique<const ByteLevelBpeTokenizer>(metadata);
  const std::vector<std::string> known = {"gpt2", "llama"};
  fail("{}: unknown tokenizer.ggml.model '{}'{}", metadata.file(), model, suggestion(model, known));
}

std::unique_ptr<const Tokenizer> load_tokenizer(const Checkpoint& checkpoint) {
  if (checkpoint.config()) return load_tokenizer_directory(checkpoint.config()->parent_path());
  return load_tokenizer(checkpoint.metadata());
}

}  // namespace quantbench
