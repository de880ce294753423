// KL divergence of the quantized model's next-token distributions from the unquantized model's.
#include "eval/runner/cell_context.h"
#include "eval/runner/metric.h"

namespace quantbench {
namespace {

void measure(CellContext& context, CellReport& cell) {
  const std::optional<KlDivergence>& divergence = context.evaluation().kl_divergence;
  if (!divergence) fail("there are no logits of the unquantized model to compare with");
  cell.kld = KldReport{.mean = divergence->mean,
                       .median = divergence->median,
                       .p90 = divergence->p90,
                       .p99 = divergence->p99,
                       .max = divergence->max,
                       .top1_agreement = divergence->top1_agreement,
                       .rms_probability_difference = divergence->rms_probability_difference,
                       .noise_floor = context.shared().noise_floor,
                       .stderr_ = divergence->standard_error};
}

const Register<Metric> registered{
    "kld",
    {.summary = "KL divergence from the unquantized model over next-token distributions, with its noise floor",
     .needs_text = true,
     .needs_base_logits = true,
     .measure = &measure}};

}  // namespace
}  // namespace quantbench
