// vocab.json and merges.txt: how GPT-2's tokenizer was published before tokenizer.json.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace quantbench {

struct VocabularyAndMerges {
  nlohmann::json vocabulary;  // vocab.json
  std::string merges;         // merges.txt: a line "#version: ..." and lines "a b", by rank
  std::string merges_file;    // for messages
  nlohmann::json config;      // tokenizer_config.json, or null
  std::string config_file;
  nlohmann::json added;  // added_tokens.json ({token: id}), or null
};

/// The tokenizer.json that says the same: byte-level words as in GPT-2; added tokens as added_tokens_decoder of the config
/// says, else those of added_tokens.json as plain tokens. Throws Error for a line that is no pair, and for a tokenizer_class
/// that is not GPT-2's.
nlohmann::json document_of(const VocabularyAndMerges& files);

}  // namespace quantbench
