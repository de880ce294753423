// Byte-level BPE: which of the pre-tokenizers that GGUF has names for it is.
#include <fmt/ranges.h>

#include <algorithm>

#include "models/tokenizers/byte_alphabet.h"
#include "models/tokenizers/hugging_face/gguf_keys.h"
#include "models/tokenizers/oniguruma.h"
#include "models/tokenizers/pre_tokenizers.h"
#include "models/tokenizers/unicode_text.h"

namespace quantbench {
namespace {

using nlohmann::json;

std::string gpt2_expression() { return std::string(pre_tokenizer("gpt-2").expressions.front()); }

void append_expressions(const json& step, std::vector<std::string>& expressions) {
  const std::string type = step.at("type").get<std::string>();
  if (type == "Sequence") {
    for (const json& inner : step.at("pretokenizers")) append_expressions(inner, expressions);
  } else if (type == "ByteLevel") {
    if (step.value("add_prefix_space", true)) fail("it puts a space before texts, for which byte-level BPE has no key");
    if (step.value("use_regex", true)) expressions.push_back(gpt2_expression());
  } else if (type == "Digits" && step.value("individual_digits", false)) {
    expressions.emplace_back(R"(\p{N})");
  } else if (type == "Split" && step.at("behavior") == "Isolated" && !step.value("invert", false) &&
             step.at("pattern").contains("Regex")) {
    expressions.push_back(pcre2_of_oniguruma(step.at("pattern").at("Regex").get<std::string>()));
  } else {
    fail("its pre-tokenizer has a step {} that no known name stands for", type);
  }
}

/// \x{HHHH} as the character itself: the table is written with the former where the latter would be hard to read.
std::string without_numbers(std::string_view expression) {
  std::string out;
  while (!expression.empty()) {
    const std::size_t end = expression.starts_with("\\x{") ? expression.find('}') : std::string_view::npos;
    if (end == std::string_view::npos) {
      out.push_back(expression.front());
      expression.remove_prefix(1);
      continue;
    }
    append_code_point(out,
                      static_cast<std::int32_t>(std::stol(std::string(expression.substr(3, end - 3)), nullptr, 16)));
    expression.remove_prefix(end + 1);
  }
  return out;
}

std::string name_of(const std::vector<std::string>& expressions, bool whole_words_first) {
  for (const std::string& name : pre_tokenizer_names()) {
    const PreTokenizer& known = pre_tokenizer(name);
    if (known.whole_words_first != whole_words_first || known.names.front() != name) continue;
    if (std::ranges::equal(expressions, known.expressions, {}, without_numbers, without_numbers)) return name;
  }
  fail("its pre-tokenizer ({}{}) has no known name", fmt::join(expressions, "; then "),
       whole_words_first ? ", ignore_merges" : "");
}

std::vector<std::string> merges_of(const json& model) {
  std::vector<std::string> merges;
  for (const json& merge : model.at("merges")) {
    merges.push_back(merge.is_string() ? merge.get<std::string>()
                                       : merge[0].get<std::string>() + " " + merge[1].get<std::string>());
  }
  return merges;
}

/// Normalization has no key; readers of GGUF files do without it.
std::string note_on_normalizer(const json& normalizer) {
  if (normalizer.is_null()) return "";
  if (normalizer.at("type") == "NFC")
    return "GGUF has no key for the normalizer NFC: texts that are not in this form get other ids from the GGUF file";
  fail("GGUF has no key for its normalizer ({})", normalizer.at("type").get<std::string>());
}

}  // namespace

GgufKeys gguf_keys_of_byte_level(const HuggingFaceParts& parts) {
  const json& model = parts.document.at("model");
  GgufKeys keys;
  keys.model = "gpt2";
  std::vector<std::string> expressions;
  append_expressions(parts.document.at("pre_tokenizer"), expressions);
  keys.pre = name_of(expressions, model.value("ignore_merges", false));
  keys.note = note_on_normalizer(parts.document.value("normalizer", json()));
  keys.merges = merges_of(model);
  set_tokens(keys, parts);
  pad_tokens(keys, parts.rows);
  set_special_ids(keys, parts.names, parts.leading_bos);
  return keys;
}

}  // namespace quantbench
