// A transform that rotates (hadamard) folded into the weights of a model.
//
// With the rotation Q of the residual stream and R of values, and diag(n) the weights of a norm, which become ones:
//   embedding E                       E Q
//   layers after a norm               W diag(n) Q
//   layers that add to the stream     Q' W
//   values, each head of rows         R' W
//   the layer that reads them         W R, each head of columns; query heads that share a value head share R
//   output projection                 W diag(n) Q. A tied one gets weights of its own: E diag(n) Q is not E Q.
#pragma once

#include <string>

#include "eval/model_quantizer.h"
#include "eval/open_block.h"
#include "quantizers/transforms/transform.h"

namespace quantbench {

using MethodOptions = std::map<std::string, std::string>;

void rotate_block(const MakeRotation& make, const MethodOptions& options, OpenBlock& block);

OutsideChanges rotate_outside(const MakeRotation& make, const MethodOptions& options, const Model& model,
                              const Weights& weights, int threads);

/// Throws Error when the model cannot be rotated as the method asks; when its embedding is tied to the output and is to be
/// quantized (as mixes do), since after a rotation these are two matrices. embedding_is_quantized: by the method.
void check_rotation(const Model& model, const Method& method, bool embedding_is_quantized);

}  // namespace quantbench
