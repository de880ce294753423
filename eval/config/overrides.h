// Changes to a config's tree before it is read: `--set key=value` and the merging of included files.
#pragma once

#include <string>

#include "eval/config/yaml.h"

namespace quantbench {

/// Applies "dataset.chunks=10": the path names maps by key and list items by number (from 0); the value is YAML.
/// Missing keys are created, so that a wrong path is found as an unknown key when the config is read. Throws Error.
void apply_override(YamlNode& root, const std::string& assignment);

/// `over` laid over `base`: maps are merged key by key; `methods` at the top level is joined, base first; anything else
/// in `over` replaces what `base` has.
YamlNode merge_over(YamlNode base, YamlNode over);

}  // namespace quantbench
