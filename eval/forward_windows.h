// The forward pass over all windows of a text, block by block: the weights of a block are read once for all windows and given
// back before those of the next, so a model may be larger than memory. What stays in memory is the residual stream.
#pragma once

#include <cstddef>
#include <functional>

#include "datasets/windows.h"
#include "eval/window_batches.h"
#include "models/model.h"

namespace quantbench {

/// Residual streams beyond this many bytes (8 GiB) are not kept at once: the windows then go through the model in several rounds,
/// each of which reads all weights.
inline constexpr std::size_t stream_limit_bytes = std::size_t{8} << 30;

/// Called with the place of the block's window 0 among all windows.
using WindowLogitsSink = std::function<void(std::size_t first_window, const LogitsBlock& block)>;

struct WindowPass {
  const Model& model;
  const Weights& weights;
  const Windows& windows;
  const ForwardOptions& options;
  std::size_t stream_limit = stream_limit_bytes;
};

/// The logits in the order of the text, those of Model::forward bit by bit; `sink` and `progress` may be empty. `progress` gets
/// windows: the share of the work that is done, in windows rounded down.
void forward_windows(const WindowPass& pass, const WindowProgress& progress, const WindowLogitsSink& sink);

/// Of the residual streams that are in memory at a time.
std::size_t stream_bytes(const Model& model, const Windows& windows, std::size_t stream_limit = stream_limit_bytes);

}  // namespace quantbench
