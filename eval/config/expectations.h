// The key `expectations` of a config (docs/papers.md).
#pragma once

#include "eval/config/yaml.h"
#include "eval/expectations/expectations.h"

namespace quantbench {

/// Throws Error with the place for unknown keys, methods that do not exist or cannot run, unknown metrics, and numbers that
/// are none.
Expectations read_expectations(const YamlNode& map);

}  // namespace quantbench
