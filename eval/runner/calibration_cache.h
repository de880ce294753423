// Calibration statistics kept in files, so that a run that goes on does not collect them again.
//
// Of all layers, without moments: the SHA-256 of the rest in hexadecimal, a line break, then CBOR
// {"key": text, "layers": {name: {...}}}. Of one layer with its moments: that hash, the length of the CBOR in decimal,
// a line break, CBOR {"key", "layer", and the other statistics}, then the moments (cols, cols) as f32 little-endian.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "eval/blockwise_calibration.h"
#include "eval/calibration.h"
#include "eval/runner/store.h"

namespace quantbench {

/// The statistics at `path` when a whole and unchanged file with this key is there; else nothing.
std::optional<Calibration> find_calibration(const std::filesystem::path& path, const std::string& key);

/// `key` says what the statistics belong to. The file appears whole.
void save_calibration(const std::filesystem::path& path, const std::string& key, const Calibration& calibration);

/// The second moments of the original model's layers in a results store, one file for each layer.
class MomentsCache : public StatisticsStore {
 public:
  /// `key` says what the statistics belong to; `store` outlives the object.
  MomentsCache(const ResultStore& store, std::string key);

  std::optional<LayerStatistics> find(const std::string& layer, const CalibrationNeeds& needs) const override;
  void save(const std::string& layer, const LayerStatistics& statistics) const override;

  /// Of one file, up to some hundred bytes.
  static std::uint64_t file_bytes(std::size_t cols);

 private:
  std::string name_of(const std::string& layer) const;

  const ResultStore& store_;
  std::string key_;
};

}  // namespace quantbench
