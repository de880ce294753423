// Evaluation protocols: how a stream of tokens is cut into windows and which predictions are scored.
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
  std::string name;  // "llamacpp-512", "gptq-2048"; another n_ctx gives "llamacpp-128"
  std::size_t window = 512;        // tokens per window (n_ctx)
  std::size_t first_scored = 256;  // logits at positions [first_scored, window - 1) are scored against the next token
  bool bos_in_each_window = true;  // the first token of each window is overwritten by BOS when the vocabulary asks for it
  std::size_t minimum_windows = 2;  // fewer tokens than this many windows are an error
};

/// "llamacpp-512", "llamacpp-N", "gptq-2048", "gptq-N", or the family name alone with `window` given.
/// Throws Error with the known names.
Protocol parse_protocol(const std::string& name, std::optional<std::size_t> window = {});

struct Windows {
  std::vector<std::int32_t> tokens;  // (count, length)
  std::size_t count = 0;
  std::size_t length = 0;
  std::size_t scored_per_window = 0;
};

/// Cuts `tokens` (with a leading BOS where the vocabulary asks for one) into disjoint windows; the tail is dropped.
/// `most` limits the number of windows (0: all). Throws Error when there are too few tokens.
Windows cut_windows(std::span<const std::int32_t> tokens, const Protocol& protocol,
                    std::optional<std::int32_t> leading_bos, std::size_t most = 0);

}  // namespace quantbench
