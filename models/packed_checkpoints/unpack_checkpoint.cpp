#include "models/packed_checkpoints/unpack_checkpoint.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <utility>

#include "models/packed_checkpoints/awq_layout.h"
#include "models/packed_checkpoints/compressed_tensors_layout.h"
#include "models/packed_checkpoints/zero_points.h"

namespace quantbench {
namespace {

struct FoundLayer {
  std::string name;
  PackedLayer layer;
  LayerScheme scheme;
  ZeroFieldCounts zeros;
  std::vector<const CheckpointTensor*> parts;
};

bool is_gptq(PackedLayout layout) { return layout == PackedLayout::gptq || layout == PackedLayout::gptq_v2; }

/// The first is what a layer is known by.
std::vector<std::string_view> suffixes_of(PackedLayout layout) {
  if (layout == PackedLayout::compressed_tensors)
    return {".weight_packed", ".weight_scale", ".weight_shape", ".weight_zero_point", ".weight_g_idx"};
  return {".qweight", ".qzeros", ".scales", ".g_idx", ".scaled_zeros"};
}

class Unpacker {
 public:
  Unpacker(const Checkpoint& raw, const QuantizationFacts& facts)
      : raw_(raw), facts_(facts), version_(labelled_version()) {}

  Checkpoint run() {
    find_layers();
    if (is_gptq(facts_.layout)) settle_version();
    std::vector<CheckpointTensor> tensors;
    for (const CheckpointTensor& tensor : raw_.tensors()) {
      if (const auto layer = first_parts_.find(tensor.name); layer != first_parts_.end())
        tensors.push_back(weight_of(layers_[layer->second]));
      else if (!parts_.contains(tensor.name))
        tensors.push_back(tensor);
    }
    return raw_.with_tensors(metadata(), std::move(tensors));
  }

 private:
  GptqVersion labelled_version() const {
    return facts_.layout == PackedLayout::gptq ? GptqVersion::v1 : GptqVersion::v2;
  }

  void find_layers() {
    const std::string_view main_suffix = suffixes_of(facts_.layout).front();
    for (const CheckpointTensor& tensor : raw_.tensors()) {
      if (!tensor.name.ends_with(main_suffix)) continue;
      first_parts_.emplace(tensor.name, layers_.size());
      layers_.push_back(open_layer(tensor.name.substr(0, tensor.name.size() - main_suffix.size())));
    }
    if (layers_.empty())
      fail("{}: no tensor '*{}', and {} says that the layout is {}", raw_.source(), main_suffix, facts_.source,
           to_string(facts_.layout));
    refuse_activation_scales();
  }

  FoundLayer open_layer(const std::string& name) {
    FoundLayer found{.name = name, .layer = {}, .scheme = facts_.scheme_of(name), .zeros = {}, .parts = {}};
    const LayerTensors tensors(raw_, name);
    found.layer = open(tensors, found.scheme);
    found.zeros = count_zero_fields(found.layer);
    for (const std::string_view suffix : suffixes_of(facts_.layout))
      if (const CheckpointTensor* const part = raw_.find(name + std::string(suffix))) {
        found.parts.push_back(part);
        parts_.insert(part->name);
        part->release();
      }
    if (raw_.find(name + ".weight") != nullptr)
      fail("{}: layer '{}' is packed, and there is a tensor '{}.weight', too", raw_.source(), name, name);
    return found;
  }

  PackedLayer open(const LayerTensors& tensors, const LayerScheme& scheme) {
    switch (facts_.layout) {
      case PackedLayout::awq:
        return open_awq_layer(tensors, scheme, AwqVersion::gemm);
      case PackedLayout::awq_gemv:
        return open_awq_layer(tensors, scheme, AwqVersion::gemv);
      case PackedLayout::awq_gemv_fast:
        return open_awq_layer(tensors, scheme, AwqVersion::gemv_fast);
      case PackedLayout::compressed_tensors:
        break;
      case PackedLayout::gptq:
      case PackedLayout::gptq_v2:
        return open_gptq_layer(tensors, scheme);
    }
    CompressedTensorsLayer found = open_compressed_tensors_layer(tensors, scheme);
    if (found.packing == CodePacking::whole_codes) ++older_packings_;
    if (found.ambiguous_packing) ++ambiguous_packings_;
    return std::move(found.layer);
  }

  /// AWQ may divide what an activation function gives by numbers of its own, which no architecture here does.
  void refuse_activation_scales() const {
    for (const CheckpointTensor& tensor : raw_.tensors())
      if (!is_gptq(facts_.layout) && tensor.name.ends_with(".scales") && !parts_.contains(tensor.name))
        fail("{}: tensor '{}' belongs to no packed layer: scales of an activation function, which are not applied here",
             raw_.source(), tensor.name);
  }

  void settle_version() {
    ZeroFieldCounts symmetric;
    for (const FoundLayer& found : layers_) {
      all_zeros_.add(found.zeros);
      if (found.scheme.symmetric.value_or(false)) symmetric.add(found.zeros);
    }
    const GptqVersion stored = version_of_fields(symmetric, version_);
    if (stored != version_)
      notes_.push_back(fmt::format(
          "labelled {}, but {} of the {} zero fields of symmetric layers are those of {}: read as {}",
          to_string(facts_.layout), stored == GptqVersion::v1 ? symmetric.symmetric_v1 : symmetric.symmetric_v2,
          symmetric.fields, name_of(stored), name_of(stored)));
    version_ = stored;
    if (symmetric.fields == 0 && version_of_fields(all_zeros_, version_) != version_)
      notes_.push_back(fmt::format(
          "read as {}, as labelled; at least 99 % of the zero fields are those of a symmetric {} file, but the "
          "configuration does not say sym: true",
          name_of(version_), name_of(version_of_fields(all_zeros_, version_))));
  }

  static std::string_view name_of(GptqVersion version) { return version == GptqVersion::v1 ? "gptq" : "gptq_v2"; }

  bool adds_one() const { return is_gptq(facts_.layout) && version_ == GptqVersion::v1; }

  int largest_zero(const FoundLayer& found) const {
    const int largest = (1 << found.layer.shape.bits) - 1;
    const bool carried = adds_one() && facts_.zero_overflow == ZeroOverflow::carries && found.zeros.all_ones > 0;
    return carried ? largest + 1 : largest;
  }

  bool is_symmetric(const FoundLayer& found) const {
    return (adds_one() ? found.zeros.symmetric_v1 : found.zeros.symmetric_v2) == found.zeros.fields;
  }

  CheckpointTensor weight_of(FoundLayer& found) {
    PackedLayer layer = found.layer;
    PackedShape& shape = layer.shape;
    shape.symmetric = is_symmetric(found);
    layer.zero = [read = layer.zero, bits = shape.bits, zero_of = zero_rule()](std::size_t row, std::size_t group) {
      return zero_of(read(row, group), bits);
    };
    const std::string name = found.name + ".weight";
    CheckpointTensor tensor;
    tensor.name = name;
    tensor.dims = {shape.cols, shape.rows};
    tensor.gguf_type = no_gguf_type;
    tensor.format = format_of(shape, largest_zero(found));
    tensor.type_name = fmt::format("{} {}", to_string(facts_.layout), tensor.format->id);
    for (const CheckpointTensor* part : found.parts) tensor.sources.push_back(part->bytes);
    (void)tensor.format->tensor_bytes(shape.rows, shape.cols);  // refused here if it cannot be held
    tensor.make = [layer = std::move(layer), name, format = tensor.format] { return tensor_of(layer, name, format); };
    scattered_ += found.layer.shape.act_order ? 1 : 0;
    widened_ += largest_zero(found) >= 1 << found.layer.shape.bits ? 1 : 0;
    return tensor;
  }

  std::function<int(int, int)> zero_rule() const {
    return [adds = adds_one(), overflow = facts_.zero_overflow](int field, int bits) {
      if (!adds) return field;
      return overflow == ZeroOverflow::wraps ? (field + 1) & ((1 << bits) - 1) : field + 1;
    };
  }

  std::string zero_points_text() const {
    if (!is_gptq(facts_.layout)) return "as stored";
    if (version_ == GptqVersion::v2) return "as stored (v2)";
    return fmt::format("stored less one (v1); {} of {} fields are all ones, read as {}", all_zeros_.all_ones,
                       all_zeros_.fields,
                       facts_.zero_overflow == ZeroOverflow::wraps ? "0 (masked)" : "2^bits (not masked)");
  }

  std::string differing(const std::function<std::string(const FoundLayer&)>& text) const {
    std::set<std::string> all;
    for (const FoundLayer& found : layers_) all.insert(text(found));
    return fmt::format("{}", fmt::join(all, ", "));
  }

  double bits_per_weight() const {
    double weights = 0, bytes = 0;
    for (const FoundLayer& found : layers_) {
      weights += static_cast<double>(found.layer.shape.rows) * static_cast<double>(found.layer.shape.cols);
      for (const CheckpointTensor* part : found.parts) bytes += static_cast<double>(part->bytes.size());
    }
    return 8 * bytes / weights;
  }

  void add_counted_notes() {
    const auto add = [&](std::size_t count, std::string_view text) {
      if (count > 0) notes_.push_back(fmt::format("{} of {} layers: {}", count, layers_.size(), text));
    };
    add(scattered_, "act-order scatters the columns of groups; held with a scale for each weight (groups of 1)");
    add(widened_, "zero points of 2^bits; held with one bit more");
    add(older_packings_, "older packing of compressed-tensors, whole codes in each word");
    add(ambiguous_packings_, "too narrow to tell the two packings of compressed-tensors apart; read as dense");
  }

  Metadata metadata() {
    add_counted_notes();
    Metadata metadata = raw_.metadata();
    const auto set = [&](const std::string& key, std::string value) {
      metadata.set("quantization." + key, MetadataScalar(std::move(value)));
    };
    set("layout", std::string(is_gptq(facts_.layout) ? name_of(version_) : to_string(facts_.layout)));
    set("source", facts_.source);
    set("layers", std::to_string(layers_.size()));
    set("bits", differing([](const FoundLayer& found) { return std::to_string(found.layer.shape.bits); }));
    set("group_size", differing([](const FoundLayer& found) {
          return found.layer.shape.group == 0 ? "row" : std::to_string(found.layer.shape.group);
        }));
    set("bits_per_weight", fmt::format("{:.4f}", bits_per_weight()));
    set("act_order", scattered_ == 0 ? "no" : scattered_ == layers_.size() ? "yes" : "some layers");
    set("zero_points", zero_points_text());
    for (std::size_t index = 0; index < notes_.size(); ++index) set(fmt::format("note.{}", index), notes_[index]);
    return metadata;
  }

  const Checkpoint& raw_;
  const QuantizationFacts& facts_;
  GptqVersion version_;
  std::vector<FoundLayer> layers_;
  std::map<std::string, std::size_t, std::less<>> first_parts_;
  std::set<std::string, std::less<>> parts_;
  ZeroFieldCounts all_zeros_;
  std::size_t scattered_ = 0, widened_ = 0, older_packings_ = 0, ambiguous_packings_ = 0;
  std::vector<std::string> notes_;
};

}  // namespace

Checkpoint unpack_checkpoint(const Checkpoint& raw, const QuantizationFacts& facts) {
  return Unpacker(raw, facts).run();
}

Checkpoint unpack_if_packed(const Checkpoint& raw) {
  if (raw.files().empty()) return raw;
  const auto facts = find_quantization_facts(raw.files().front().parent_path());
  return facts ? unpack_checkpoint(raw, *facts) : raw;
}

std::vector<std::string> packing_notes(const Metadata& metadata) {
  if (!metadata.contains("quantization.layout")) return {};
  const auto value = [&](const char* key) { return metadata.text(std::string("quantization.") + key); };
  std::vector<std::string> notes = {fmt::format(
      "the model's {} packed layers ({}): {} bits, group size {}, {} bits per weight, act-order: {}; zero points {}",
      value("layers"), value("layout"), value("bits"), value("group_size"), value("bits_per_weight"),
      value("act_order"), value("zero_points"))};
  for (const auto& [key, note] : metadata.values())
    if (key.starts_with("quantization.note.")) notes.push_back("the model: " + metadata.text(key));
  return notes;
}

}  // namespace quantbench
