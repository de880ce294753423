#include "models/checkpoints/checkpoint.h"

#include <algorithm>

#include "core/checked.h"
#include "core/suggest.h"

namespace quantbench {
namespace {

class CheckpointSource final : public TensorSource {
 public:
  explicit CheckpointSource(CheckpointTensor tensor) : tensor_(std::move(tensor)) {}

  Tensor load() const override {
    Tensor made = shared_tensor(tensor_.make());
    made.name = tensor_.name;
    return made;
  }
  void release() const override { tensor_.release(); }

 private:
  CheckpointTensor tensor_;
};

}  // namespace

std::uint64_t CheckpointTensor::row_count() const {
  if (std::ranges::find(dims, std::uint64_t{0}) != dims.end()) return 0;
  std::uint64_t rows = 1;
  for (std::size_t axis = 1; axis < dims.size(); ++axis) rows = checked_multiply(rows, dims[axis]);
  return rows;
}

Tensor CheckpointTensor::tensor() const { return loaded(unloaded_tensor()); }

Tensor CheckpointTensor::unloaded_tensor() const {
  if (!format) fail("tensor '{}' is of type {}, which this version cannot decode", name, type_name);
  Tensor view{.name = name,
              .rows = checked_cast<std::size_t>(row_count(), "rows"),
              .cols = checked_cast<std::size_t>(row_length(), "columns"),
              .format = format,
              .bytes = bytes};
  if (make || mappings) view.source = std::make_shared<const CheckpointSource>(*this);
  return view;
}

void CheckpointTensor::release() const {
  if (!mappings) return;
  const auto release_range = [this](std::span<const std::byte> range) {
    (void)std::ranges::any_of(*mappings, [&](const MappedFile& mapping) { return mapping.release(range); });
  };
  release_range(bytes);
  for (const std::span<const std::byte> range : sources) release_range(range);
}

std::uint64_t CheckpointTensor::size_bytes() const {
  if (!make) return bytes.size();
  if (sources.empty())
    return format->tensor_bytes(checked_cast<std::size_t>(row_count(), "rows"),
                                checked_cast<std::size_t>(row_length(), "columns"));
  std::uint64_t size = 0;
  for (const std::span<const std::byte> source : sources) size = checked_add<std::uint64_t>(size, source.size());
  return size;
}

Checkpoint::Checkpoint(Metadata metadata, std::vector<CheckpointTensor> tensors, std::string source,
                       std::vector<std::filesystem::path> files, std::shared_ptr<const void> keep_alive,
                       std::optional<std::filesystem::path> config,
                       std::shared_ptr<const std::vector<MappedFile>> mappings)
    : metadata_(std::move(metadata)),
      tensors_(std::move(tensors)),
      source_(std::move(source)),
      files_(std::move(files)),
      keep_alive_(std::move(keep_alive)),
      config_(std::move(config)),
      mappings_(std::move(mappings)) {
  for (CheckpointTensor& tensor : tensors_) tensor.mappings = mappings_;
  for (std::size_t index = 0; index < tensors_.size(); ++index)
    if (!index_.emplace(tensors_[index].name, index).second)
      fail("{}: tensor '{}' exists twice", source_, tensors_[index].name);
}

Checkpoint Checkpoint::with_tensors(Metadata metadata, std::vector<CheckpointTensor> tensors) const {
  return Checkpoint(std::move(metadata), std::move(tensors), source_, files_, keep_alive_, config_, mappings_);
}

const CheckpointTensor* Checkpoint::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

const CheckpointTensor& Checkpoint::at(std::string_view name) const {
  if (const CheckpointTensor* found = find(name)) return *found;
  std::vector<std::string> names;
  for (const auto& [known, index] : index_) names.push_back(known);
  fail("{}: no tensor '{}'{}", source_, name, suggestion(name, names));
}

}  // namespace quantbench
