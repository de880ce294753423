#include "datasets/crops.h"

#include <unordered_set>

#include "core/hash.h"
#include "datasets/python_random.h"

namespace quantbench {
namespace {

constexpr std::size_t most_tries = 100'000;

/// Draws a place and appends the window that begins there.
std::size_t append_crop(const std::vector<std::int32_t>& ids, std::size_t window, PythonRandom& random,
                        std::vector<std::int32_t>& out) {
  const std::size_t begin = random.randint(0, ids.size() - window - 1);
  const auto first = ids.begin() + static_cast<std::ptrdiff_t>(begin);
  out.insert(out.end(), first, first + static_cast<std::ptrdiff_t>(window));
  return begin;
}

}  // namespace

DatasetTokens crops_of_documents(const JsonRows& rows, const CropOptions& options, const DatasetRequest& request) {
  PythonRandom random(options.seed);
  DatasetTokens crops;
  Sha256 hash;
  std::unordered_set<std::size_t> too_short;
  std::size_t tries = 0;
  for (std::size_t crop = 0; crop < options.count;) {
    const std::size_t row = random.randint(0, rows.size() - 1);
    if (++tries > most_tries || too_short.size() == rows.size())
      fail("{}: no document of more than {} tokens", request.path.string(), request.window);
    if (too_short.contains(row)) continue;
    const std::string text = rows.text(row);
    const std::vector<std::int32_t> ids = request.encoder.encode_with_bos(text);
    if (ids.size() <= request.window) {
      too_short.insert(row);
      continue;
    }
    const std::size_t begin = append_crop(ids, request.window, random, crops.tokens);
    hash.update(fmt::format("row {}, {} bytes, {} tokens from token {}\n", row, text.size(), request.window, begin));
    hash.update(text);
    tries = 0;
    ++crop;
  }
  crops.sha256 = hash.hex();
  return crops;
}

DatasetTokens crops_of_text(const std::string& text, const CropOptions& options, const DatasetRequest& request) {
  const std::vector<std::int32_t> ids = request.encoder.encode_with_bos(text);
  if (ids.size() <= request.window)
    fail("{}: {} tokens, crops of {} need more", request.path.string(), ids.size(), request.window);
  PythonRandom random(options.seed);
  DatasetTokens crops;
  Sha256 hash;
  hash.update(text);
  for (std::size_t crop = 0; crop < options.count; ++crop)
    hash.update(fmt::format("\n{} tokens from token {}", request.window,
                            append_crop(ids, request.window, random, crops.tokens)));
  crops.sha256 = hash.hex();
  return crops;
}

}  // namespace quantbench
