// Quantized models as GPTQ, AWQ and compressed-tensors checkpoints: what FileQuantizer makes, written as a Hugging Face directory.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "eval/quantize_file.h"
#include "models/packed_checkpoints/write_packed_checkpoint.h"

namespace quantbench {

/// "gptq", "gptq_v2", "awq" or "compressed-tensors". Throws Error.
PackedLayout parse_packed_layout(const std::string& name);

struct PackedOutput {
  const Checkpoint& model;     // as open_model gives it: a Hugging Face directory
  std::filesystem::path path;  // where that was opened
  PackedLayout layout;
  std::filesystem::path out;
};

/// Throws Error for what can be refused before any work: a model that is no Hugging Face directory or is packed already, a
/// tensor that the layout cannot hold, a directory that exists.
void check_packed_output(const PackedOutput& output, const FileQuantizer& quantizer);

struct PackedOutputResult {
  std::uint64_t layer_bytes = 0;   // of the packed layers, in the file
  std::vector<std::string> notes;  // what there is to tell
};
PackedOutputResult write_packed_output(const PackedOutput& output, const FileQuantizer& quantizer,
                                       const PackProgress& progress);

}  // namespace quantbench
