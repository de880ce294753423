// The layouts of AWQ checkpoints: 4 bits, zero points as they are, groups of consecutive columns.
//
// gemm: packed along the outputs. Nibble i of a word belongs to output 8 * word + {0, 2, 4, 6, 1, 3, 5, 7}[i].
//     qweight  I32 [cols, rows / 8]      qzeros  I32 [groups, rows / 8]      scales  F16 [groups, rows]
// gemv: packed along the inputs in natural order, groups padded with zeros to z words.
//     qweight  I32 [rows, cols / 8]      qzeros  I32 [rows, z]               scales  F16 [rows, 8 z]
// gemv_fast: four rows and 64 columns interleaved in words of 16 bits; -scale * zero instead of zero points.
//     qweight  I16 [rows / 4, cols]      qzeros or scaled_zeros, scales  F16 [8 z, rows]
#pragma once

#include "models/packed_checkpoints/gptq_layout.h"

namespace quantbench {

enum class AwqVersion { gemm, gemv, gemv_fast };

/// Reads nothing but `tensors`, which outlive the result. Throws Error naming file, tensor, what was found and expected;
/// for gemv_fast, zero() throws it where scale and scaled zero have no whole quotient.
PackedLayer open_awq_layer(const LayerTensors& tensors, const LayerScheme& scheme, AwqVersion version);

/// Of the gemm layout: what pack_awq_layer will give, without bytes. Throws Error when it cannot hold such a layer.
std::vector<StoredTensor> awq_tensors(const std::string& prefix, const PackedShape& shape);
std::vector<StoredTensor> pack_awq_layer(const std::string& prefix, const PackedLayer& layer);

}  // namespace quantbench
