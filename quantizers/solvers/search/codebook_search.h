// The search for the parts of one super-block of a codebook format.
//
// The error is sum over groups g of E_g(d (2 s_g + 1) unit), where E_g(scale) is the error with the best codewords at that
// scale. E_g is known exactly wherever it was scanned (codebook_scan.h), and each scan also leaves codewords whose error at
// any other scale is a parabola, an upper bound of E_g. So, with a pool of such parabolas for each group,
//   1. scan a few scales around the root mean square of the group;
//   2. take the d, and the s_g for it, for which the sum of the best parabolas is least: many d are tried, with the nearest
//      s_g for each parabola; then d is solved by least squares for what was chosen; rounded to binary16; s_g chosen anew;
//   3. scan at these scales: the error can only be lower than the pool said. Keep it if it is the best so far, put its
//      codewords into the pool, and go on with 2 until nothing changes or the effort is spent.
#pragma once

#include "quantizers/solvers/search/codebook_block_scan.h"
#include "quantizers/solvers/search/row_encoder.h"

namespace quantbench {

/// weights, importance: 256 each.
CodebookBlock search_codebook_block(const CodebookFormat& format, const float* weights, const float* importance,
                                    Effort effort, const CodebookKernels& kernels);

}  // namespace quantbench
