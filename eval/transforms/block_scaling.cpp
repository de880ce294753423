#include "eval/transforms/block_scaling.h"

#include <algorithm>
#include <utility>

#include "eval/layer_statistics.h"
#include "eval/transforms/rotation.h"
#include "quantizers/formats/registry.h"
#include "quantizers/transforms/clip.h"
#include "quantizers/transforms/column_scales.h"
#include "quantizers/transforms/rounding.h"
#include "quantizers/transforms/transform.h"

namespace quantbench {
namespace {

using Methods = std::map<std::string, Method, std::less<>>;

double sum_of_squared_differences(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += difference * difference;
  }
  return sum;
}

/// What one group of a block gets from the original blocks before it, with the block's weights as they are now.
class GroupInputs {
 public:
  GroupInputs(const OpenBlock& block, std::size_t index)
      : block_(block), index_(index), group_(block.model().input_groups(block.index())[index]) {
    for (std::size_t batch = 0; batch < block.inputs().batches(); ++batch)
      block.inputs().observe(batch, block.weights(), [&](std::string_view layer, MatrixView input) {
        if (layer == group_.layers.front()) inputs_.push_back(copy_of(input));
      });
  }

  const InputGroup& group() const { return group_; }
  const OpenBlock& block() const { return block_; }
  std::size_t cols() const { return inputs_.front().cols(); }
  std::size_t batches() const { return inputs_.size(); }
  std::size_t tokens_of_batch() const { return inputs_.front().rows(); }

  LayerStatistics statistics() const {
    LayerSums sums(cols(), {.mean_square = true, .mean_absolute = true, .max_absolute = true});
    for (std::size_t batch = 0; batch < inputs_.size(); ++batch)
      sums.add(inputs_[batch].view(), block_.inputs().tokens(batch).length, block_.threads());
    if (!sums.finite()) fail("calibration: the input of {} is not finite", group_.layers.front());
    return sums.statistics();
  }

  /// About `count` tokens, evenly over all batches. (tokens, cols)
  std::vector<float> sample(std::size_t count) const {
    std::vector<float> all;
    for (const Matrix& input : inputs_) all.insert(all.end(), input.values().begin(), input.values().end());
    return sampled_tokens({all, all.size() / cols(), cols()}, count);
  }

  /// What the group contributes to. (tokens of the batch, outputs)
  Matrix output(std::size_t batch, const Weights& weights) const {
    return block_.model().group_output(block_.index(), index_, weights, block_.inputs().tokens(batch),
                                       {.threads = block_.threads()}, inputs_[batch]);
  }

 private:
  static Matrix copy_of(MatrixView view) {
    Matrix copy(view.rows, view.cols);
    std::ranges::copy(view.values, copy.values().begin());
    return copy;
  }

  const OpenBlock& block_;
  std::size_t index_;
  InputGroup group_;
  std::vector<Matrix> inputs_;  // by batch (tokens, cols)
};

/// Mean squared difference of the group's output when its layers, in order, have other weights; on batches spread evenly over
/// the text that have about `search_tokens` tokens together, or all that there are.
class GroupLoss {
 public:
  explicit GroupLoss(const GroupInputs& inputs) : inputs_(inputs) {
    const std::size_t wanted = std::max<std::size_t>(search_tokens / inputs.tokens_of_batch(), 1);
    const std::size_t count = std::min(wanted, inputs.batches());
    for (std::size_t i = 0; i < count; ++i) {
      batches_.push_back(i * inputs.batches() / count);
      outputs_.push_back(inputs.output(batches_.back(), inputs.block().weights()));
    }
  }

  double operator()(std::span<const MatrixView> layers) const {
    Weights weights = inputs_.block().weights();
    for (std::size_t layer = 0; layer < layers.size(); ++layer) {
      Tensor& tensor = weights.at(inputs_.group().layers[layer]);
      tensor.format = find_format("f32");
      tensor.bytes = std::as_bytes(layers[layer].values);
    }
    double sum = 0, count = 0;
    for (std::size_t i = 0; i < batches_.size(); ++i) {
      sum += sum_of_squared_differences(inputs_.output(batches_[i], weights).values(), outputs_[i].values());
      count += static_cast<double>(outputs_[i].values().size());
    }
    return sum / count;
  }

 private:
  const GroupInputs& inputs_;
  std::vector<std::size_t> batches_;
  std::vector<Matrix> outputs_;  // of these batches (tokens, outputs), with the weights as they are
};

/// What was chosen for one group.
struct GroupScales {
  InputGroup group;
  std::vector<float> scales;  // (cols)
};

void multiply_into(std::vector<float>& product, std::span<const float> factors) {
  if (product.empty()) product.assign(factors.size(), 1.0f);
  multiply_columns(product, factors);
}

/// The factor of each row of the producer.
std::vector<float> scales_of_rows(const GroupScales& chosen, std::size_t rows) {
  std::vector<float> scales(rows, 1.0f);
  for (std::size_t col = 0; col < chosen.scales.size(); ++col)
    scales[chosen.group.producer_rows[col]] = chosen.scales[col];
  return scales;
}

void fold(const GroupScales& chosen, OpenBlock& block) {
  for (const std::string& layer : chosen.group.layers) {
    multiply_columns(block.edit(layer), chosen.scales);
    multiply_into(block.change_of(layer).cols, chosen.scales);
  }
  const std::string& name = chosen.group.producer;
  if (const std::string& bias_name = chosen.group.producer_bias; !bias_name.empty()) {
    const std::span<float> bias = block.edit(bias_name);
    divide_columns(bias, scales_of_rows(chosen, bias.size()));
  }
  const std::span<float> producer = block.edit(name);
  if (chosen.group.kind == ProducerKind::norm) return divide_columns(producer, scales_of_rows(chosen, producer.size()));
  const Tensor& tensor = block.weights().at(name);
  const std::vector<float> scales = scales_of_rows(chosen, tensor.rows);
  for (std::size_t row = 0; row < tensor.rows; ++row)
    for (float& weight : producer.subspan(row * tensor.cols, tensor.cols)) weight /= scales[row];
  multiply_into(block.change_of(name).rows, scales);
}

/// The options of the transforms: layers that rules give another format may lack them.
const Method& method_with_options(const Methods& methods) {
  return std::ranges::max_element(methods, {}, [](const auto& each) { return each.second.options.size(); })->second;
}

class BlockTransform {
 public:
  explicit BlockTransform(const Methods& methods) : methods_(methods) {}

  void operator()(OpenBlock& block) const {
    for (const std::string& name : methods_.begin()->second.transforms) {
      const TransformEntry& transform = Registry<TransformEntry>::instance().at(name);
      if (transform.rotation) rotate_block(transform.rotation, method_with_options(methods_).options, block);
      if (transform.scaling) scale(*transform.scaling, block);
    }
    if (std::ranges::any_of(methods_, [](const auto& each) { return clip_of(each.second) != Clip::off; })) clip(block);
  }

 private:
  void scale(const InputScaling& scaling, OpenBlock& block) const {
    std::vector<GroupScales> all;
    const std::vector<InputGroup> groups = block.model().input_groups(block.index());
    for (std::size_t index = 0; index < groups.size(); ++index) {
      const InputGroup& group = groups[index];
      if (!group.scalable || group.repeats > 1 || !quantizes_any_of(group)) continue;
      if (scaling.only_after_norms() && group.kind != ProducerKind::norm) continue;
      all.push_back({group, choose(scaling, GroupInputs(block, index))});
    }
    for (const GroupScales& chosen : all) fold(chosen, block);
  }

  bool quantizes_any_of(const InputGroup& group) const {
    return std::ranges::any_of(group.layers, [&](const std::string& layer) { return methods_.contains(layer); });
  }

  std::vector<float> choose(const InputScaling& scaling, const GroupInputs& inputs) const {
    const OpenBlock& block = inputs.block();
    const LayerStatistics statistics = inputs.statistics();
    const GroupLoss loss(inputs);
    std::vector<std::vector<float>> weights;
    ScalingInput input{.layers = {},
                       .rounding = {},
                       .calibration = statistics.view(),
                       .loss = std::cref(loss),
                       .options = method_of(inputs.group()).options,
                       .threads = block.threads()};
    for (const std::string& layer : inputs.group().layers) {
      weights.push_back(decoded(block.weights().at(layer), block.threads()));
      input.layers.push_back({weights.back(), weights.back().size() / inputs.cols(), inputs.cols()});
      const auto method = methods_.find(layer);
      input.rounding.push_back(search_rounding(*find_format(method == methods_.end() ? "f32" : method->second.target)));
    }
    return scaling.choose(input).scales;
  }

  const Method& method_of(const InputGroup& group) const {
    return methods_
        .find(*std::ranges::find_if(group.layers, [&](const std::string& layer) { return methods_.contains(layer); }))
        ->second;
  }

  void clip(OpenBlock& block) const {
    const std::vector<InputGroup> groups = block.model().input_groups(block.index());
    for (std::size_t index = 0; index < groups.size(); ++index) {
      if (!quantizes_any_of(groups[index])) continue;
      const GroupInputs inputs(block, index);
      const std::vector<float> sample = inputs.sample(clip_tokens);
      for (const std::string& layer : groups[index].layers) {
        const auto method = methods_.find(layer);
        if (method == methods_.end() || clip_of(method->second) == Clip::off || makes_scores(layer)) continue;
        const std::vector<float> weights = decoded(block.weights().at(layer), block.threads());
        block.set_grid_limits(layer, search_clip({.weights = {weights, weights.size() / inputs.cols(), inputs.cols()},
                                                  .rounding = search_rounding(*find_format(method->second.target)),
                                                  .inputs = {sample, sample.size() / inputs.cols(), inputs.cols()},
                                                  .threads = block.threads()}));
      }
    }
  }

  /// Queries and keys.
  static bool makes_scores(const std::string& layer) {
    return layer.ends_with("attn_q.weight") || layer.ends_with("attn_k.weight") || layer.ends_with("attn_qkv.weight");
  }

  Methods methods_;
};

}  // namespace

std::function<OutsideChanges(const Model&, const Weights&, int)> outside_transform(const Methods& methods) {
  if (methods.empty()) return {};
  const Method& method = method_with_options(methods);
  for (const std::string& name : method.transforms) {
    const MakeRotation& make = Registry<TransformEntry>::instance().at(name).rotation;
    if (make)
      return [make, options = method.options](const Model& model, const Weights& weights, int threads) {
        return rotate_outside(make, options, model, weights, threads);
      };
  }
  return {};
}

std::function<void(OpenBlock&)> block_transform(const Methods& methods) {
  if (methods.empty() || methods.begin()->second.transforms.empty()) return {};
  return BlockTransform(methods);
}

}  // namespace quantbench
