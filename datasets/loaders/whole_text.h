// For loaders that make one text of a file.
#pragma once

#include "core/hash.h"
#include "datasets/dataset_loader.h"

namespace quantbench {

inline DatasetTokens tokens_of_text(const std::string& text, const DatasetRequest& request) {
  return {sha256(std::string_view(text)), request.encoder.encode(text)};
}

}  // namespace quantbench
