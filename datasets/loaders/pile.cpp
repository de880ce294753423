// The validation set of the Pile as the code of AWQ calibrates on it: documents in the order of datasets.shuffle(seed=42), without
// the white space around them; of those with 1 to 512 tokens (BOS included) the first 128, one after the other.
#include "core/checked.h"
#include "core/hash.h"
#include "datasets/dataset_loader.h"
#include "datasets/numpy_random.h"
#include "datasets/python_text.h"
#include "datasets/rows.h"

namespace quantbench {
namespace {

constexpr std::uint32_t shuffle_seed = 42;
constexpr std::size_t longest_document = 512;
constexpr std::size_t documents = 128;

DatasetTokens load(const DatasetRequest& request) {
  const JsonRows rows(request.path);
  DatasetTokens loaded;
  Sha256 hash;
  std::size_t taken = 0;
  for (const std::uint32_t row : numpy_permutation(shuffle_seed, checked_cast<std::uint32_t>(rows.size(), "rows"))) {
    const std::string document = rows.text(row);
    const std::string_view text = python_strip(document);
    const std::vector<std::int32_t> ids = request.encoder.encode_with_bos(text);
    if (ids.empty() || ids.size() > longest_document) continue;
    loaded.tokens.insert(loaded.tokens.end(), ids.begin(), ids.end());
    hash.update(fmt::format("row {}, {} bytes\n", row, text.size()));
    hash.update(text);
    if (++taken == documents) break;
  }
  loaded.sha256 = hash.hex();
  return loaded;
}

const Register<DatasetLoader> pile{
    "pile",
    {"128 documents of at most 512 tokens, shuffled with seed 42 (AWQ, calibration): Pile validation as JSON rows",
     load, true}};

}  // namespace
}  // namespace quantbench
