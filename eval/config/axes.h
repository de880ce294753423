// The `methods` of a config: method ids as they stand, and maps whose lists are axes and expand to their product.
//
//   {method: absmax, bits: [8, 4], group: [32, row], scale: f16}
//       -> absmax:int8:g32  absmax:int8:row  absmax:int4:g32  absmax:int4:row
//
// `method` names the transforms and the solver ("rtn", "awq+gptq"), or a whole method ("q4_k") that only gets options; `format` the
// format, or `bits`, `group` and, when wanted, `symmetry` and `scale` an integer format; every other key is an option of the method: `actorder: [true,
// false]` gives a flag, `damp: [0.01, 0.1]` a value. The last axis written varies fastest.
#pragma once

#include <string>
#include <vector>

#include "eval/config/yaml.h"
#include "quantizers/method.h"

namespace quantbench {

struct ExpandedMethods {
  std::vector<Method> methods;     // no two equal, in the order written
  std::vector<std::string> notes;  // what was left out because it was there already
};

/// Throws Error with the place for an axis that does not exist, does not apply or is empty, for a method that does not
/// parse or cannot run, and when the list expands to more than `most` methods.
ExpandedMethods expand_methods(const YamlNode& list, std::size_t most);

}  // namespace quantbench
