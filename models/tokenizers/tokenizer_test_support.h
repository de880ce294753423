// Small vocabularies for the tokenizer tests.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "models/checkpoints/checkpoint.h"
#include "models/tokenizers/byte_alphabet.h"

namespace quantbench::tokenizer_test {

struct Piece {
  std::string text;
  float score = 0;
  std::int32_t type = 1;
};

/// A `llama` vocabulary: <unk>, <s>, </s>, the 256 byte tokens (ids 3 to 258) unless left out, then `pieces`.
inline Metadata sentencepiece_metadata(const std::vector<Piece>& pieces, bool with_bytes = true) {
  std::vector<Piece> all = {{"<unk>", 0, 2}, {"<s>", 0, 3}, {"</s>", 0, 3}};
  for (int byte = 0; with_bytes && byte < 256; ++byte) all.push_back({fmt::format("<0x{:02X}>", byte), 0, 6});
  all.insert(all.end(), pieces.begin(), pieces.end());
  std::vector<std::string> tokens;
  std::vector<float> scores;
  std::vector<std::int32_t> types;
  for (const Piece& piece : all) {
    tokens.push_back(piece.text);
    scores.push_back(piece.score);
    types.push_back(piece.type);
  }
  Metadata metadata("test.gguf");
  metadata.set("tokenizer.ggml.model", std::string("llama"));
  metadata.set("tokenizer.ggml.tokens", MetadataArray(tokens));
  metadata.set("tokenizer.ggml.scores", MetadataArray(scores));
  metadata.set("tokenizer.ggml.token_type", MetadataArray(types));
  return metadata;
}

/// A `gpt2` vocabulary: the 256 bytes (id = byte), then the results of `merges` (given as bytes) in order.
inline Metadata byte_level_metadata(const std::vector<std::pair<std::string, std::string>>& merges,
                                    const std::string& pre_tokenizer = "gpt-2") {
  std::vector<std::string> tokens;
  std::vector<std::string> merge_texts;
  for (int byte = 0; byte < 256; ++byte) tokens.push_back(spelling_of_bytes(std::string(1, static_cast<char>(byte))));
  for (const auto& [left, right] : merges) {
    tokens.push_back(spelling_of_bytes(left + right));
    merge_texts.push_back(spelling_of_bytes(left) + " " + spelling_of_bytes(right));
  }
  Metadata metadata("test.gguf");
  metadata.set("tokenizer.ggml.model", std::string("gpt2"));
  metadata.set("tokenizer.ggml.pre", std::string(pre_tokenizer));
  metadata.set("tokenizer.ggml.tokens", MetadataArray(tokens));
  metadata.set("tokenizer.ggml.merges", MetadataArray(merge_texts));
  return metadata;
}

}  // namespace quantbench::tokenizer_test
