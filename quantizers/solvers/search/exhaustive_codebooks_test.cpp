// Rows of codebook formats for the table of distances in results/gguf_encoders.md, which scripts/gguf_encoders.sh writes.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <iostream>

#include "core/file.h"
#include "quantizers/formats/registry.h"
#include "quantizers/solvers/search/codebook_encoder.h"
#include "quantizers/solvers/search/exhaustive_codebooks_for_tests.h"

namespace quantbench {
namespace {

constexpr std::size_t cols = 2048;

std::vector<float> first_row(const std::string& name) {
  const MappedFile file(std::filesystem::path(QUANTBENCH_SOURCE_DIR) / "testdata/formats/encode" / name);
  std::vector<float> values(cols);
  std::memcpy(values.data(), file.bytes().data(), cols * sizeof(float));
  return values;
}

double error_of(const Format& format, const SearchRow& row) {
  std::vector<std::byte> bytes(format.row_bytes(format, cols));
  encode_codebook_row(format, row, {nullptr, bytes.data()}, best_isa());
  std::vector<float> decoded(cols);
  format.decode(format, {nullptr, bytes.data()}, cols, 0, decoded);
  double error = 0;
  for (std::size_t i = 0; i < cols; ++i) {
    const double difference = static_cast<double>(row.weights[i]) - decoded[i];
    error += row.importance[i] * difference * difference;
  }
  return error;
}

TEST(SlowEncoderTable, OfTheDistanceOfCodebooksFromTheOptimum) {
  const std::vector<float> weights = first_row("gauss.f32"), importance = first_row("importance.f32");
  for (const std::string& id : format_ids()) {
    const auto format = find_format(id);
    if (format->codebook == nullptr) continue;
    const double least = exhaustive_codebook_error(*format, weights, importance);
    const double standard = error_of(*format, {weights, importance, Effort::standard});
    const double best = error_of(*format, {weights, importance, Effort::best});
    EXPECT_GE(best, least * 0.9999) << id;
    EXPECT_LE(standard, least * 1.1) << id;
    std::cout << fmt::format(
        "BOUND | {} | {:.4f} | {:.4f} | all d, integer scales, codewords, signs and shifts; 2048 weights |\n", id,
        std::sqrt(standard / least), std::sqrt(best / least));
  }
}

}  // namespace
}  // namespace quantbench
