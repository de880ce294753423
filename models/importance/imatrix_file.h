// Files of importance matrices.
//
// imatrix.gguf (read and written): a GGUF file with general.type "imatrix", imatrix.datasets, imatrix.chunk_count and
// imatrix.chunk_size, and for each weight tensor NAME two f32 tensors:
//     NAME.in_sum2  [cols, matrices]   sum of x^2 over the tokens (older files: NAME.sums)
//     NAME.counts   [1, matrices]      number of tokens
// imatrix.dat (read): without magic or alignment,
//     i32 entries; each: i32 length, name; i32 calls; i32 count; f32[count] mean(x^2) * calls
//     i32 chunks; i32 length, path of the text                          (missing in older files)
// Source: the layouts that llama.cpp's imatrix tool writes.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "models/importance/importance_matrix.h"

namespace quantbench {

/// Reads either kind; decides by content. Throws Error naming file, byte or tensor, what was found and what is expected;
/// also for a value that is negative, infinite or NaN, with its column.
ImportanceMatrix read_importance_matrix(const std::filesystem::path& path);

/// `source` names the file in errors.
ImportanceMatrix parse_imatrix_gguf(std::span<const std::byte> file, const std::string& source);
ImportanceMatrix parse_imatrix_dat(std::span<const std::byte> file, const std::string& source);

/// True when the file begins as an importance matrix of either kind does; false also when it cannot be read.
bool is_importance_matrix(const std::filesystem::path& path);

/// Writes imatrix.gguf. The file appears whole. Throws Error, also for a tensor name that is too long for GGUF.
void write_importance_matrix(const std::filesystem::path& path, const ImportanceMatrix& matrix);

}  // namespace quantbench
