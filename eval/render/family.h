// How methods are grouped in charts and tables.
#pragma once

#include <string>
#include <string_view>

namespace quantbench {

struct MethodFamily {
  std::string
      name;  // transforms and solver as the id names them ("absmax", "awq+gptq"); "search" for bare formats, "float"
  std::string rest;  // of the method's id
};

/// Of a method that this version does not know, what is left of the first ':' is the family.
MethodFamily family_of(std::string_view method);

}  // namespace quantbench
