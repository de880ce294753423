// Hyper-parameters of a Llama-family model and the tensors they imply.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "models/architectures/blocks/rope.h"
#include "models/checkpoints/checkpoint.h"

namespace quantbench {

struct LlamaLayer {
  std::size_t heads = 0;
  std::size_t kv_heads = 0;  // divides heads
  std::size_t feed_forward = 0;
};

struct LlamaParameters {
  std::size_t context_length = 0;
  std::size_t width = 0;  // embedding_length
  std::size_t head_size = 0;
  std::size_t vocabulary = 0;
  float rms_epsilon = 0;
  RopeParameters rope;
  std::optional<std::size_t> sliding_window;
  bool tied_output = false;  // no output.weight: the embedding is used
  std::vector<LlamaLayer> layers;
};

struct TensorShape {
  std::string name;
  std::size_t rows = 0, cols = 0;
};

/// "blk.<layer>.<part>.weight"
std::string layer_tensor(std::size_t layer, const char* part);

/// Every tensor that the parameters ask for, in model order.
std::vector<TensorShape> llama_tensors(const LlamaParameters& parameters);

/// Reads and checks the llama.* metadata and every tensor's presence and shape. Scalars may be given per layer, as
/// arrays of block_count entries. Throws Error naming file and key or tensor with what was found and expected: missing
/// or senseless hyper-parameters, RoPE scaling other than linear, mixtures of experts, missing or misshapen tensors,
/// and tensors that this version would ignore.
LlamaParameters read_llama_parameters(const Checkpoint& checkpoint);

}  // namespace quantbench
