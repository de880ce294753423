// Packed checkpoints (GPTQ, AWQ, compressed-tensors) as checkpoints of ordinary tensors: the tensors of each packed layer
// become one `<layer>.weight` in an integer format, with the levels, scales and zero points that are stored.
#pragma once

#include "models/checkpoints/checkpoint.h"
#include "models/packed_checkpoints/quantization_facts.h"

namespace quantbench {

/// The tensors are made when they are asked for, row by row from the mapped files; what is not packed stays as it is. Reads all zero
/// points, to learn which layers are symmetric and whether a GPTQ checkpoint is of the version that it says:
/// if 99 % of the zero fields of layers that are said to be symmetric are those of the other version, it is taken for that.
///
/// With act-order the columns of a group are scattered, which no format here can store by the group: such layers get groups
/// of 1, exactly, but with a scale for each weight.
///
/// What was found is in the metadata, under "quantization.": layout, source, bits, group_size, bits_per_weight (of the file, like
/// size_bytes() of the tensors), act_order, zero_points and note.N.
///
/// Throws Error naming file, tensor, what was found and what was expected. Scales are looked at when a tensor is made: it
/// throws for one that is not finite.
Checkpoint unpack_checkpoint(const Checkpoint& raw, const QuantizationFacts& facts);

/// Of a safetensors checkpoint; itself where no configuration beside its files says that it is packed.
Checkpoint unpack_if_packed(const Checkpoint& raw);

/// What to tell with results of a model whose layers are packed, a line each; nothing for others.
std::vector<std::string> packing_notes(const Metadata& metadata);

}  // namespace quantbench
