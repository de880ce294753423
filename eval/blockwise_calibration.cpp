#include "eval/blockwise_calibration.h"

#include <algorithm>

#include "core/error.h"

namespace quantbench {
namespace {

void catch_up(CalibrationStream& stream, std::size_t block, const Weights& weights) {
  while (stream.block() < block) stream.advance(weights);
}

Matrix copy_of(MatrixView view) {
  Matrix copy(view.rows, view.cols);
  std::ranges::copy(view.values, copy.values().begin());
  return copy;
}

}  // namespace

CalibrationNeeds joined(const CalibrationNeeds& a, const CalibrationNeeds& b) {
  return {.mean_square = a.mean_square || b.mean_square,
          .mean_absolute = a.mean_absolute || b.mean_absolute,
          .max_absolute = a.max_absolute || b.max_absolute,
          .second_moments = a.second_moments || b.second_moments,
          .cross_moments = a.cross_moments || b.cross_moments};
}

StreamNeeds::StreamNeeds(const CalibrationNeeds& needs, const CalibrationFlow& flow, bool transforms) {
  if (flow.true_sequential && !flow.sequential) fail("calibration: true_sequential needs sequential");
  if (needs.cross_moments && !flow.sequential)
    fail("calibration: moments between quantized and original inputs need sequential calibration");
  const bool any = needs != CalibrationNeeds{};
  quantized = flow.sequential && any;
  original = transforms || needs.cross_moments || (any && !flow.sequential);
}

BlockwiseCalibration::BlockwiseCalibration(const BlockwiseInputs& inputs, const StreamNeeds& streams)
    : inputs_(inputs) {
  if (streams.quantized) quantized_.emplace(inputs.model, inputs.weights, inputs.windows, inputs.threads);
  if (streams.original) original_.emplace(inputs.model, inputs.weights, inputs.windows, inputs.threads);
}

BlockwiseCalibration::Statistics BlockwiseCalibration::collect(const BlockState& state,
                                                               const std::vector<InputGroup>& groups,
                                                               const std::map<std::size_t, CalibrationNeeds>& needs) {
  Statistics statistics;
  Sums sums;
  for (const auto& [group, asked] : needs) {
    std::optional<LayerStatistics> found;
    if (inputs_.store) found = inputs_.store->find(groups[group].layers.front(), asked);
    if (found)
      statistics.emplace(group, std::move(*found));
    else if (asked != CalibrationNeeds{})
      sums.emplace(group, LayerSums(groups[group].producer_rows.size(), asked));
  }
  if (!sums.empty()) run(state, groups, sums);
  while (!sums.empty()) {
    const auto& [group, sum] = *sums.begin();
    const std::string& layer = groups[group].layers.front();
    if (!sum.finite()) fail("calibration: the input of {} is not finite", layer);
    const LayerStatistics& made = statistics.emplace(group, sum.statistics()).first->second;
    note_bytes(sums, statistics);
    if (inputs_.store) inputs_.store->save(layer, made);
    sums.erase(sums.begin());
  }
  note_bytes(sums, statistics);
  return statistics;
}

void BlockwiseCalibration::run(const BlockState& state, const std::vector<InputGroup>& groups, Sums& sums) {
  std::map<std::string_view, LayerSums*> watched;
  for (auto& [group, sum] : sums) watched.emplace(groups[group].layers.front(), &sum);
  std::map<std::string, Matrix, std::less<>> originals;  // of the batch, by layer
  const LayerObserver keep = [&](std::string_view layer, MatrixView input) {
    if (watched.contains(layer)) originals.insert_or_assign(std::string(layer), copy_of(input));
  };
  const LayerObserver add = [&](std::string_view layer, MatrixView input) {
    const auto found = watched.find(layer);
    if (found == watched.end()) return;
    const auto original = originals.find(layer);
    found->second->add(input, original == originals.end() ? MatrixView{} : original->second.view(),
                       inputs_.windows.length, inputs_.threads);
  };
  const bool pairs = std::ranges::any_of(sums, [](const auto& each) { return each.second.wants_original(); });
  run_both(state, pairs ? keep : LayerObserver(), add);
}

void BlockwiseCalibration::run_both(const BlockState& state, const LayerObserver& observe_original,
                                    const LayerObserver& observe) {
  if (!quantized_) {  // nothing will be run again with other weights: what is observed may as well move on
    catch_up(*original_, state.block, state.original);
    original_->advance(state.original, observe);
    return;
  }
  for (std::size_t batch = 0; batch < quantized_->batches(); ++batch) {
    if (observe_original) original_->observe(batch, state.original, observe_original);
    quantized_->observe(batch, state.weights, observe);
  }
}

const CalibrationStream& BlockwiseCalibration::original(const BlockState& state) {
  if (!original_) fail("calibration: the original inputs of block {} are not carried along", state.block);
  catch_up(*original_, state.block, state.original);
  return *original_;
}

void BlockwiseCalibration::leave(const BlockState& state) {
  if (state.block + 1 == inputs_.model.block_count()) return;
  if (quantized_) catch_up(*quantized_, state.block + 1, state.weights);
  const bool may_wait = inputs_.store != nullptr;  // perhaps all statistics to come are in the store
  if (original_ && !may_wait) catch_up(*original_, state.block + 1, state.original);
}

std::uint64_t BlockwiseCalibration::stream_bytes() const {
  return (quantized_ ? quantized_->bytes() : 0) + (original_ ? original_->bytes() : 0);
}

void BlockwiseCalibration::note_bytes(const Sums& sums, const Statistics& statistics) {
  std::uint64_t bytes = 0;
  for (const auto& [group, sum] : sums) bytes += sum.bytes();
  for (const auto& [group, made] : statistics) bytes += made.bytes();
  peak_statistics_bytes_ = std::max(peak_statistics_bytes_, bytes);
}

}  // namespace quantbench
