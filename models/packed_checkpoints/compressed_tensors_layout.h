// The layout "pack-quantized" of compressed-tensors: integer codes of 1 to 8 bits, of which 2 to 8 are read here.
//
//     weight_packed      I32 [rows, words]                   codes along the inputs
//     weight_scale       F16 [rows, groups], [rows, 1] or [1]
//     weight_shape       I64 [2]                             rows, cols
//     weight_zero_point  I32 [words, groups]                 asymmetric only; each column of words is a line of zero points of the
//                        I8  [rows, groups]                  outputs; or, from older writers, plain signed numbers
//     weight_g_idx       I32 [cols]                          act-order only
//
// Codes and packed zero points are the signed numbers + 2^(bits-1). The words of 3, 5, 6 and 7 bits come in two packings
// without a mark: dense, or (older) whole codes only; the number of words tells which.
#pragma once

#include "models/packed_checkpoints/code_line.h"
#include "models/packed_checkpoints/gptq_layout.h"

namespace quantbench {

struct CompressedTensorsLayer {
  PackedLayer layer;
  CodePacking packing = CodePacking::dense;
  bool ambiguous_packing = false;  // both packings take as many words, and differ: dense was taken
};

/// Reads nothing but `tensors`, which outlive the result. Throws Error naming file, tensor, what was found and expected.
CompressedTensorsLayer open_compressed_tensors_layer(const LayerTensors& tensors, const LayerScheme& scheme);

/// Of the dense packing: what pack_compressed_tensors_layer will give, without bytes. Throws Error when it cannot hold
/// such a layer.
std::vector<StoredTensor> compressed_tensors_tensors(const std::string& prefix, const PackedShape& shape);
std::vector<StoredTensor> pack_compressed_tensors_layer(const std::string& prefix, const PackedLayer& layer);

}  // namespace quantbench
