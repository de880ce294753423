// Near matches for a name that is not known, so that every "unknown X" error also says what was probably meant.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quantbench {

/// The known names nearest to `name` by edit distance (at most a third of its length plus one), nearest first, at
/// most 3.
std::vector<std::string> near_matches(std::string_view name, std::span<const std::string> known);

/// "; did you mean a, b?" or "; known: a, b, c" when nothing is near (at most 12 names listed).
std::string suggestion(std::string_view name, std::span<const std::string> known);

}  // namespace quantbench
