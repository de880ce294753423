// For tests: validates a report against the published schema, eval/report.schema.json.
#pragma once

#include <string>
#include <string_view>

namespace quantbench {

/// Empty when `report` (JSON text) is valid; else one line for each violation.
std::string schema_errors(std::string_view report);

}  // namespace quantbench
