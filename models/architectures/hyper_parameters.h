// The hyper-parameters of GGUF metadata, `<architecture>.*`, with bounds: every error names the file and the key.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "models/architectures/decoder_parameters.h"
#include "models/checkpoints/checkpoint.h"
#include "models/model.h"

namespace quantbench {

class HyperParameters {
 public:
  HyperParameters(const Metadata& metadata, std::string architecture)
      : metadata_(metadata), architecture_(std::move(architecture)) {}

  bool contains(const char* name) const { return metadata_.contains(key(name)); }
  /// A count from 1 to 2^31 - 1.
  std::size_t count(const char* name) const;
  std::size_t count_or(const char* name, std::size_t otherwise) const;
  /// One count for each layer, from a scalar or an array.
  std::vector<std::size_t> counts(const char* name, std::size_t layers) const;
  bool flag_or(const char* name, bool otherwise) const;
  /// Above 0.
  double positive_or(const char* name, double otherwise) const;
  double real(const char* name) const { return metadata_.real(key(name)); }
  std::string text_or(const char* name, const char* otherwise) const;
  [[noreturn]] void refuse(const char* name, const std::string& reason) const;

 private:
  std::string key(const char* name) const { return architecture_ + "." + name; }
  std::size_t checked(const char* name, std::uint64_t value) const;

  const Metadata& metadata_;
  std::string architecture_;
};

/// What a family changes after sizes, epsilon and rotations have been read; may be empty.
using AdjustDecoder = std::function<void(const HyperParameters&, DecoderParameters&)>;

/// The architecture `traits.architecture`, whose structure is `traits` and whose sizes are read from the checkpoint. Loading
/// throws Error naming file and key or tensor with what was found and expected.
Architecture decoder_architecture(DecoderParameters traits, AdjustDecoder adjust = {});

}  // namespace quantbench
