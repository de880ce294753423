// Windows in batches for forward calls: enough tokens to keep the matrix products large, few enough to bound the
// memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>

#include "datasets/windows.h"
#include "models/model.h"

namespace quantbench {

/// Called after each batch with the windows done and their total.
using WindowProgress = std::function<void(std::size_t done, std::size_t total)>;

/// Batches hold about this many tokens, and at least one window.
inline constexpr std::size_t tokens_per_batch = 2048;

/// Calls body(first_window, batch) for all windows in order, and `progress` (may be empty) after each.
template <class Body>
void for_each_batch(const Windows& windows, const WindowProgress& progress, const Body& body) {
  const std::size_t most = std::max<std::size_t>(tokens_per_batch / windows.length, 1);
  for (std::size_t first = 0; first < windows.count; first += most) {
    const std::size_t count = std::min(most, windows.count - first);
    const auto tokens = std::span(windows.tokens).subspan(first * windows.length, count * windows.length);
    body(first, TokenBatch{tokens, count, windows.length});
    if (progress) progress(first + count, windows.count);
  }
}

}  // namespace quantbench
