// Pictures for documents that take no SVG.
#pragma once

#include <filesystem>
#include <string_view>

namespace quantbench {

/// Draws `svg` (a stand-alone document) with two pixels for each of its units, through the program rsvg-convert. `path` appears whole
/// or not at all. Throws Error naming the Debian package when the program is missing, and when it fails.
void write_png(const std::filesystem::path& path, std::string_view svg);

}  // namespace quantbench
