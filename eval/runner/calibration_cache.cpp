#include "eval/runner/calibration_cache.h"

#include <fmt/format.h>

#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/checked.h"
#include "core/file.h"
#include "core/hash.h"

namespace quantbench {
namespace {

using Json = nlohmann::json;

constexpr std::size_t hash_length = 64;

Json to_cbor_value(const LayerStatistics& layer) {
  return {{"tokens", layer.tokens},
          {"mean_absolute", layer.mean_absolute},
          {"max_absolute", layer.max_absolute},
          {"mean_square", layer.mean_square}};
}

LayerStatistics to_statistics(const Json& value) {
  LayerStatistics layer;
  layer.tokens = value.at("tokens").get<std::size_t>();
  layer.mean_absolute = value.at("mean_absolute").get<std::vector<float>>();
  layer.max_absolute = value.at("max_absolute").get<std::vector<float>>();
  layer.mean_square = value.at("mean_square").get<std::vector<float>>();
  return layer;
}

}  // namespace

std::optional<Calibration> find_calibration(const std::filesystem::path& path, const std::string& key) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  const std::string text = read_text(path);
  if (text.size() <= hash_length) return std::nullopt;
  const std::string_view content = std::string_view(text).substr(hash_length + 1);
  if (sha256(content) != text.substr(0, hash_length)) return std::nullopt;
  const Json document = Json::from_cbor(content.begin(), content.end(), true, false);
  if (document.is_discarded() || document.value("key", "") != key) return std::nullopt;
  Calibration calibration;
  for (const auto& [name, value] : document.at("layers").items()) calibration.emplace(name, to_statistics(value));
  return calibration;
}

void save_calibration(const std::filesystem::path& path, const std::string& key, const Calibration& calibration) {
  Json layers = Json::object();
  for (const auto& [name, layer] : calibration) layers[name] = to_cbor_value(layer);
  const std::vector<std::uint8_t> content = Json::to_cbor({{"key", key}, {"layers", std::move(layers)}});
  const auto bytes = std::as_bytes(std::span(content));
  AtomicFile file(path);
  file.write(sha256(bytes) + "\n");
  file.write(bytes);
  file.commit();
}

MomentsCache::MomentsCache(const ResultStore& store, std::string key) : store_(store), key_(std::move(key)) {}

std::string MomentsCache::name_of(const std::string& layer) const {
  return "moments-" + sha256(key_ + layer).substr(0, 32) + ".bin";
}

std::optional<LayerStatistics> MomentsCache::find(const std::string& layer, const CalibrationNeeds& needs) const {
  const std::filesystem::path path = store_.shared_file(name_of(layer));
  if (needs.cross_moments || !std::filesystem::exists(path)) return std::nullopt;
  const MappedFile file(path);
  const std::string_view all(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  if (all.size() <= hash_length || sha256(all.substr(hash_length + 1)) != all.substr(0, hash_length))
    return std::nullopt;
  const std::string_view content = all.substr(hash_length + 1);
  std::size_t length = 0;
  const auto [end, error] = std::from_chars(content.data(), content.data() + content.size(), length);
  const auto start = static_cast<std::size_t>(end - content.data()) + 1;
  if (error != std::errc() || start > content.size() || length > content.size() - start) return std::nullopt;
  const Json document = Json::from_cbor(content.substr(start, length), true, false);
  if (document.is_discarded() || document.value("key", "") != key_ || document.value("layer", "") != layer)
    return std::nullopt;
  LayerStatistics statistics = to_statistics(document);
  const std::size_t cols = statistics.mean_square.size();
  const std::string_view moments = content.substr(start + length);
  if (moments.size() != checked_multiply(cols, cols) * sizeof(float)) return std::nullopt;
  statistics.second_moments.resize(cols * cols);
  std::memcpy(statistics.second_moments.data(), moments.data(), moments.size());
  return statistics;
}

void MomentsCache::save(const std::string& layer, const LayerStatistics& statistics) const {
  Json document = to_cbor_value(statistics);
  document["key"] = key_;
  document["layer"] = layer;
  const std::vector<std::uint8_t> cbor = Json::to_cbor(document);
  const std::string length = fmt::format("{}\n", cbor.size());
  const auto moments = std::as_bytes(std::span(statistics.second_moments));
  Sha256 hash;
  hash.update(length);
  hash.update(std::as_bytes(std::span(cbor)));
  hash.update(moments);
  AtomicFile file(store_.shared_file(name_of(layer)));
  file.write(hash.hex() + "\n" + length);
  file.write(std::as_bytes(std::span(cbor)));
  file.write(moments);
  file.commit();
}

std::uint64_t MomentsCache::file_bytes(std::size_t cols) {
  constexpr std::size_t cbor_bytes_per_number = 5;
  return 3 * cols * cbor_bytes_per_number + checked_multiply(cols, cols) * sizeof(float);
}

}  // namespace quantbench
