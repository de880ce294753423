// What `quantbench inspect` shows of an importance matrix.
#pragma once

#include <cstddef>
#include <string>

#include "models/importance/importance_matrix.h"

namespace quantbench {

/// A table with one row for each tensor, at most `width` columns wide (0: as wide as it is).
std::string importance_text(const ImportanceMatrix& matrix, std::size_t width);
std::string importance_json(const ImportanceMatrix& matrix);

}  // namespace quantbench
