#include "models/tokenizers/hugging_face/gguf_tokenizer.h"

#include "models/tokenizers/hugging_face/gguf_keys.h"
#include "models/tokenizers/hugging_face/tokenizer_directory.h"
#include "models/tokenizers/tokenizer.h"

namespace quantbench {
namespace {

using Entries = std::vector<std::pair<std::string, MetadataValue>>;

// Words, contractions, numbers, code, white space, several scripts and symbols, all of it in the form NFC.
constexpr std::string_view probe =
    "Hello, world! I've  DON'T\n\n  we'll   12 345 67890 3.14 1,000\tx\r\n\r\ny\n"
    "def f(x):\n    return x**2  # ok\n\n\n caf\u00e9 na\u00efve \u00dcber \u4e2d\u6587\u5206\u8bcd\u3002 "
    "\u65e5\u672c\u8a9e\u306e\u30c6\u30ad\u30b9\u30c8 \ud55c\uad6d\uc5b4 \u0440\u0443\u0441\u0441\u043a\u0438\u0439 "
    "\u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u0939\u093f\u0928\u094d\u0926\u0940 \u0e44\u0e17\u0e22 "
    "\U0001F600\U0001F44D "
    "a_b camelCase ALLCAPS ... --- !!! $10 \u20ac5 \u201cq\u201d \u2026 https://a.org/b?c=d&e <s> </s>   trailing  ";

Entries entries_of(const GgufKeys& keys) {
  Entries entries;
  const auto set = [&](const char* key, MetadataValue value) {
    entries.emplace_back(std::string("tokenizer.ggml.") + key, std::move(value));
  };
  const auto set_id = [&](const char* key, const std::optional<TokenId>& id) {
    if (id) set(key, MetadataScalar(static_cast<std::uint32_t>(*id)));
  };
  set("model", MetadataScalar(keys.model));
  if (!keys.pre.empty()) set("pre", MetadataScalar(keys.pre));
  set("tokens", MetadataArray(keys.tokens));
  std::vector<std::int32_t> types;
  for (const TokenType type : keys.types) types.push_back(static_cast<std::int32_t>(type));
  set("token_type", MetadataArray(std::move(types)));
  if (keys.model == "llama") set("scores", MetadataArray(keys.scores));
  if (keys.model == "gpt2") set("merges", MetadataArray(keys.merges));
  if (keys.add_space_prefix) set("add_space_prefix", MetadataScalar(*keys.add_space_prefix));
  set("add_bos_token", MetadataScalar(keys.add_bos));
  set_id("bos_token_id", keys.bos);
  set_id("eos_token_id", keys.eos);
  set_id("unknown_token_id", keys.unknown);
  set_id("padding_token_id", keys.padding);
  return entries;
}

/// Throws Error when the keys, read back, do not give the ids of the files.
void check_same_ids(const Tokenizer& original, const Entries& entries) {
  Metadata metadata("the GGUF keys made of the tokenizer");
  for (const auto& [key, value] : entries) metadata.set(key, value);
  const auto made = load_tokenizer(metadata);
  if (made->leading_bos() != original.leading_bos()) fail("texts would start otherwise");
  for (std::size_t begin = 0; begin < probe.size(); begin = std::min(probe.size(), probe.find(' ', begin + 1))) {
    const std::string_view text = probe.substr(begin);
    if (made->encode(text) != original.encode(text)) fail("the ids of a text for checking would differ");
  }
}

GgufKeys keys_of(const TokenizerDirectoryFiles& files, const Tokenizer& original, std::size_t rows) {
  if (files.document.is_null()) return gguf_keys_of_model_file(*files.model, files.names, rows);
  const HuggingFaceParts parts{files.document, files.document_file, files.names, original.leading_bos(), rows};
  const std::string kind = original.kind();
  if (kind == "tokenizer.json/byte-level-bpe") return gguf_keys_of_byte_level(parts);
  if (kind == "tokenizer.json/bpe") return gguf_keys_of_sentencepiece(parts, files.model);
  fail("a unigram model, for which only files of T5 have keys");
}

}  // namespace

GgufTokenizer gguf_tokenizer(const std::filesystem::path& directory, std::size_t rows) {
  const TokenizerDirectoryFiles files = read_tokenizer_files(directory);
  const auto original = make_tokenizer(files);
  try {
    const GgufKeys keys = keys_of(files, *original, rows);
    GgufTokenizer made{entries_of(keys), keys.note};
    check_same_ids(*original, made.entries);
    return made;
  } catch (const Error& error) {
    return {{}, fmt::format("the GGUF file gets no tokenizer: {}", error.what())};
  }
}

}  // namespace quantbench
