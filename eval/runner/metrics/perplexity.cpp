// Perplexity on the config's text, and its difference from the f32 cell's, paired over tokens.
#include "eval/metrics/perplexity.h"

#include "eval/runner/cell_context.h"
#include "eval/runner/metric.h"

namespace quantbench {
namespace {

void add_difference(const CellContext& context, std::span<const float> nll, PerplexityReport& report) {
  const SharedResults& shared = context.shared();
  if (shared.base_nll.empty()) fail("there is no f32 cell to pair the perplexity with: {}", shared.base_failure);
  const PairedDifference paired = paired_difference(shared.base_nll, nll);
  report.difference = paired.mean;
  report.difference_lower = paired.lower;
  report.difference_upper = paired.upper;
}

void measure(CellContext& context, CellReport& cell) {
  const std::span<const float> nll = context.evaluation().nll;
  const Perplexity result = perplexity(nll);
  PerplexityReport report;
  report.value = result.value;
  report.stderr_ = result.stderr_;
  report.tokens = result.tokens;
  report.protocol = context.experiment().evaluation->protocol.name;
  if (!context.is_base()) add_difference(context, nll, report);
  cell.perplexity = report;
}

const Register<Metric> registered{"perplexity",
                                  {.summary = "perplexity with standard error, and the paired difference from f32",
                                   .needs_text = true,
                                   .measure = &measure}};

}  // namespace
}  // namespace quantbench
