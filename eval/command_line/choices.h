// Values to complete options with, where the declaration of the option does not list them.
#pragma once

#include <string>
#include <vector>

namespace quantbench {

struct Choices {
  std::string option;  // "--method", or a positional name
  std::vector<std::string> values;
  bool file = false;  // or the path of a file
};

const std::vector<Choices>& known_choices();

}  // namespace quantbench
