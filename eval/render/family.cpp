#include "eval/render/family.h"

#include "core/error.h"
#include "quantizers/method.h"

namespace quantbench {
namespace {

// "iq2_s:imatrix=off" is a bare format: what stands left of its first ':' is no solver.
bool is_bare_format(std::string_view method) {
  try {
    const Method parsed = parse_method(method);
    return parsed.transforms.empty() && parsed.solver == "search" && !method.starts_with("search:");
  } catch (const Error&) {
    return method.find(':') == std::string_view::npos;
  }
}

}  // namespace

MethodFamily family_of(std::string_view method) {
  if (method == "f32" || method == "f16" || method == "bf16") return {"float", std::string(method)};
  const std::size_t colon = method.find(':');
  if (colon == std::string_view::npos || is_bare_format(method)) return {"search", std::string(method)};
  return {std::string(method.substr(0, colon)), std::string(method.substr(colon + 1))};
}

}  // namespace quantbench
