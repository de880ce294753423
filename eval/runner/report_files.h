// A finished report as files.
#pragma once

#include <filesystem>

#include "eval/report.h"

namespace quantbench {

/// Writes `report_file` (JSON) and, beside it under the same name, the tables as .csv and .md, and expectations.csv where
/// there are expectations. Each file appears whole.
void write_report_files(const Report& report, const std::filesystem::path& report_file);

}  // namespace quantbench
