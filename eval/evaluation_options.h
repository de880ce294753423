// What the evaluation options of a method mean for the forward pass.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "eval/evaluate.h"
#include "quantizers/method.h"

namespace quantbench {

/// "exact", "native" or "bf16". Throws Error for anything else.
Compute parse_compute(std::string_view text);
/// The inverse.
std::string_view to_string(Compute compute);

/// Sets `compute`, `cache` and `input` to what the method asks for. layers: names of the weights that the method covers. `threads` is
/// read.
void apply_evaluation_options(const Method& method, std::set<std::string, std::less<>> layers,
                              EvaluateOptions& options);

/// What of this machine the figures depend on, for the keys of stored cells: products of runtimes add up in the order that the
/// instruction set wants. Empty when nothing does. (Products of a device depend on it instead: evaluation_device.h.)
std::string machine_key(const Method& method);

/// For a cell's notes: what is not as in an exact evaluation of the weights.
std::vector<std::string> describe_evaluation_options(const Method& method);

}  // namespace quantbench
