// BPE of SentencePiece: merges by score.
#include <algorithm>
#include <limits>
#include <unordered_map>

#include "core/utf8.h"
#include "models/tokenizers/hugging_face/gguf_keys.h"

namespace quantbench {
namespace {

using nlohmann::json;

constexpr std::string_view space_mark = "\xE2\x96\x81";  // U+2581

bool is_space_replacement(const json& step) {
  return step.at("type") == "Replace" && step.at("pattern") == json{{"String", " "}} &&
         step.at("content") == space_mark;
}

bool is_prefix(const json& step) { return step.at("type") == "Prepend" && step.at("prepend") == space_mark; }

/// Whether the pipeline puts a space before each stretch of text. Throws Error unless all that it does besides is to write
/// spaces as U+2581.
bool puts_space_in_front(const json& normalizer, const json& pre_tokenizer) {
  bool prefix = false;
  bool replaces = false;
  std::vector<json> steps;
  if (!normalizer.is_null() && normalizer.at("type") == "Sequence") {
    steps = normalizer.at("normalizers").get<std::vector<json>>();
  } else if (!normalizer.is_null()) {
    steps = {normalizer};
  }
  for (const json& step : steps) {
    if (!is_space_replacement(step) && !is_prefix(step))
      fail("GGUF has no key for its normalizer ({})", step.at("type").get<std::string>());
    prefix = prefix || is_prefix(step);
    replaces = replaces || is_space_replacement(step);
  }
  if (pre_tokenizer.is_null() && replaces) return prefix;
  // Without a space left to split at, this step does nothing.
  const bool splits_at_spaces =
      replaces && pre_tokenizer.at("type") == "Split" && pre_tokenizer.at("pattern") == json{{"String", " "}};
  if (splits_at_spaces) return prefix;
  const bool is_metaspace = !pre_tokenizer.is_null() && pre_tokenizer.at("type") == "Metaspace" &&
                            pre_tokenizer.at("replacement") == space_mark && !pre_tokenizer.value("split", true);
  if (!is_metaspace || !steps.empty()) fail("its pipeline is not that of SentencePiece");
  if (pre_tokenizer.value("prepend_scheme", "always") == "never") return false;
  return pre_tokenizer.value("add_prefix_space", true);
}

bool starts_only_the_text(const json& pre_tokenizer) {
  return !pre_tokenizer.is_null() && pre_tokenizer.value("prepend_scheme", "") == "first";
}

/// The first merge that makes a token has the highest score; tokens that nothing makes are never merged into, whatever
/// their score.
std::vector<float> scores_by_rank(const json& model, const std::vector<std::string>& tokens) {
  std::unordered_map<std::string, std::size_t> rank_of;
  std::size_t rank = 0;
  for (const json& merge : model.at("merges")) {
    std::string result;
    if (merge.is_string()) {
      result = merge.get<std::string>();
      result.erase(result.find(' '), 1);
    } else {
      result = merge[0].get<std::string>() + merge[1].get<std::string>();
    }
    rank_of.emplace(std::move(result), rank++);
  }
  if (rank > std::size_t{1} << std::numeric_limits<float>::digits)
    fail("{} merges, whose ranks f32 cannot tell apart", rank);
  std::vector<float> scores;
  for (const std::string& token : tokens) {
    const auto found = rank_of.find(token);
    scores.push_back(-static_cast<float>(found == rank_of.end() ? rank : found->second));
  }
  return scores;
}

std::vector<float> scores_of_model(const SentencePieceModelFile& model, const std::vector<std::string>& tokens) {
  std::unordered_map<std::string_view, float> score_of;
  for (std::size_t index = 0; index < model.pieces.size(); ++index)
    score_of.emplace(model.pieces[index], model.scores[index]);
  std::vector<float> scores;
  for (const std::string& token : tokens) {
    const auto found = score_of.find(token);
    scores.push_back(found == score_of.end() ? 0 : found->second);
  }
  return scores;
}

void mark_bytes_and_unknown(GgufKeys& keys, const json& model) {
  for (std::size_t index = 0; index < keys.tokens.size(); ++index) {
    const bool is_byte = model.value("byte_fallback", false) && byte_of_token(keys.tokens[index]).has_value();
    if (is_byte && keys.types[index] == TokenType::normal) keys.types[index] = TokenType::byte;
    if (model.contains("unk_token") && model.at("unk_token") == keys.tokens[index]) {
      keys.types[index] = TokenType::unknown;
      keys.unknown = static_cast<TokenId>(index);
    }
  }
}

bool has_user_defined(const GgufKeys& keys) { return std::ranges::count(keys.types, TokenType::user_defined) > 0; }

}  // namespace

GgufKeys gguf_keys_of_sentencepiece(const HuggingFaceParts& parts, const std::optional<SentencePieceModelFile>& model) {
  const json& bpe = parts.document.at("model");
  const json pre_tokenizer = parts.document.value("pre_tokenizer", json());
  if (bpe.value("ignore_merges", false)) fail("GGUF has no key for ignore_merges in BPE by scores");
  GgufKeys keys;
  keys.model = "llama";
  keys.add_space_prefix = puts_space_in_front(parts.document.value("normalizer", json()), pre_tokenizer);
  set_tokens(keys, parts);
  mark_bytes_and_unknown(keys, bpe);
  keys.scores = model ? scores_of_model(*model, keys.tokens) : scores_by_rank(bpe, keys.tokens);
  if (starts_only_the_text(pre_tokenizer) && has_user_defined(keys))
    fail("only the start of a text gets a space; GGUF puts one behind added tokens, too");
  pad_tokens(keys, parts.rows);
  set_special_ids(keys, parts.names, parts.leading_bos);
  return keys;
}

GgufKeys gguf_keys_of_model_file(const SentencePieceModelFile& model, const SpecialTokenNames& names,
                                 std::size_t rows) {
  if (model.algorithm != SentencePieceAlgorithm::bpe) fail("a unigram model, for which only files of T5 have keys");
  if (!model.character_map.empty() || model.remove_extra_whitespaces)
    fail("GGUF has no keys for the normalization of its tokenizer.model");
  GgufKeys keys;
  keys.model = "llama";
  keys.tokens = model.pieces;
  keys.types = model.types;
  keys.scores = model.scores;
  keys.add_space_prefix = model.add_dummy_prefix;
  if (model.add_dummy_prefix && has_user_defined(keys))
    fail("only the start of a text gets a space; GGUF puts one behind user-defined pieces, too");
  pad_tokens(keys, rows);
  const auto id = [](std::int64_t number) {
    return number < 0 ? std::nullopt : std::optional(static_cast<TokenId>(number));
  };
  keys.unknown = id(model.unknown_id);
  set_special_ids(keys, names, std::nullopt);
  if (!keys.bos) keys.bos = id(model.bos_id);
  if (!keys.eos) keys.eos = id(model.eos_id);
  keys.add_bos = names.adds_bos.value_or(keys.bos.has_value());
  return keys;
}

}  // namespace quantbench
