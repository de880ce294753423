// Calibration statistics kept in a file, so that a run that goes on does not collect them again.
//
// File: the SHA-256 of the rest in hexadecimal, a line break, then CBOR {"key": text, "layers": {name: {...}}}.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "eval/calibration.h"

namespace quantbench {

/// The statistics at `path` when a whole and unchanged file with this key is there; else nothing.
std::optional<Calibration> find_calibration(const std::filesystem::path& path, const std::string& key);

/// `key` says what the statistics belong to. The file appears whole.
void save_calibration(const std::filesystem::path& path, const std::string& key, const Calibration& calibration);

}  // namespace quantbench
