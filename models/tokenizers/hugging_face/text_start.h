// Which token Hugging Face files put before a text.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "models/tokenizers/tokenizer.h"

namespace quantbench {

/// What tokenizer_config.json and special_tokens_map.json say about special tokens.
struct SpecialTokenNames {
  std::optional<bool> adds_bos = {};    // add_bos_token
  std::optional<std::string> bos = {};  // bos_token
  std::optional<std::string> eos = {}, unknown = {}, padding = {};
};

/// `config` (tokenizer_config.json) goes before `map` (special_tokens_map.json); either may be null. A token is a string or an
/// object with `content`. Throws Error naming file and member.
SpecialTokenNames read_special_tokens(const nlohmann::json& config, const std::string& config_place,
                                      const nlohmann::json& map, const std::string& map_place);

/// The id of the special token that a `post_processor` puts before a single text, or none. Known types: Sequence, ByteLevel (changes no
/// ids), TemplateProcessing. What it puts behind a text (EOS) is left out: a stream of tokens is scored, not one sentence.
/// Throws Error naming the place for another type, and for more than one token before the text.
std::optional<TokenId> leading_token_of(const nlohmann::json& post_processor, const std::string& place);

}  // namespace quantbench
