// Sensitivities as JSON.
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "eval/sensitivity/sensitivity.h"

namespace quantbench {
namespace {

using Json = nlohmann::ordered_json;

constexpr int file_version = 1;

Json optional_json(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Json json_of(const SensitivityOrigin& origin) {
  return {{"version", origin.version},
          {"model", {{"name", origin.model}, {"sha256", origin.model_sha256}}},
          {"text", {{"name", origin.text}, {"sha256", origin.text_sha256}, {"protocol", origin.protocol}}},
          {"windows", origin.windows},
          {"divergence_windows", origin.divergence_windows},
          {"method", origin.method}};
}

SensitivityOrigin origin_of(const Json& json) {
  const Json &model = json.at("model"), &text = json.at("text");
  return {.version = json.at("version"),
          .model = model.at("name"),
          .model_sha256 = model.at("sha256"),
          .text = text.at("name"),
          .text_sha256 = text.at("sha256"),
          .protocol = text.at("protocol"),
          .windows = json.at("windows"),
          .divergence_windows = json.at("divergence_windows"),
          .method = json.at("method")};
}

Json json_of(const FormatSensitivity& format, const TensorSensitivity& tensor, const std::string& probe) {
  Json json = {{"format", format.format},
               {"bytes", format.bytes},
               {"bits_per_weight", 8 * static_cast<double>(format.bytes) / static_cast<double>(tensor.weights())},
               {"diagonal_error", format.diagonal_error}};
  if (format.full_error) json["full_error"] = *format.full_error;
  if (format.kld)
    json["kld"] = {{"mean", format.kld->mean}, {"lower", format.kld->lower}, {"upper", format.kld->upper}};
  if (const auto estimate = tensor.estimate(format, probe)) json["estimate"] = *estimate;
  return json;
}

FormatSensitivity format_of(const Json& json) {
  FormatSensitivity format{.format = json.at("format"),
                           .bytes = json.at("bytes"),
                           .diagonal_error = json.at("diagonal_error"),
                           .full_error = {},
                           .kld = {}};
  if (json.contains("full_error")) format.full_error = json.at("full_error").get<double>();
  if (json.contains("kld")) {
    const Json& kld = json.at("kld");
    format.kld = MeasuredDivergence{kld.at("mean"), kld.at("lower"), kld.at("upper")};
  }
  return format;
}

Json json_of(const TensorSensitivity& tensor, const std::string& probe) {
  Json json = {{"name", tensor.name}, {"rows", tensor.rows}, {"cols", tensor.cols}, {"formats", Json::array()}};
  for (const FormatSensitivity& format : tensor.formats) json["formats"].push_back(json_of(format, tensor, probe));
  return json;
}

TensorSensitivity tensor_of(const Json& json) {
  TensorSensitivity tensor{json.at("name"), json.at("rows"), json.at("cols"), {}};
  for (const Json& format : json.at("formats")) tensor.formats.push_back(format_of(format));
  return tensor;
}

Json json_of(const EstimateCorrelation& correlation) {
  return {{"estimate", correlation.estimate},
          {"pairs", correlation.pairs},
          {"spearman", optional_json(correlation.spearman)},
          {"pearson", optional_json(correlation.pearson)},
          {"pearson_of_logarithms", optional_json(correlation.pearson_of_logarithms)},
          {"spearman_within_format", optional_json(correlation.spearman_within_format)}};
}

}  // namespace

std::string to_json(const Sensitivity& sensitivity) {
  Json json = {{"sensitivity_version", file_version}, {"origin", json_of(sensitivity.origin)},
               {"probe", sensitivity.probe},          {"noise_floor", sensitivity.noise_floor},
               {"correlations", Json::array()},       {"tensors", Json::array()}};
  for (const EstimateCorrelation& correlation : correlate_estimates(sensitivity))
    json["correlations"].push_back(json_of(correlation));
  for (const TensorSensitivity& tensor : sensitivity.tensors)
    json["tensors"].push_back(json_of(tensor, sensitivity.probe));
  return json.dump(2) + "\n";
}

Sensitivity read_sensitivity(const std::filesystem::path& path) {
  try {
    const Json json = Json::parse(read_text(path));
    if (const int version = json.at("sensitivity_version"); version != file_version)
      fail("{}: sensitivity_version is {}; this version of quantbench reads {}", path.string(), version, file_version);
    Sensitivity sensitivity{origin_of(json.at("origin")), json.at("probe"), json.at("noise_floor"), {}};
    for (const Json& tensor : json.at("tensors")) sensitivity.tensors.push_back(tensor_of(tensor));
    return sensitivity;
  } catch (const Json::exception& error) {
    fail("{} is not what `quantbench sensitivity` writes: {}", path.string(), error.what());
  }
}

}  // namespace quantbench
