#include "eval/compare/paired_perplexity.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"

namespace quantbench {
namespace {

static_assert(std::endian::native == std::endian::little, "files of tokens are little-endian f32");

constexpr std::string_view remedy = "rerun with the NLL files beside the report, or set 'paired: false' in the gate";

/// One of the two files of tokens that a cell may have.
struct TokenFile {
  std::string_view kind;
  const std::string& name;
  const std::string& hash;
};

// The name comes from a report that anyone may have written: it must stay below the report's directory.
std::filesystem::path path_of(const ReportFile& file, const CellReport& cell, const TokenFile& tokens) {
  const std::filesystem::path name(tokens.name);
  if (name.empty())
    fail("cannot compare: {} names no per-token {} file for {}; {}", file.path.string(), tokens.kind, cell.method,
         remedy);
  for (const auto& part : name)
    if (name.is_absolute() || part == "..")
      fail("cannot compare: {} names the {} file '{}', which is not below the report", file.path.string(), tokens.kind,
           tokens.name);
  return file.path.parent_path() / name;
}

std::vector<float> read_tokens(const ReportFile& file, const CellReport& cell, const TokenFile& tokens) {
  const std::filesystem::path path = path_of(file, cell, tokens);
  if (!std::filesystem::exists(path))
    fail("cannot compare: the per-token {} file {} of {} is missing; {}", tokens.kind, path.string(), cell.method,
         remedy);
  const MappedFile mapped(path);
  const std::span<const std::byte> bytes = mapped.bytes();
  if (!tokens.hash.empty() && sha256(bytes) != tokens.hash)
    fail("cannot compare: {} is not the file that {} was written with (sha256 differs)", path.string(),
         file.path.string());
  if (bytes.size() % sizeof(float) != 0)
    fail("cannot compare: {} has {} bytes, expected a multiple of {}", path.string(), bytes.size(), sizeof(float));
  std::vector<float> values(bytes.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

constexpr double relative_tolerance = 1e-5;

// Both files measured the same tokens only if each gives the perplexity that its report states.
void check_perplexity(std::span<const float> nll, const ReportFile& file, const CellReport& cell) {
  const double value = perplexity(nll).value;
  if (nll.size() == cell.perplexity->tokens && std::abs(value / cell.perplexity->value - 1) <= relative_tolerance)
    return;
  fail("cannot compare: {} holds {} tokens of perplexity {}, the report says {} of {} for {}",
       (file.path.parent_path() / cell.nll_file).string(), nll.size(), value, cell.perplexity->tokens,
       cell.perplexity->value, cell.method);
}

void check_divergence(std::span<const float> divergence, const ReportFile& file, const CellReport& cell) {
  constexpr double rounding = 1e-9;  // nats: of models that are the same
  double sum = 0;
  for (const float value : divergence) sum += static_cast<double>(value);
  const double mean = divergence.empty() ? 0 : sum / static_cast<double>(divergence.size());
  if (std::abs(mean - cell.kld->mean) <= rounding + relative_tolerance * std::abs(cell.kld->mean)) return;
  fail("cannot compare: {} has a mean of {} nats, the report says {} for {}",
       (file.path.parent_path() / cell.kld_file).string(), mean, cell.kld->mean, cell.method);
}

}  // namespace

std::vector<float> read_token_nll(const ReportFile& file, const CellReport& cell) {
  std::vector<float> nll = read_tokens(file, cell, {"NLL", cell.nll_file, cell.nll_sha256});
  check_perplexity(nll, file, cell);
  return nll;
}

std::vector<float> read_token_divergence(const ReportFile& file, const CellReport& cell) {
  std::vector<float> divergence = read_tokens(file, cell, {"divergence", cell.kld_file, cell.kld_sha256});
  check_divergence(divergence, file, cell);
  return divergence;
}

PairedDifference paired_difference(const ReportFile& base, const CellReport& base_cell, const ReportFile& now,
                                   const CellReport& now_cell) {
  return paired_difference(read_token_nll(base, base_cell), read_token_nll(now, now_cell));
}

}  // namespace quantbench
