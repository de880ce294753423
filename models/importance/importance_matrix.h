// An importance matrix: for each linear layer, how strongly each input column is driven on some text. Encoders weight the
// squared error of a weight by it, since the error of the layer's output is
//     E (sum_j (w_j - w'_j) x_j)^2  ~  sum_j (w_j - w'_j)^2 E x_j^2      (inputs taken as uncorrelated)
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace quantbench {

/// The inputs of one weight tensor. A tensor of experts is several matrices, each with tokens of its own.
struct ImportanceEntry {
  std::vector<float> sums_of_squares;  // (matrices, cols): sum of x^2 over the tokens; finite, >= 0
  /// Tokens that were summed: one number for each matrix, or one for all. Finite, >= 0.
  std::vector<float> counts;

  bool operator==(const ImportanceEntry&) const = default;
};

struct ImportanceMatrix {
  std::map<std::string, ImportanceEntry, std::less<>> entries;  // by the name of the weight tensor
  std::vector<std::string> datasets;                            // names of the texts
  std::uint32_t chunk_count = 0;
  std::uint32_t chunk_size = 0;  // tokens; 0: not known

  bool operator==(const ImportanceMatrix&) const = default;
};

/// Adds the sums and counts of `more`: what collecting over both texts would have given. Throws Error naming the tensor
/// when the two have different sizes.
void add(ImportanceMatrix& sum, const ImportanceMatrix& more);

/// What encoders get for one tensor.
struct TensorImportance {
  /// (matrices, cols) mean x^2 of each column, every value > 0; empty when the matrix has no entry for the tensor.
  std::vector<float> mean_square;
  std::string note;  // what the reader should know about this tensor's importance; empty: nothing
};

struct TensorColumns {
  std::size_t matrices = 1;  // experts
  std::size_t cols = 0;
};

/// The means, made safe for weighting:
///   - a matrix that no token reached, or whose columns are all zero: every column counts the same, and the note says so;
///   - some columns are zero: they count a millionth of the mean, so that they are not left to chance;
///   - the entry has not matrices x cols values: Error naming the tensor.
TensorImportance importance_of(const ImportanceMatrix& matrix, const std::string& tensor, TensorColumns shape);

/// True for the formats that the reference encoder refuses to write without importance: iq1_s, iq2_xxs, iq2_xs.
bool requires_importance(const std::string& format_id);

}  // namespace quantbench
