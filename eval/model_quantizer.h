// Quantizing a model block by block, each linear layer with what calibration says about its inputs (docs/calibration.md).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "core/tensor.h"
#include "datasets/windows.h"
#include "eval/blockwise_calibration.h"
#include "eval/open_block.h"
#include "models/model.h"
#include "quantizers/method.h"

namespace quantbench {

/// What the method's solver looks at. Nothing for methods without a solver.
CalibrationNeeds solver_needs(const Method& method);
/// The method transforms weights, or its solver looks at more than the figures of single columns: `collect_calibration` does
/// not do for it.
bool needs_blockwise(const Method& method);
/// It goes block by block, and cannot without a calibration text: a transform or the solver looks at inputs, or importance is
/// asked for, which can only be that of the transformed model.
bool needs_calibration_text(const Method& method);

struct BlockwiseTask {
  const Model& model;
  const Weights& weights;
  const Windows& windows;  // count 0: nothing is known of inputs; for methods that do without (needs_calibration_text)
  /// Of the linear layers that are to be quantized, by the names of their weights. Transforms are the business of
  /// BlockwiseOptions::transform.
  std::map<std::string, Method, std::less<>> methods;
};

/// Tensors that transforms change outside of the blocks: embedding, last norm, output projection. f32
struct OutsideChanges {
  std::map<std::string, TensorData, std::less<>>
      tensors;  // one that the model does not have: the output of a tied model
  std::map<std::string, LayerChange, std::less<>> changes;
};

struct BlockwiseOptions {
  CalibrationFlow flow{};
  int threads = 1;
  /// Changes the weights of a block before anything of it is looked at; may be empty.
  std::function<void(OpenBlock&)> transform{};
  /// Changes what lies outside of the blocks, before all else; may be empty.
  std::function<OutsideChanges(const Model& model, const Weights& weights, int threads)> transform_outside{};
  /// Used when the flow is not sequential and nothing is transformed; may be null.
  const StatisticsStore* store = nullptr;
  /// Called before and after each layer with the layers done, their total, and which one; may be empty.
  std::function<void(std::size_t done, std::size_t total, std::string_view layer)> progress{};
};

/// The most bytes of each, and so at least the most of all at one time. Not in it: the model file, the activations of one
/// batch, and the solver's own memory.
struct BlockwiseMemory {
  std::uint64_t streams = 0;     // residual streams: windows * length * width f32, each
  std::uint64_t statistics = 0;  // of one block
  std::uint64_t weights =
      0;  // all quantized layers, one layer in f32, and what is transformed: a block, and all outside
  std::uint64_t total() const { return streams + statistics + weights; }
};

struct BlockwiseResult {
  /// The quantized layers, and in f32 what the transform changed and nothing quantized: norms.
  std::map<std::string, TensorData, std::less<>> tensors;
  /// What the transform changed outside of the blocks: f32, not quantized.
  std::map<std::string, TensorData, std::less<>> outside;
  /// Of linear layers, and outside.
  std::map<std::string, LayerChange, std::less<>> changes;
  BlockwiseMemory peak;
};

/// The same bytes for any number of threads. Throws Error, naming the layer when an input is not finite.
BlockwiseResult quantize_blockwise(const BlockwiseTask& task, const BlockwiseOptions& options);

/// At most what quantize_blockwise will report as its peak, from sizes alone: two streams where the original one is needed
/// beside the quantized one, else one; the f64 sums of all groups of a block at once (half a square matrix, in tiles, for H,
/// a whole one for cross moments) and the f32 matrices of the largest group.
BlockwiseMemory predict_memory(const BlockwiseTask& task, const CalibrationFlow& flow, bool transforms);

}  // namespace quantbench
