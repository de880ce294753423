#include "quantizers/transforms/transform.h"

#include <algorithm>

namespace quantbench {
namespace {

bool is_rotation(const std::string& name) {
  return static_cast<bool>(Registry<TransformEntry>::instance().at(name).rotation);
}

}  // namespace

bool rotates(const Method& method) { return std::ranges::any_of(method.transforms, is_rotation); }

bool transforms_look_at_inputs(const Method& method) { return !std::ranges::all_of(method.transforms, is_rotation); }

}  // namespace quantbench
