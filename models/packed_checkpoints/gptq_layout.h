// The layout of GPTQ checkpoints: codes packed along the inputs, zero points along the outputs.
//
//     qweight  I32 [cols * bits / 32, rows]             column n of words is a dense line of codes, those of row n
//     qzeros   I32 [groups, rows * bits / 32]           each row of words is a dense line of zero points
//     scales   F16 [groups, rows]                       BF16 and F32 are read, too
//     g_idx    I32 [cols]                               the group of each column; with act-order any permutation
//
// Checkpoint format "gptq" (v1) stores zero points less one, so that 0 wraps round to all ones; "gptq_v2" stores them as
// they are. Words of other widths (pack_dtype) hold the same lines.
#pragma once

#include "models/packed_checkpoints/layer_scheme.h"
#include "models/packed_checkpoints/stored_tensor.h"

namespace quantbench {

enum class GptqVersion { v1, v2 };

/// Zero points are the stored fields, whatever the version. Reads nothing but `tensors`, which outlive the result.
/// Throws Error naming file, tensor, what was found and what was expected.
PackedLayer open_gptq_layer(const LayerTensors& tensors, const LayerScheme& scheme);

/// What pack_gptq_layer will give, without bytes. Throws Error when the layout cannot hold such a layer.
std::vector<StoredTensor> gptq_tensors(const std::string& prefix, const PackedShape& shape);
std::vector<StoredTensor> pack_gptq_layer(const std::string& prefix, const PackedLayer& layer, GptqVersion version);

/// Checked g_idx: empty when column k is of group k / group throughout. Throws Error for a group out of range, and when a
/// group has not as many columns as it should.
std::vector<std::uint32_t> read_group_index(const LayerTensors& tensors, const CheckpointTensor& g_idx,
                                            const PackedShape& shape);

}  // namespace quantbench
