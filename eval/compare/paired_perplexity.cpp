#include "eval/compare/paired_perplexity.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"

namespace quantbench {
namespace {

static_assert(std::endian::native == std::endian::little, "NLL files are little-endian f32");

constexpr std::string_view remedy = "rerun with the NLL files beside the report, or set 'paired: false' in the gate";

// The name comes from a report that anyone may have written: it must stay below the report's directory.
std::filesystem::path nll_path(const ReportFile& file, const CellReport& cell) {
  const std::filesystem::path name(cell.nll_file);
  if (name.empty())
    fail("cannot compare: {} names no per-token NLL file for {}; {}", file.path.string(), cell.method, remedy);
  for (const auto& part : name)
    if (name.is_absolute() || part == "..")
      fail("cannot compare: {} names the NLL file '{}', which is not below the report", file.path.string(),
           cell.nll_file);
  return file.path.parent_path() / name;
}

// Both files measured the same tokens only if each gives the perplexity that its report states.
void check_belongs(std::span<const float> nll, const std::filesystem::path& path, const CellReport& cell) {
  constexpr double tolerance = 1e-5;
  const double value = perplexity(nll).value;
  if (nll.size() != cell.perplexity->tokens || !(std::abs(value / cell.perplexity->value - 1) <= tolerance))
    fail("cannot compare: {} holds {} tokens of perplexity {}, the report says {} of {} for {}", path.string(),
         nll.size(), value, cell.perplexity->tokens, cell.perplexity->value, cell.method);
}

std::vector<float> read_nll(const ReportFile& file, const CellReport& cell) {
  const std::filesystem::path path = nll_path(file, cell);
  if (!std::filesystem::exists(path))
    fail("cannot compare: the per-token NLL file {} of {} is missing; {}", path.string(), cell.method, remedy);
  const MappedFile mapped(path);
  const std::span<const std::byte> bytes = mapped.bytes();
  if (!cell.nll_sha256.empty() && sha256(bytes) != cell.nll_sha256)
    fail("cannot compare: {} is not the file that {} was written with (sha256 differs)", path.string(),
         file.path.string());
  if (bytes.size() % sizeof(float) != 0)
    fail("cannot compare: {} has {} bytes, expected a multiple of {}", path.string(), bytes.size(), sizeof(float));
  std::vector<float> nll(bytes.size() / sizeof(float));
  if (!nll.empty()) std::memcpy(nll.data(), bytes.data(), bytes.size());
  check_belongs(nll, path, cell);
  return nll;
}

}  // namespace

PairedDifference paired_difference(const ReportFile& base, const CellReport& base_cell, const ReportFile& now,
                                   const CellReport& now_cell) {
  return paired_difference(read_nll(base, base_cell), read_nll(now, now_cell));
}

}  // namespace quantbench
