// The options of the solver `gptq`, as method ids have them (docs/gptq.md).
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "core/format.h"

namespace quantbench::gptq {

enum class Order {
  natural,        // columns as they stand
  importance,     // actorder: by the diagonal of the Hessian, largest first
  within_groups,  // gar: columns inside each group by the diagonal, and whole groups by their largest
};

struct Options {
  Order order = Order::natural;
  bool static_grids = false;      // grids of all groups from the weights as they are before the first column is rounded
  std::size_t dynamic_group = 0;  // with Order::importance: a grid for each so many columns in the order of visiting
  bool searched_range = true;     // search the range of each grid; else it is that of the weights
  bool reference = false;         // the choices of the published code
  double damp = 0.01;             // added to the diagonal, times its mean
  std::size_t block = 128;        // columns between two updates of all columns that follow
  double asymmetry = 0;           // GPTAQ's alpha; 0: plain GPTQ
  bool gain = true;               // make up for shrinkage
};

/// Throws Error for an unknown option, a value out of range, or options that contradict each other.
Options parse_options(const std::map<std::string, std::string>& options);

/// Throws Error when `gptq` with these options cannot write the format.
void check_format(const Format& format, const Options& options);

}  // namespace quantbench::gptq
