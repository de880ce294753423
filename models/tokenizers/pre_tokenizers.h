// The pre-tokenizers that `tokenizer.ggml.pre` names: how a byte-level vocabulary splits text into words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace quantbench {

/// One way of splitting, and the names that files give it.
struct PreTokenizer {
  std::vector<std::string_view> names;
  /// For TextSplitter. They are the expressions that the models' publishers give in tokenizer.json; where an inference
  /// runtime approximates one for want of a Unicode class, the publisher's is used.
  std::vector<std::string_view> expressions;
  /// A word that is a token as a whole is that token, whatever the merges would make of it ("ignore_merges").
  bool whole_words_first = false;
  /// Texts start with BOS unless add_bos_token says otherwise.
  bool adds_bos = false;
};

/// Throws Error with all known names: an unknown name must not mean a default, since ids would be plausible and wrong.
const PreTokenizer& pre_tokenizer(std::string_view name);

/// Sorted.
std::vector<std::string> pre_tokenizer_names();

}  // namespace quantbench
