// What converters to GGUF do to tensors of Hugging Face checkpoints, done when a tensor is asked for.
#pragma once

#include <cstddef>
#include <string>

#include "models/checkpoints/checkpoint.h"

namespace quantbench {

struct TensorRewrite {
  std::size_t rotated_heads =
      0;                        // rows of each of so many heads: pairs (i, i + size / 2) become neighbours (2i, 2i + 1)
  std::size_t fused_heads = 0;  // rows (head, q k v, size) become (q k v, head, size)
  bool transposed = false;      // (inputs, outputs) becomes (outputs, inputs)
  float added = 0;              // to each number, in f32
};

/// The tensor under another name, rewritten lazily; a vector's numbers count as rows. `origin` says where each row comes from.
/// Throws Error when the shape does not fit, naming `file` and the tensor. `transposed` and `added` leave tensors alone that were
/// made of another packing, which is by output already.
CheckpointTensor rewritten(const CheckpointTensor& tensor, const TensorRewrite& rewrite, std::string name,
                           const std::string& file);

}  // namespace quantbench
