#include "models/hugging_face/config_json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <cstdint>

#include "core/error.h"
#include "core/file.h"
#include "models/checkpoints/strict_json.h"

namespace quantbench {
namespace {

using Json = nlohmann::json;

std::string shown(const Json& value) {
  const std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return text.size() <= 60 ? text : text.substr(0, 60) + "...";
}

}  // namespace

ConfigJson ConfigJson::read(const std::filesystem::path& path) {
  Json document = parse_strict_json(read_text(path), path.string());
  if (!document.is_object()) fail("{}: is {}, expected a JSON object", path.string(), shown(document));
  return {std::move(document), path.string()};
}

const Json* ConfigJson::find(Names names, const char** found_name) const {
  for (const char* const name : names) {
    const auto found = object_.find(name);
    if (found == object_.end() || found->is_null()) continue;
    if (found_name != nullptr) *found_name = name;
    return &*found;
  }
  return nullptr;
}

void ConfigJson::refuse(const char* name, const std::string& reason) const {
  fail("{}: member {} {}", source_, name, reason);
}

void ConfigJson::refuse_absence(Names names) const { fail("{}: no member {}", source_, fmt::join(names, " or ")); }

std::optional<std::size_t> ConfigJson::count(Names names) const {
  const char* name = nullptr;
  const Json* const value = find(names, &name);
  if (value == nullptr) return std::nullopt;
  constexpr std::uint64_t most = (std::uint64_t{1} << 31) - 1;
  if (!value->is_number_unsigned() || value->get<std::uint64_t>() == 0 || value->get<std::uint64_t>() > most)
    refuse(name, fmt::format("is {}, expected a whole number from 1 to {}", shown(*value), most));
  return value->get<std::size_t>();
}

std::size_t ConfigJson::required_count(Names names) const {
  if (const auto value = count(names)) return *value;
  refuse_absence(names);
}

std::optional<double> ConfigJson::real(Names names) const {
  const char* name = nullptr;
  const Json* const value = find(names, &name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number() || !std::isfinite(value->get<double>()))
    refuse(name, fmt::format("is {}, expected a number", shown(*value)));
  return value->get<double>();
}

double ConfigJson::required_real(Names names) const {
  if (const auto value = real(names)) return *value;
  refuse_absence(names);
}

std::optional<bool> ConfigJson::flag(const char* name) const {
  const Json* const value = find({name});
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) refuse(name, fmt::format("is {}, expected true or false", shown(*value)));
  return value->get<bool>();
}

std::optional<std::string> ConfigJson::text(const char* name) const {
  const Json* const value = find({name});
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) refuse(name, fmt::format("is {}, expected a text", shown(*value)));
  return value->get<std::string>();
}

std::optional<std::vector<double>> ConfigJson::reals(const char* name) const {
  const Json* const value = find({name});
  if (value == nullptr) return std::nullopt;
  if (!value->is_array()) refuse(name, fmt::format("is {}, expected a list of numbers", shown(*value)));
  std::vector<double> numbers;
  for (const Json& number : *value) {
    if (!number.is_number()) refuse(name, fmt::format("holds {}, expected numbers", shown(number)));
    numbers.push_back(number.get<double>());
  }
  return numbers;
}

std::optional<ConfigJson> ConfigJson::object(const char* name) const {
  const Json* const value = find({name});
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) refuse(name, fmt::format("is {}, expected an object", shown(*value)));
  return ConfigJson(*value, fmt::format("{}: {}", source_, name));
}

}  // namespace quantbench
