// Writes f32 matrices as a safetensors file.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "core/tensor.h"

namespace quantbench {

struct NamedMatrix {
  std::string name;
  MatrixView matrix;  // written with shape [rows, cols]
};

/// Writes the file atomically, tensors in the given order, the data aligned to 8 bytes. `metadata` becomes
/// `__metadata__` and is left out when empty. Throws Error for names that are empty, not UTF-8, equal or reserved, for
/// a matrix whose values are not rows x cols, and when the file cannot be written.
void write_safetensors(const std::filesystem::path& path, std::span<const NamedMatrix> matrices,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace quantbench
