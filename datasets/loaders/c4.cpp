// C4 as the code of GPTQ reads it.
#include <algorithm>

#include "datasets/crops.h"
#include "datasets/loaders/whole_text.h"
#include "datasets/rows.h"

namespace quantbench {
namespace {

constexpr std::size_t evaluated_windows = 256;
constexpr std::size_t joined_documents = 1100;

DatasetTokens load_old(const DatasetRequest& request) {
  return crops_of_documents(JsonRows(request.path), {.count = evaluated_windows, .seed = 0}, request);
}

DatasetTokens load_calibration(const DatasetRequest& request) {
  return crops_of_documents(JsonRows(request.path), {.count = 128, .seed = 0}, request);
}

/// The count of tokens includes BOS.
DatasetTokens load_new(const DatasetRequest& request) {
  const JsonRows rows(request.path);
  std::vector<std::string> documents;
  for (std::size_t row = 0; row < std::min(joined_documents, rows.size()); ++row) documents.push_back(rows.text(row));
  DatasetTokens loaded = tokens_of_text(joined(documents, " ", request.path.string()), request);
  const std::size_t most = evaluated_windows * request.window - (request.encoder.leading_bos ? 1 : 0);
  if (loaded.tokens.size() > most) loaded.tokens.resize(most);
  return loaded;
}

const Register<DatasetLoader> c4{
    "c4",
    {"256 random crops of C4 documents, seed 0 (older GPTQ): c4-validation.00000-of-00008.json.gz", load_old, true}};
const Register<DatasetLoader> c4_new{"c4_new",
                                     {"the first 1100 documents of C4 joined with a space, 256 windows (GPTQ tables, "
                                      "version 2): c4-validation.00000-of-00008.json.gz",
                                      load_new}};
const Register<DatasetLoader> c4_calibration{
    "c4_crops",
    {"128 random crops of C4 documents, seed 0 (GPTQ, calibration): c4-train.00000-of-01024.json.gz", load_calibration,
     true}};

}  // namespace
}  // namespace quantbench
