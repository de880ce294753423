// Statistics of a model's linear layers, block by block, while the model is being quantized.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "datasets/windows.h"
#include "eval/calibration_flow.h"
#include "eval/calibration_stream.h"
#include "eval/layer_statistics.h"
#include "models/model.h"

namespace quantbench {

/// Keeps statistics that depend on model and text only: those of a flow that is not sequential.
class StatisticsStore {
 public:
  virtual ~StatisticsStore() = default;
  /// Nothing where there are none for this layer with all that is needed.
  virtual std::optional<LayerStatistics> find(const std::string& layer, const CalibrationNeeds& needs) const = 0;
  virtual void save(const std::string& layer, const LayerStatistics& statistics) const = 0;
};

CalibrationNeeds joined(const CalibrationNeeds& a, const CalibrationNeeds& b);

/// Which residual streams are carried along.
struct StreamNeeds {
  bool quantized = false;  // through quantized blocks
  bool original = false;   // through unquantized ones
  /// `needs`: of all layers together. Throws Error when the flow cannot give them.
  StreamNeeds(const CalibrationNeeds& needs, const CalibrationFlow& flow, bool transforms);
  std::size_t count() const { return (quantized ? 1 : 0) + (original ? 1 : 0); }
};

struct BlockwiseInputs {
  const Model& model;
  const Weights& weights;  // of the original model
  const Windows& windows;
  int threads = 1;
  const StatisticsStore* store = nullptr;  // may be null; only for streams that are neither sequential nor transformed
};

/// A block as it stands when its inputs are collected or left behind.
struct BlockState {
  std::size_t block = 0;
  const Weights& weights;   // up to the block, with all that is quantized
  const Weights& original;  // the block (where nothing is transformed: every block) before it was quantized
};

class BlockwiseCalibration {
 public:
  /// All references outlive the object.
  BlockwiseCalibration(const BlockwiseInputs& inputs, const StreamNeeds& streams);

  /// By the place of the group in `groups`; only of those that need anything.
  using Statistics = std::map<std::size_t, LayerStatistics>;
  /// Of the inputs of these groups of the block. Throws Error naming the layer when an input is not finite.
  Statistics collect(const BlockState& state, const std::vector<InputGroup>& groups,
                     const std::map<std::size_t, CalibrationNeeds>& needs);

  /// What enters the block in the original model.
  const CalibrationStream& original(const BlockState& state);
  /// Carries the streams through the block.
  void leave(const BlockState& state);

  std::uint64_t stream_bytes() const;
  /// The most that sums and statistics of one call of `collect` took together.
  std::uint64_t peak_statistics_bytes() const { return peak_statistics_bytes_; }

 private:
  using Sums = std::map<std::size_t, LayerSums>;
  void run(const BlockState& state, const std::vector<InputGroup>& groups, Sums& sums);
  void run_both(const BlockState& state, const LayerObserver& observe_original, const LayerObserver& observe);
  void note_bytes(const Sums& sums, const Statistics& statistics);

  BlockwiseInputs inputs_;
  std::optional<CalibrationStream> quantized_, original_;
  std::uint64_t peak_statistics_bytes_ = 0;
};

}  // namespace quantbench
