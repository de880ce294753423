#include "eval/calibration_stream.h"

#include "core/checked.h"
#include "eval/window_batches.h"

namespace quantbench {

CalibrationStream::CalibrationStream(const Model& model, const Weights& weights, const Windows& windows, int threads)
    : model_(model), threads_(threads) {
  for_each_batch(windows, {}, [&](std::size_t, const TokenBatch& batch) {
    batches_.push_back({batch, model.embed(weights, batch, forward_options({}))});
  });
}

ForwardOptions CalibrationStream::forward_options(const LayerObserver& observer) const {
  ForwardOptions options;
  options.threads = threads_;
  options.observer = observer;
  return options;
}

void CalibrationStream::observe(std::size_t batch, const Weights& weights, const LayerObserver& observer) const {
  Matrix values = batches_[batch].values;
  model_.run_block(block_, weights, batches_[batch].tokens, forward_options(observer), values);
}

void CalibrationStream::advance(const Weights& weights, const LayerObserver& observer) {
  for (Batch& batch : batches_)
    model_.run_block(block_, weights, batch.tokens, forward_options(observer), batch.values);
  ++block_;
}

std::size_t CalibrationStream::bytes() const {
  std::size_t bytes = 0;
  for (const Batch& batch : batches_) bytes += batch.values.values().size_bytes();
  return bytes;
}

std::size_t CalibrationStream::bytes_for(const Model& model, const Windows& windows) {
  return checked_multiply(checked_multiply(windows.count, windows.length), model.width() * sizeof(float));
}

}  // namespace quantbench
