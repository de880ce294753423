// Windows cut from random places, as the code of GPTQ draws them.
#pragma once

#include "datasets/dataset_loader.h"
#include "datasets/rows.h"

namespace quantbench {

struct CropOptions {
  std::size_t count = 0;
  std::uint64_t seed = 0;
};

/// For each crop: documents are drawn with Python's randint until one has more than `request.window` tokens, BOS included; then the
/// place of the crop is drawn. Throws Error when a hundred thousand documents in a row are too short. (The original also stops
/// at a document of exactly `window` tokens, and then fails: the range of places is empty.)
DatasetTokens crops_of_documents(const JsonRows& rows, const CropOptions& options, const DatasetRequest& request);

/// Crops of one text, its BOS included. Throws Error when it has no more than `request.window` tokens.
DatasetTokens crops_of_text(const std::string& text, const CropOptions& options, const DatasetRequest& request);

}  // namespace quantbench
