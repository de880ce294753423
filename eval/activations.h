// Quantized activations, as their effect on predictions: every input of a layer whose weights a method covers is rounded before the
// product, as a kernel with integer activations would read it. Scales are dynamic: of the numbers at hand, not of a calibration.
//
//   scale = max |x| / M,  level = round(x / scale), halves to even,  x' = scale * level        M = 127 (int8), 7 (int4)
//
//   int8, int4                  a scale for each token
//   int8_tensor, int4_tensor    a scale for all tokens of a window together: a tensor of a batch of one window. (A scale for several
//                               windows would make a window's figures depend on its neighbours.) Of the output projection: for
//                               the positions whose logits are asked for.
//
// Symmetric, as in SmoothQuant (Xiao et al. 2022), whose O1 and O2 these are. Products of rounded numbers are summed in f32, where
// integer kernels sum exactly: the effect of rounding is measured, not the arithmetic of a kernel.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "models/model.h"
#include "quantizers/method.h"

namespace quantbench {

/// What the method's option `activations` asks for; empty: inputs stay as computed.
std::string activations_of(const Method& method);

/// For ForwardOptions::input. kind: as in the option; empty: no hook. layers: names of the weights whose inputs are rounded.
/// The hook throws Error where an input is not finite.
InputHook activation_rounding(const std::string& kind, std::set<std::string, std::less<>> layers, int threads);

/// "int8, one scale for each token"
std::string describe_activations(std::string_view kind);

/// Numbers that share a scale become what is read again.
void round_activations(std::span<float> values, int largest_level);

}  // namespace quantbench
