// What searches of transforms round with: a fast stand-in for the method's own solver.
#pragma once

#include <vector>

#include "quantizers/quantize.h"

namespace quantbench {

/// For integer formats with a zero point the published AWQ grid (rtn with grid=spread), for others that rtn writes plain rounding,
/// and for the rest search:effort=fast.
Method search_rounding(const Format& format);

/// By the scalar decoders. (rows, cols)
std::vector<float> decoded(const Tensor& tensor, int threads);

/// The weights after quantizing and decoding. (rows, cols)
std::vector<float> rounded(const Method& rounding, MatrixView weights, const LayerCalibration& calibration,
                           int threads);

}  // namespace quantbench
