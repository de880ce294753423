#include "core/error.h"
#include "models/importance/imatrix_file.h"

// Any bytes must give a matrix or an Error, from the reader of either kind; of a matrix, all that it holds must be usable.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace quantbench;
  const auto bytes = std::as_bytes(std::span(data, size));
  for (const auto parse : {parse_imatrix_gguf, parse_imatrix_dat}) {
    try {
      const ImportanceMatrix matrix = parse(bytes, "fuzz.imatrix");
      for (const auto& [name, entry] : matrix.entries) {
        const std::size_t matrices = entry.counts.size();
        const std::size_t cols = entry.sums_of_squares.size() / matrices;
        for (const float value : importance_of(matrix, name, {matrices, cols}).mean_square)
          if (!(value > 0)) __builtin_trap();
      }
    } catch (const Error&) {
    }
  }
  return 0;
}
