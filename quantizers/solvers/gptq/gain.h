// The gain that makes up for the shrinkage of GPTQ's least squares (shrinkage.h), with H as the inner product.
#pragma once

#include "quantizers/solvers/gptq/row_panel.h"

namespace quantbench::gptq {

/// From some rows, quantized for it. 1 for formats of about one bit.
float unbiased_gain(const PanelContext& context);

}  // namespace quantbench::gptq
