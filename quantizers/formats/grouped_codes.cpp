#include "quantizers/formats/grouped_codes.h"

#include "core/checked.h"

namespace quantbench::formats {

void check_row_length(std::size_t cols) { checked_cast<int>(cols, "row length"); }

}  // namespace quantbench::formats
