// Opens a model, whatever it is stored as.
#pragma once

#include <filesystem>

#include "models/checkpoints/checkpoint.h"

namespace quantbench {

/// A GGUF file as it is; a Hugging Face directory (or its safetensors file or index, with config.json beside it) in GGUF's
/// conventions (family.h), with the layers of packed checkpoints (GPTQ, AWQ, compressed-tensors) in integer formats; other
/// safetensors as they are. Throws Error.
Checkpoint open_model(const std::filesystem::path& path);

}  // namespace quantbench
