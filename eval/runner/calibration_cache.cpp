#include "eval/runner/calibration_cache.h"

#include <nlohmann/json.hpp>
#include <string_view>

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

}  // namespace quantbench
