// A checkpoint: typed metadata and named tensors read from GGUF or safetensors files, with the files mapped for as long
// as the checkpoint lives.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/file.h"
#include "core/tensor.h"

namespace quantbench {

/// A GGUF metadata value that is not an array. The alternatives stand in the order of the GGUF value type ids.
using MetadataScalar = std::variant<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t, std::uint32_t, std::int32_t,
                                    float, bool, std::string, std::uint64_t, std::int64_t, double>;

/// An array of one of the scalar types, held as a vector of that type: a vocabulary of 100 000 scores takes 4 bytes
/// each.
struct MetadataArray {
  using Elements = std::variant<std::vector<std::uint8_t>, std::vector<std::int8_t>, std::vector<std::uint16_t>,
                                std::vector<std::int16_t>, std::vector<std::uint32_t>, std::vector<std::int32_t>,
                                std::vector<float>, std::vector<bool>, std::vector<std::string>,
                                std::vector<std::uint64_t>, std::vector<std::int64_t>, std::vector<double>>;

  MetadataArray() = default;
  template <class T>
  MetadataArray(std::vector<T> values) : elements(std::move(values)) {}  // implicit: set("key", std::vector{...})

  std::size_t size() const {
    return std::visit([](const auto& values) { return values.size(); }, elements);
  }
  bool operator==(const MetadataArray&) const = default;

  Elements elements;
};
using MetadataValue = std::variant<MetadataScalar, MetadataArray>;

/// The GGUF value type id: 0..8 and 10..12 for scalars, 9 for arrays.
std::uint32_t value_type_id(const MetadataValue& value);
std::uint32_t element_type_id(const MetadataArray& array);
/// "u32", "string", "array of f32" ...
std::string value_type_name(const MetadataValue& value);

/// Typed reading: every accessor throws Error naming the file, the key, the type found and the type expected.
class Metadata {
 public:
  Metadata() = default;
  explicit Metadata(std::string file) : file_(std::move(file)) {}

  bool contains(std::string_view key) const { return values_.find(key) != values_.end(); }
  const std::map<std::string, MetadataValue, std::less<>>& values() const { return values_; }
  /// The type written is the type given: set("split.count", std::uint16_t{3}).
  void set(std::string key, MetadataValue value) { values_.insert_or_assign(std::move(key), std::move(value)); }
  const std::string& file() const { return file_; }

  void erase(std::string_view key);

  std::string text(std::string_view key) const;
  /// Any integer type, if the value is in [0, 2^64).
  std::uint64_t unsigned_integer(std::string_view key) const;
  /// f32 or f64, finite.
  double real(std::string_view key) const;
  bool boolean(std::string_view key) const;
  std::vector<std::string> texts(std::string_view key) const;
  /// An array of f32 or f64 (narrowed); infinities and NaN are returned as they are.
  std::vector<float> reals(std::string_view key) const;
  /// An array of any integer type whose values fit.
  std::vector<std::int64_t> integers(std::string_view key) const;

 private:
  const MetadataValue& at(std::string_view key) const;
  const MetadataScalar& scalar(std::string_view key, std::string_view expected) const;
  const MetadataArray& array(std::string_view key, std::string_view expected) const;
  [[noreturn]] void fail_type(std::string_view key, std::string_view expected) const;

  std::string file_;
  std::map<std::string, MetadataValue, std::less<>> values_;
};

/// `gguf_type` of a tensor whose numbers GGUF has no type for (the U8, BOOL or F8 tensors of safetensors files).
inline constexpr std::uint32_t no_gguf_type = 0xFFFFFFFFu;

/// What a tensor was in the file before it was brought to GGUF's conventions (models/hugging_face/).
struct TensorOrigin {
  std::string name;
  /// Row r was row row_order[r]; empty: as it was. A vector's numbers count as rows.
  std::vector<std::uint32_t> row_order;
  bool transposed = false;
  float added = 0;  // to each number
};

/// One tensor as the file describes it. `dims[0]` is the row length (fastest axis), as in GGUF.
struct CheckpointTensor {
  std::string name;
  std::vector<std::uint64_t> dims;
  std::uint32_t gguf_type = 0;           // for safetensors: the GGUF type of the same numbers (F32, F16, BF16, I32 ...)
  std::string type_name;                 // "Q4_0", "BF16", "I64" ...
  std::span<const std::byte> bytes;      // in the mapped file; empty where `make` is given
  std::shared_ptr<const Format> format;  // null when this version does not decode the type
  /// Of a tensor that the file holds in another form (rows in another order, transposed, packed by another tool): makes it, anew
  /// at each call. Null: `bytes` are the tensor.
  std::function<TensorData()> make = {};
  std::vector<std::span<const std::byte>> sources = {};          // what `make` reads of the mapped files
  std::shared_ptr<const TensorOrigin> origin = {};               // null: as in the file
  std::shared_ptr<const std::vector<MappedFile>> mappings = {};  // what `bytes` and `sources` view; set by Checkpoint

  std::uint64_t row_length() const { return dims.empty() ? 1 : dims[0]; }
  /// 0 when any dimension is 0.
  std::uint64_t row_count() const;
  /// As a matrix of row_count() rows; owns its bytes where they have to be made. Throws Error naming tensor and type when the
  /// format is not decodable here.
  Tensor tensor() const;
  /// The same, but a tensor that has to be made is not made yet: `loaded` does (core/tensor.h).
  Tensor unloaded_tensor() const;
  /// Gives back the memory that the file's bytes take, until they are read again.
  void release() const;
  /// In the file: of what it is made from, where it is made and `sources` says from what; else of the tensor.
  std::uint64_t size_bytes() const;
};

/// Value-like handle; cheap to copy (the mappings are shared). Read-only.
class Checkpoint {
 public:
  Checkpoint(Metadata metadata, std::vector<CheckpointTensor> tensors, std::string source,
             std::vector<std::filesystem::path> files, std::shared_ptr<const void> keep_alive,
             std::optional<std::filesystem::path> config = {},
             std::shared_ptr<const std::vector<MappedFile>> mappings = {});

  const Metadata& metadata() const { return metadata_; }
  const std::vector<CheckpointTensor>& tensors() const { return tensors_; }  // in file order
  const CheckpointTensor* find(std::string_view name) const;
  /// Throws Error with near matches.
  const CheckpointTensor& at(std::string_view name) const;
  /// The path it was opened by, for messages.
  const std::string& source() const { return source_; }
  /// All files that make it up, in order (shards).
  const std::vector<std::filesystem::path>& files() const { return files_; }
  /// The config.json that lies beside safetensors files; none for GGUF, whose metadata holds the hyper-parameters.
  const std::optional<std::filesystem::path>& config() const { return config_; }

  /// The same files, read as other tensors: what those are made of lies in these files.
  Checkpoint with_tensors(Metadata metadata, std::vector<CheckpointTensor> tensors) const;

 private:
  Metadata metadata_;
  std::vector<CheckpointTensor> tensors_;
  std::map<std::string, std::size_t, std::less<>> index_;
  std::string source_;
  std::vector<std::filesystem::path> files_;
  std::shared_ptr<const void> keep_alive_;
  std::optional<std::filesystem::path> config_;
  std::shared_ptr<const std::vector<MappedFile>> mappings_;
};

/// Opens a GGUF file (any part of a split one), a safetensors file, a *.safetensors.index.json or a directory that
/// holds safetensors; decides by content, not by name. Throws Error.
Checkpoint open_checkpoint(const std::filesystem::path& path);

}  // namespace quantbench
