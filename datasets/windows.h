// Evaluation protocols: how a stream of tokens is cut into windows and which predictions are scored.
//
// llamacpp-N: disjoint windows of N tokens; the first token of each window is overwritten by BOS where the vocabulary
//   asks for one; the logits at positions N/2 .. N-2 are scored against the token that follows (N - 1 - N/2 per window); at
//   least two windows of tokens are needed. This is how llama.cpp's perplexity tool counts.
// gptq-N: the whole text as one stream with one BOS at its very start where the vocabulary asks for one, disjoint
//   windows of N tokens, every next token inside a window scored (N - 1 per window). This is how the GPTQ paper's code counts:
//   all windows score the same number of tokens, so its mean of window means is the mean over tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace quantbench {

/// A named protocol. Two perplexities compare only when protocol, n_ctx and tokens are the same.
struct Protocol {
  std::string name;                // "llamacpp-512", "gptq-2048"; another n_ctx gives "llamacpp-128"
  std::size_t window = 512;        // tokens per window (n_ctx)
  std::size_t first_scored = 256;  // logits at positions [first_scored, window - 1) are scored against the next token
  bool bos_in_each_window =
      true;  // the first token of each window is overwritten by BOS when the vocabulary asks for it
  std::size_t minimum_windows = 2;  // fewer tokens than this many windows are an error

  std::size_t scored_per_window() const { return window - 1 - first_scored; }
};

/// "llamacpp-N", "gptq-N", or the family name alone for its usual window (512, 2048). `window`, when given, replaces
/// the window length; the returned name always says the length used. Throws Error with the known names for an unknown
/// one, and for a length under which no token is scored or above 2^20.
Protocol parse_protocol(const std::string& name, std::optional<std::size_t> window = {});

struct Windows {
  std::vector<std::int32_t> tokens;  // (count, length)
  std::size_t count = 0;
  std::size_t length = 0;
  std::size_t scored_per_window = 0;

  std::size_t scored_tokens() const { return count * scored_per_window; }
  std::span<const std::int32_t> window(std::size_t index) const {
    return std::span(tokens).subspan(index * length, length);
  }
};

/// Cuts `tokens`, with `leading_bos` put before them where the vocabulary asks for one (Tokenizer::leading_bos;
/// `tokens` itself as Tokenizer::encode returns it, without BOS), into disjoint windows; the tail is dropped. `most`
/// limits the number of windows (0: all). Throws Error when there are fewer tokens than protocol.minimum_windows
/// windows.
Windows cut_windows(std::span<const std::int32_t> tokens, const Protocol& protocol,
                    std::optional<std::int32_t> leading_bos, std::size_t most = 0);

}  // namespace quantbench
