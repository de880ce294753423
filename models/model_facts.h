// What the rules of mixes need to know about a model, from whatever a checkpoint says.
#pragma once

#include "models/checkpoints/checkpoint.h"
#include "quantizers/allocation/allocation.h"

namespace quantbench {

/// From the GGUF metadata; what they do not say, from the names and shapes of the tensors: the layers by their highest
/// number, query heads for each key-value head by the rows of the first layer's query and key matrices. Throws Error for
/// metadata of the wrong type or without sense.
ModelFacts model_facts(const Checkpoint& checkpoint);

}  // namespace quantbench
