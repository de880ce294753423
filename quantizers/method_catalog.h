// The names that a method id may hold: solvers and transforms with their options, GGUF types and mixes.
//
// It lists also what this version cannot run yet, so that an id means the same thing in every version: such an id
// parses and prints, and `check_method` says what is missing. What can run is decided by the registries alone.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quantbench {

struct OptionSpec {
  enum class Kind { flag, number, word, name };
  std::string_view name;
  Kind kind = Kind::flag;
  std::string_view default_value = {};  // left out of canonical ids; empty: none
  std::vector<std::string_view> words = {};
};

/// A solver or a transform.
struct StepSpec {
  std::string_view name;
  std::vector<OptionSpec> options;
};

/// Of `search`: how columns are weighted where importance is known. on: by mean x^2; off: all alike; sqrt: by the root of
/// mean x^2, half way between the two on a scale of ratios.
inline constexpr std::string_view imatrix_option = "imatrix";
/// Of `rtn`, for integer formats with a zero point, the range of a group's grid. zero: of its weights and zero, so that zero is
/// a level; spread: of its weights alone (the grid of AWQ, and the default under it).
inline constexpr std::string_view grid_option = "grid";
/// Of `gptq`: the choices of the published code, scales in f32 among them.
inline constexpr std::string_view reference_option = "reference";
/// The name of a set of rules of the user (docs/mixes.md).
inline constexpr std::string_view rules_option = "rules";

/// Options of every method that has a solver: they are about tensors, and no solver sees them.
const std::vector<OptionSpec>& allocation_options();

/// How the cache of keys and values is stored while a model is evaluated (eval/kv_cache.h); also of f32, f16 and bf16.
inline constexpr std::string_view kv_keys_option = "kv_keys", kv_values_option = "kv_values",
                                  kv_rotate_option = "kv_rotate";

/// How inputs of the method's layers are rounded while a model is evaluated (eval/activations.h); also of f32, f16 and bf16.
inline constexpr std::string_view activations_option = "activations";
/// Of evaluation: whether products are exact or those of runtimes, in integers ("native") or in bf16.
inline constexpr std::string_view compute_option = "compute";

/// Options of every method: they are about evaluation, and no solver sees them.
const std::vector<OptionSpec>& evaluation_options();

const std::vector<StepSpec>& known_transforms();
const std::vector<StepSpec>& known_solvers();

/// Null when the list has no step of this name.
const StepSpec* find_step(const std::vector<StepSpec>& steps, std::string_view name);

/// Quantized GGUF types that can be the target of a method.
bool is_gguf_type(std::string_view name);
/// Mixes: rules that give each tensor of a model a type.
bool is_mix(std::string_view name);

/// "q4_k_m", or "mix:q6_k" for a mix that is called like a type.
std::string mix_id(std::string_view name);
/// The mix in a canonical target id; nothing when it is a format.
std::optional<std::string_view> mix_of_target(std::string_view target);

/// Every name that can start a method id or be its target, for near matches.
std::vector<std::string> method_words();

/// The value of an option in canonical form. Throws Error when it is not one that the option takes.
std::string canonical_option_value(const OptionSpec& option, std::string_view value, std::string_view id);

}  // namespace quantbench
