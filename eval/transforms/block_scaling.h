// Transforms applied to the blocks of a model: those that rotate (hadamard: eval/transforms/rotation.h), then those that scale inputs
// (awq, smoothquant).
//
// Scaling: for every group of linear layers that share an input, the scales are chosen with what the unquantized block gets and computes:
// the output that the layers contribute to (of queries, keys and values the attention, of gate and up the feed-forward network, else
// the layer's own) is compared with and without rounding. When all groups of the block have their scales, 1/s is folded into the
// producers and s into the layers. A group whose input several columns of which come from one row of the producer (the values of
// grouped-query attention) keeps its weights, as published.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "eval/model_quantizer.h"
#include "eval/open_block.h"
#include "quantizers/method.h"

namespace quantbench {

/// Tokens that a search compares outputs on: it does so for every candidate, and where the smallest loss lies hardly depends
/// on more of them. Statistics are of all tokens.
inline constexpr std::size_t search_tokens = 8192;

/// For BlockwiseOptions::transform_outside, with the same methods: what a rotation changes outside of the blocks.
std::function<OutsideChanges(const Model&, const Weights&, int threads)> outside_transform(
    const std::map<std::string, Method, std::less<>>& methods);

/// For BlockwiseOptions::transform. methods: of the linear layers that are to be quantized, by the names of their weights; all
/// have the same transforms. Empty where they have none. Clip limits that a method asks for are set as grid limits of the
/// layer, but for queries and keys, as published.
std::function<void(OpenBlock&)> block_transform(const std::map<std::string, Method, std::less<>>& methods);

}  // namespace quantbench
