// Any bytes as text, through a small vocabulary of each kind: encoding must not fail and decoding must give them back.
#include <cstdlib>

#include "models/tokenizers/tokenizer.h"
#include "models/tokenizers/tokenizer_test_support.h"

namespace {

using quantbench::Tokenizer;

std::vector<std::unique_ptr<const Tokenizer>> make_tokenizers() {
  using namespace quantbench::tokenizer_test;
  std::vector<std::unique_ptr<const Tokenizer>> tokenizers;
  tokenizers.push_back(quantbench::load_tokenizer(sentencepiece_metadata(
      {{"▁", -9}, {"a", -8}, {"▁a", -1}, {"▁▁", -2}, {"aa", -2}, {"é", -3}, {"aé", -1}, {"<t>", 0, 4}})));
  for (const char* pre_tokenizer : {"default", "gpt-2", "qwen2", "gpt-4o", "deepseek-llm", "kimi-k2", "superbpe"}) {
    tokenizers.push_back(quantbench::load_tokenizer(
        byte_level_metadata({{" ", "a"}, {"a", "a"}, {"\xC3", "\xA9"}, {"\n", "\n"}, {"1", "2"}}, pre_tokenizer)));
  }
  return tokenizers;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<std::unique_ptr<const Tokenizer>> tokenizers = make_tokenizers();
  const std::string text(reinterpret_cast<const char*>(data), size);
  // A literal U+2581 decodes as the space that it marks.
  if (text.find("\xE2\x96\x81") != std::string::npos) return 0;
  for (const auto& tokenizer : tokenizers) {
    if (tokenizer->decode(tokenizer->encode(text)) != text) std::abort();
  }
  return 0;
}
