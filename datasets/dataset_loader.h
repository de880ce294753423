// Data sets: how files become the tokens that an evaluation or a calibration looks at. Published figures depend on it, so each way
// of loading has a name: "wikitext2:data/wiki.test.raw". docs/datasets.md lists them with their sources.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/registry.h"

namespace quantbench {

/// Text to ids without BOS, and the BOS that the vocabulary asks for at the start of a text.
struct TextEncoder {
  std::function<std::vector<std::int32_t>(std::string_view)> encode;
  std::optional<std::int32_t> leading_bos;

  std::vector<std::int32_t> encode_with_bos(std::string_view text) const;
};

struct DatasetRequest {
  std::filesystem::path path;
  std::size_t window = 0;  // tokens of a window of the protocol: the length of crops
  const TextEncoder& encoder;
};

struct DatasetTokens {
  std::string sha256;  // of the text that was tokenised, or of the rows that crops are of and their places
  std::vector<std::int32_t> tokens;
};

/// Throws Error naming the file when it cannot be read or is not in the form that the loader reads.
struct DatasetLoader {
  static constexpr std::string_view kind = "dataset loader";
  std::string summary;
  std::function<DatasetTokens(const DatasetRequest&)> load;
  /// The tokens are windows one after the other, with BOS where the published recipe has it: none is to be added.
  bool cuts_windows = false;
};

/// A text as configs and command lines name it, taken apart.
struct DatasetName {
  std::string loader;
  std::string path;
};

/// "LOADER:PATH". Without a loader it is `jsonl` for names of JSON Lines files (rows.h), else `text`; "embedded:..." is a path.
/// Throws Error, with near matches, for a loader that is not registered: a path that looks as if it had one is written
/// "text:PATH".
DatasetName parse_dataset_name(const std::string& name);
/// The inverse; `text` and its colon are left out where the path alone means the same.
std::string to_string(const DatasetName& name);

}  // namespace quantbench
