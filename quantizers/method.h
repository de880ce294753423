// A quantization method as four independent choices, and its one canonical text id.
//
//   method = [transform "+"]* [solver ":"] format-or-mix [":" option]*
//
//   absmax:int4:g128   zero_point:int3:g64   rtn:q4_0   q4_k
//   gptq:int3:g128:actorder:static   awq+gptq:int3:g128   f32   f16   absmax:nf4:g64:dq   search:fp8_e4m3:row
//
// `absmax` is rtn into a symmetric integer format or one whose levels are the numbers of a table (nf4, fp4, fp8_*), `zero_point`
// rtn into an asymmetric one, and a bare GGUF quantized type is the solver `search`. Printing gives the canonical id: defaults left out, options in a fixed order. Parsing
// and printing are inverses on canonical ids.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace quantbench {

struct Method {
  std::vector<std::string> transforms;         // applied left to right
  std::string solver;                          // "rtn", "search", ...; empty for f32, f16, bf16 (plain conversion)
  std::string target;                          // canonical format id, or a mix id such as "q4_k_m"
  std::map<std::string, std::string> options;  // solver and transform options, e.g. {"damp", "0.01"}; "" for flags
  bool operator==(const Method&) const = default;
};

/// Throws Error for a malformed id, an unknown name (with near matches), or a combination that cannot exist; a
/// combination that this version cannot run yet parses, and fails in `check_method`.
Method parse_method(std::string_view id);

/// The canonical id.
std::string to_string(const Method& method);

/// The options without those that say which tensors get what and whether importance is used ("rules", "imatrix"): what a
/// solver sees.
std::map<std::string, std::string> solver_options(const Method& method);

/// What remains to be done when the transforms have been applied: the solver with its own options.
Method without_transforms(const Method& method);

/// False when the option imatrix=off asks the encoder to treat all input columns alike.
bool wants_importance(const Method& method);

/// Throws Error, saying what is missing, when this version cannot run the method: of a mix, with any of its formats.
void check_method(const Method& method);

/// One canonical example of each kind of method that can run now, for listings, completions and the contract tests.
std::vector<std::string> example_methods();

}  // namespace quantbench
