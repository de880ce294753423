// Config files with their includes merged into one tree.
#pragma once

#include <string>
#include <string_view>

#include "eval/config/config.h"
#include "eval/config/yaml.h"

namespace quantbench {

/// Parses `text` and every file that its `include` names (a path or a list, relative to the including file; they may
/// include others, at most 8 deep). Later includes lie over earlier ones and the file over its includes (merge_over).
/// Throws Error for a loop, for more than 64 files, and when the document is not a map.
YamlNode parse_with_includes(std::string_view text, const std::string& source, const ConfigReader& read);

}  // namespace quantbench
