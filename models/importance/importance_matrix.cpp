#include "models/importance/importance_matrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <span>

#include "core/checked.h"
#include "core/error.h"

namespace quantbench {
namespace {

constexpr double least_share_of_mean = 1e-6;

void add_values(std::vector<float>& sum, const std::vector<float>& more) {
  for (std::size_t i = 0; i < sum.size(); ++i)
    sum[i] = static_cast<float>(static_cast<double>(sum[i]) + static_cast<double>(more[i]));
}

/// Replaces the sums of one matrix by means that can be weights; false when they say nothing.
bool make_means(std::span<float> sums, float count) {
  const double total = std::accumulate(sums.begin(), sums.end(), 0.0);
  if (!(count > 0) || !(total > 0)) {
    std::ranges::fill(sums, 1.0f);
    return false;
  }
  using Float = std::numeric_limits<float>;
  const double mean = total / static_cast<double>(count) / static_cast<double>(sums.size());
  const double least = std::clamp<double>(mean * least_share_of_mean, Float::min(), Float::max());
  for (float& value : sums)
    value = static_cast<float>(
        std::clamp<double>(static_cast<double>(value) / static_cast<double>(count), least, Float::max()));
  return true;
}

}  // namespace

void add(ImportanceMatrix& sum, const ImportanceMatrix& more) {
  for (const auto& [name, entry] : more.entries) {
    const auto [found, inserted] = sum.entries.emplace(name, entry);
    if (inserted) continue;
    ImportanceEntry& known = found->second;
    if (known.sums_of_squares.size() != entry.sums_of_squares.size() || known.counts.size() != entry.counts.size())
      fail("importance of tensor '{}': {} values and {} counts cannot be added to {} and {}", name,
           entry.sums_of_squares.size(), entry.counts.size(), known.sums_of_squares.size(), known.counts.size());
    add_values(known.sums_of_squares, entry.sums_of_squares);
    add_values(known.counts, entry.counts);
  }
  for (const std::string& dataset : more.datasets)
    if (std::ranges::find(sum.datasets, dataset) == sum.datasets.end()) sum.datasets.push_back(dataset);
  sum.chunk_count = checked_add(sum.chunk_count, more.chunk_count);
  if (sum.chunk_size != more.chunk_size) sum.chunk_size = 0;
}

TensorImportance importance_of(const ImportanceMatrix& matrix, const std::string& tensor, TensorColumns shape) {
  const auto found = matrix.entries.find(tensor);
  if (found == matrix.entries.end()) return {};
  const ImportanceEntry& entry = found->second;
  const std::size_t wanted = checked_multiply(shape.matrices, shape.cols);
  const bool counts_fit = entry.counts.size() == shape.matrices || entry.counts.size() == 1;
  if (entry.sums_of_squares.size() != wanted || !counts_fit)
    fail("importance of tensor '{}': {} values in {} matrices, and the tensor has {} columns in {} matrices", tensor,
         entry.sums_of_squares.size(), entry.counts.size(), shape.cols, shape.matrices);
  TensorImportance importance{entry.sums_of_squares, {}};
  std::size_t silent = 0;
  for (std::size_t index = 0; index < shape.matrices; ++index) {
    const float count = entry.counts[entry.counts.size() == 1 ? 0 : index];
    if (!make_means(std::span(importance.mean_square).subspan(index * shape.cols, shape.cols), count)) ++silent;
  }
  if (silent > 0)
    importance.note =
        fmt::format("{}: the importance matrix is zero{}; every column counts the same", tensor,
                    shape.matrices == 1 ? "" : fmt::format(" for {} of {} experts", silent, shape.matrices));
  return importance;
}

bool requires_importance(const std::string& format_id) {
  return format_id == "iq1_s" || format_id == "iq2_xxs" || format_id == "iq2_xs";
}

}  // namespace quantbench
