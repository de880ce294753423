#include "quantizers/solvers/search/codebook_search.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <span>

#include "core/half.h"
#include "quantizers/formats/scale.h"

namespace quantbench {
namespace {

constexpr int largest_groups = CodebookBlockScan::largest_groups;

/// What an effort adds to those below it: each does all that they do first, so that more effort never gives more error.
struct Stage {
  std::span<const float> of_typical;  // scales to scan, times the typical one of each group
  std::span<const float> of_best;     // then, times the best one of each group so far
  int rounds = 0;                     // of choosing d and scanning there
  bool neighbours = false;            // also scan at the integer scales next to the chosen ones
};

// Found by trial on normal, heavy-tailed and outlier-ridden weights: where groups want their scale spreads from 0.7 to 2
// times the typical one, and more of them wide apart serve better than many close ones.
constexpr float wide[] = {0.85f, 1.2f, 1.7f}, between[] = {1.0f, 1.45f}, widest[] = {0.7f, 2.1f, 1.0f, 1.45f};
constexpr float around[] = {0.92f, 1.08f}, close[] = {0.95f, 1.05f}, all_around[] = {0.96f, 1.04f, 0.88f, 1.14f};
constexpr Stage octet_stages[] = {{wide, {}, 1}, {{}, around, 1}, {widest, all_around, 8, true}};
/// Errors of three bits a weight are so small that the scale counts for more.
constexpr Stage quad_stages[] = {{wide, {}, 1}, {between, close, 1}, {widest, all_around, 8, true}};
/// Scans with shifts search the largest codebook twice, and those after the first round gain least.
constexpr float two[] = {0.9f, 1.5f}, others[] = {0.7f, 1.2f, 1.7f, 2.1f, 1.0f};
constexpr float all_near[] = {0.92f, 1.08f, 0.96f, 1.04f, 0.88f, 1.14f};
constexpr Stage shifted_stages[] = {{two, {}, 1}, {}, {others, all_near, 8, true}};

const Stage* stages_of(const CodebookFormat& format) {
  if (format.signs == CodebookSigns::shifted) return shifted_stages;
  return format.lists.codeword_weights == 4 ? quad_stages : octet_stages;
}

/// d and integer scales, as stored.
struct Scales {
  std::uint16_t d = 0;
  std::uint8_t integer[largest_groups] = {};
  bool operator==(const Scales&) const = default;
};

class BlockSearch {
 public:
  BlockSearch(const CodebookFormat& format, const CodebookKernels& kernels, const float* weights,
              const float* importance)
      : format_(format),
        kernels_(kernels),
        block_(format, kernels, weights, importance),
        groups_(block_.groups()),
        least_error_(block_.energy()) {}

  void run(Effort effort) {
    if (block_.energy() == 0) return;
    const Stage* stages = stages_of(format_);
    for (int stage = 0; stage <= static_cast<int>(effort); ++stage) run_stage(stages[stage]);
  }
  double error() const { return least_error_; }
  const CodebookBlock& parts() const { return best_parts_; }

 private:
  void run_stage(const Stage& stage);
  bool run_round(bool neighbours);
  std::optional<Scales> choose_scales() const;
  float promising_d() const;
  float solve_d(float d) const;
  ScanResult scan_at(const Scales& scales) const;
  void scan_neighbours(const Scales& scales);
  void add_to_pool(const ScanResult& scan);
  void keep_if_better(const ScanResult& found, const Scales& scales);

  float stored_d(std::uint16_t half) const { return std::ldexp(f16_to_f32(half), -block_.weight_exponent()); }
  ScaleGrid grid() const { return {format_.unit, format_.largest_scale, groups_}; }

  const CodebookFormat& format_;
  const CodebookKernels& kernels_;
  const CodebookBlockScan block_;
  const int groups_;
  CodewordPool pool_;
  std::optional<Scales> last_;
  double least_error_;
  CodebookBlock best_parts_;
};

void BlockSearch::run_stage(const Stage& stage) {
  float scale[largest_groups];
  for (const float factor : stage.of_typical) {
    for (int group = 0; group < groups_; ++group) scale[group] = factor * block_.typical_scale(group);
    add_to_pool(block_.scan(scale));
  }
  for (const float factor : stage.of_best) {
    for (int group = 0; group < groups_; ++group) scale[group] = factor * pool_.scale_of_least[group];
    add_to_pool(block_.scan(scale));
  }
  for (int round = 0; round < stage.rounds; ++round)
    if (!run_round(stage.neighbours)) return;
}

/// False when nothing new was to be tried.
bool BlockSearch::run_round(bool neighbours) {
  const std::optional<Scales> scales = choose_scales();
  if (!scales || scales == last_) return false;
  last_ = scales;
  const ScanResult found = scan_at(*scales);
  keep_if_better(found, *scales);
  add_to_pool(found);
  if (neighbours) scan_neighbours(*scales);
  return true;
}

/// d is tried in even steps around the one that gives the largest integer to the group with the largest scale.
float BlockSearch::promising_d() const {
  constexpr float smallest_share = 0.6f, largest_share = 1.4f;
  float largest = 0;
  for (int group = 0; group < groups_; ++group) largest = std::max(largest, pool_.scale_of_least[group]);
  const float full = largest / (format_.unit * static_cast<float>(2 * format_.largest_scale + 1));
  alignas(64) float d[d_candidates], gains[d_candidates];
  for (int i = 0; i < d_candidates; ++i)
    d[i] = full * (smallest_share + static_cast<float>(i) * ((largest_share - smallest_share) / (d_candidates - 1)));
  if (!(d[0] > 0)) return 0;
  kernels_.pool_gains(pool_, grid(), d, gains);
  int least = 0;
  for (int i = 1; i < d_candidates; ++i) least = gains[i] < gains[least] ? i : least;
  return d[least];
}

/// Least squares for the integer scales and codewords that suit `d`.
float BlockSearch::solve_d(float d) const {
  ScaleChoice choice;
  kernels_.choose_scales(pool_, grid(), d, choice);
  double a = 0, b = 0;
  for (int group = 0; group < groups_; ++group) {
    const double factor = (2.0 * choice.scale[group] + 1) * format_.unit;
    a += factor * choice.a[group];
    b += factor * factor * choice.b[group];
  }
  return a > 0 && b > 0 ? static_cast<float>(a / b) : d;
}

std::optional<Scales> BlockSearch::choose_scales() const {
  float d = promising_d();
  if (d == 0) return std::nullopt;
  for (int step = 0; step < 2; ++step) d = solve_d(d);
  Scales scales;
  scales.d = f32_to_f16(formats::nearest_scale<formats::HalfScale>(std::ldexp(d, block_.weight_exponent())));
  if (scales.d == 0) scales.d = 1;  // what is left of a scale below the range of binary16; zero is there from the start
  ScaleChoice choice;
  kernels_.choose_scales(pool_, grid(), stored_d(scales.d), choice);
  for (int group = 0; group < groups_; ++group) scales.integer[group] = static_cast<std::uint8_t>(choice.scale[group]);
  return scales;
}

ScanResult BlockSearch::scan_at(const Scales& scales) const {
  const float d = stored_d(scales.d);
  float scale[largest_groups];
  for (int group = 0; group < groups_; ++group)
    scale[group] = d * format_.unit * static_cast<float>(2 * scales.integer[group] + 1);
  return block_.scan(scale);
}

void BlockSearch::scan_neighbours(const Scales& scales) {
  for (const int step : {-1, 1}) {
    Scales next = scales;
    for (int group = 0; group < groups_; ++group)
      next.integer[group] =
          static_cast<std::uint8_t>(std::clamp(scales.integer[group] + step, 0, format_.largest_scale));
    add_to_pool(scan_at(next));
  }
}

void BlockSearch::add_to_pool(const ScanResult& scan) {
  if (pool_.count < CodewordPool::largest) kernels_.add_to_pool(scan, groups_, pool_);
}

void BlockSearch::keep_if_better(const ScanResult& found, const Scales& scales) {
  // Sums in binary32 know no smaller differences; taking them for gains could make a higher effort the worse one.
  constexpr double least_gain = 1e-6;
  double error = 0;
  for (const float of_octet : found.error) error += of_octet;
  if (!(error < least_error_ * (1 - least_gain))) return;
  least_error_ = error;
  block_.store(found, best_parts_);
  best_parts_.d = f16_to_f32(scales.d);
  std::copy_n(scales.integer, groups_, best_parts_.scales);
}

}  // namespace

CodebookBlock search_codebook_block(const CodebookFormat& format, const float* weights, const float* importance,
                                    Effort effort, const CodebookKernels& kernels) {
  BlockSearch search(format, kernels, weights, importance);
  search.run(effort);
  if (effort != Effort::best || format.signs != CodebookSigns::shifted) return search.parts();
  // Signed codebooks are not symmetric, so a negative d may fit better.
  float negated[CodebookBlockScan::weights_of_block];
  std::transform(weights, weights + CodebookBlockScan::weights_of_block, negated, std::negate<>());
  BlockSearch negative(format, kernels, negated, importance);
  negative.run(effort);
  if (!(negative.error() < search.error())) return search.parts();
  CodebookBlock parts = negative.parts();
  parts.d = -parts.d;
  return parts;
}

}  // namespace quantbench
