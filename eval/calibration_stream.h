// The residual stream of all calibration windows, carried through a model block by block.
#pragma once

#include <cstddef>
#include <vector>

#include "datasets/windows.h"
#include "models/model.h"

namespace quantbench {

/// What enters one block. All of it is in memory, f32: windows * length * width numbers; blocks run on batches of windows.
class CalibrationStream {
 public:
  /// What enters block 0. All references outlive the object.
  CalibrationStream(const Model& model, const Weights& weights, const Windows& windows, int threads);

  /// The block that it enters.
  std::size_t block() const { return block_; }

  std::size_t batches() const { return batches_.size(); }
  const TokenBatch& tokens(std::size_t batch) const { return batches_[batch].tokens; }
  /// (tokens of the batch, width)
  const Matrix& values(std::size_t batch) const { return batches_[batch].values; }

  /// Runs the block on one batch for the observer alone.
  void observe(std::size_t batch, const Weights& weights, const LayerObserver& observer) const;
  /// Runs the block: what entered it becomes what leaves it. The observer may be empty.
  void advance(const Weights& weights, const LayerObserver& observer = {});

  std::size_t bytes() const;
  /// What `bytes` will be.
  static std::size_t bytes_for(const Model& model, const Windows& windows);

 private:
  struct Batch {
    TokenBatch tokens;
    Matrix values;
  };

  ForwardOptions forward_options(const LayerObserver& observer) const;

  const Model& model_;
  int threads_;
  std::size_t block_ = 0;
  std::vector<Batch> batches_;
};

}  // namespace quantbench
