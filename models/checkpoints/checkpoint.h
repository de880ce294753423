// A checkpoint: typed metadata and named tensors read from GGUF or safetensors files, with the files mapped for as long as
// the checkpoint lives.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/tensor.h"

namespace quantbench {

/// A GGUF metadata value. Arrays hold one of the scalar types.
using MetadataScalar = std::variant<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t, std::uint32_t, std::int32_t,
                                    float, bool, std::string, std::uint64_t, std::int64_t, double>;
struct MetadataArray {
  std::uint32_t element_type = 0;  // GGUF value type id
  std::vector<MetadataScalar> elements;
};
using MetadataValue = std::variant<MetadataScalar, MetadataArray>;

/// Typed reading: every accessor throws Error naming the file, the key, the type found and the type expected.
class Metadata {
 public:
  Metadata() = default;
  explicit Metadata(std::string file) : file_(std::move(file)) {}

  bool contains(std::string_view key) const { return values_.find(key) != values_.end(); }
  const std::map<std::string, MetadataValue, std::less<>>& values() const { return values_; }
  void set(std::string key, MetadataValue value) { values_.insert_or_assign(std::move(key), std::move(value)); }
  const std::string& file() const { return file_; }

  std::string text(std::string_view key) const;
  /// Any integer type, if the value is in [0, 2^64).
  std::uint64_t unsigned_integer(std::string_view key) const;
  /// f32 or f64, finite.
  double real(std::string_view key) const;
  bool boolean(std::string_view key) const;
  std::vector<std::string> texts(std::string_view key) const;
  std::vector<float> reals(std::string_view key) const;
  std::vector<std::int64_t> integers(std::string_view key) const;

 private:
  const MetadataValue& at(std::string_view key) const;

  std::string file_;
  std::map<std::string, MetadataValue, std::less<>> values_;
};

/// One tensor as the file describes it. `dims[0]` is the row length (fastest axis), as in GGUF.
struct CheckpointTensor {
  std::string name;
  std::vector<std::uint64_t> dims;
  std::uint32_t gguf_type = 0;          // for safetensors: the GGUF type of the same numbers (F32, F16, BF16, I32 ...)
  std::string type_name;                // "Q4_0", "BF16", "I64" ...
  std::span<const std::byte> bytes;     // in the mapped file
  std::shared_ptr<const Format> format;  // null when this version does not decode the type

  std::uint64_t row_length() const { return dims.empty() ? 1 : dims[0]; }
  std::uint64_t row_count() const;
  /// As a matrix of row_count() rows. Throws Error naming tensor and type when the format is not decodable here.
  Tensor tensor() const;
};

/// Value-like handle; cheap to copy (the mappings are shared). Read-only.
class Checkpoint {
 public:
  Checkpoint(Metadata metadata, std::vector<CheckpointTensor> tensors, std::string source,
             std::vector<std::filesystem::path> files, std::shared_ptr<const void> keep_alive);

  const Metadata& metadata() const { return metadata_; }
  const std::vector<CheckpointTensor>& tensors() const { return tensors_; }  // in file order
  const CheckpointTensor* find(std::string_view name) const;
  /// Throws Error with near matches.
  const CheckpointTensor& at(std::string_view name) const;
  /// The path it was opened by, for messages.
  const std::string& source() const { return source_; }
  /// All files that make it up, in order (shards).
  const std::vector<std::filesystem::path>& files() const { return files_; }

 private:
  Metadata metadata_;
  std::vector<CheckpointTensor> tensors_;
  std::map<std::string, std::size_t, std::less<>> index_;
  std::string source_;
  std::vector<std::filesystem::path> files_;
  std::shared_ptr<const void> keep_alive_;
};

/// Opens a GGUF file (any part of a split one), a safetensors file, a *.safetensors.index.json or a directory that holds
/// safetensors; decides by content, not by name. Throws Error.
Checkpoint open_checkpoint(const std::filesystem::path& path);

}  // namespace quantbench
