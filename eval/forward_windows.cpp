#include "eval/forward_windows.h"

#include <algorithm>
#include <vector>

#include "core/checked.h"

namespace quantbench {
namespace {

/// The windows of one round.
Windows part_of(const Windows& windows, std::size_t first, std::size_t count) {
  Windows part = windows;
  part.count = count;
  const auto begin = windows.tokens.begin() + static_cast<std::ptrdiff_t>(first * windows.length);
  part.tokens.assign(begin, begin + static_cast<std::ptrdiff_t>(count * windows.length));
  return part;
}

std::size_t windows_of_round(const Model& model, const Windows& windows, std::size_t stream_limit) {
  const std::size_t of_window = checked_multiply(checked_multiply(windows.length, model.width()), sizeof(float));
  return std::clamp<std::size_t>(stream_limit / std::max<std::size_t>(of_window, 1), 1,
                                 std::max<std::size_t>(windows.count, 1));
}

/// Counts windows through blocks, and once more through the logits.
class Share {
 public:
  Share(const WindowPass& pass, const WindowProgress& progress)
      : total_(pass.windows.count * (pass.model.block_count() + 1)),
        windows_(pass.windows.count),
        progress_(progress) {}

  void add(std::size_t windows) {
    done_ += windows;
    if (progress_) progress_(done_ * windows_ / total_, windows_);
  }

 private:
  std::size_t total_, windows_, done_ = 0;
  const WindowProgress& progress_;
};

void run_round(const WindowPass& pass, std::size_t first_window, Share& share, const WindowLogitsSink& sink) {
  struct Batch {
    std::size_t first_window;
    TokenBatch tokens;
    Matrix stream;
  };
  std::vector<Batch> batches;
  for_each_batch(pass.windows, {}, [&](std::size_t first, const TokenBatch& tokens) {
    batches.push_back({first_window + first, tokens, pass.model.embed(pass.weights, tokens, pass.options)});
  });
  release_outside(pass.weights);
  for (std::size_t block = 0; block < pass.model.block_count(); ++block) {
    const Weights weights = loaded_block(pass.weights, block);
    for (Batch& batch : batches) {
      pass.model.run_block(block, weights, batch.tokens, pass.options, batch.stream);
      share.add(batch.tokens.windows);
    }
    release_block(pass.weights, block);
  }
  const bool output_is_observed = pass.options.observer && pass.options.observe_output;
  for (Batch& batch : batches) {
    if (sink || output_is_observed)
      pass.model.logits(
          pass.weights, batch.tokens, pass.options, batch.stream,
          sink ? LogitsSink([&](const LogitsBlock& block) { sink(batch.first_window, block); }) : LogitsSink());
    batch.stream = Matrix();
    share.add(batch.tokens.windows);
  }
  release_outside(pass.weights);
}

}  // namespace

void forward_windows(const WindowPass& pass, const WindowProgress& progress, const WindowLogitsSink& sink) {
  Share share(pass, progress);
  const std::size_t most = windows_of_round(pass.model, pass.windows, pass.stream_limit);
  for (std::size_t first = 0; first < pass.windows.count; first += most) {
    const Windows part = part_of(pass.windows, first, std::min(most, pass.windows.count - first));
    run_round({pass.model, pass.weights, part, pass.options, pass.stream_limit}, first, share, sink);
  }
}

std::size_t stream_bytes(const Model& model, const Windows& windows, std::size_t stream_limit) {
  const std::size_t count = std::min(windows_of_round(model, windows, stream_limit), windows.count);
  return count * windows.length * model.width() * sizeof(float);
}

}  // namespace quantbench
