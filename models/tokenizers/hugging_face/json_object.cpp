#include "models/tokenizers/hugging_face/json_object.h"

#include <algorithm>
#include <limits>

#include "core/suggest.h"
#include "core/utf8.h"

namespace quantbench {

using nlohmann::json;

std::string_view kind_of_json(const json& value) {
  switch (value.type()) {
    case json::value_t::object:
      return "an object";
    case json::value_t::array:
      return "a list";
    case json::value_t::string:
      return "a string";
    case json::value_t::boolean:
      return "true or false";
    case json::value_t::null:
      return "null";
    default:
      return "a number";
  }
}

JsonObject::JsonObject(const json& value, std::string place) : value_(&value), place_(std::move(place)) {
  if (!value.is_object()) fail("{}: found {}, expected an object", place_, kind_of_json(value));
}

std::string JsonObject::place_of(std::string_view key) const {
  // The place of a whole document is its file; members of members follow with dots.
  const bool is_document = place_.find(": ") == std::string::npos;
  return place_ + (is_document ? ": " : ".") + std::string(key);
}

const json* JsonObject::find(std::string_view key) const {
  const auto found = value_->find(key);
  return found == value_->end() || found->is_null() ? nullptr : &*found;
}

bool JsonObject::contains(std::string_view key) const { return find(key) != nullptr; }

const json& JsonObject::at(std::string_view key) const {
  const json* const value = find(key);
  if (value == nullptr) fail_at(key, "is missing");
  return *value;
}

std::string JsonObject::text(std::string_view key) const {
  const json& value = at(key);
  if (!value.is_string()) fail_at(key, "found {}, expected a string", kind_of_json(value));
  return value.get<std::string>();
}

std::optional<std::string> JsonObject::text_if_any(std::string_view key) const {
  return contains(key) ? std::optional(text(key)) : std::nullopt;
}

bool JsonObject::boolean(std::string_view key, bool absent) const {
  const json* const value = find(key);
  if (value == nullptr) return absent;
  if (!value->is_boolean()) fail_at(key, "found {}, expected true or false", kind_of_json(*value));
  return value->get<bool>();
}

const json& JsonObject::list(std::string_view key) const {
  const json& value = at(key);
  if (!value.is_array()) fail_at(key, "found {}, expected a list", kind_of_json(value));
  return value;
}

JsonObject JsonObject::object(std::string_view key) const { return {at(key), place_of(key)}; }

std::vector<JsonObject> JsonObject::objects(std::string_view key) const {
  std::vector<JsonObject> all;
  for (const json& item : list(key)) all.emplace_back(item, fmt::format("{}[{}]", place_of(key), all.size()));
  return all;
}

void JsonObject::check_keys(std::initializer_list<std::string_view> known) const {
  const std::vector<std::string> names(known.begin(), known.end());
  for (const auto& [key, value] : value_->items()) {
    if (std::find(names.begin(), names.end(), key) == names.end())
      fail("{}: unknown member {}{}", place_, printable(key), suggestion(key, names));
  }
}

void JsonObject::fail_unknown_type(std::string_view what, const std::vector<std::string>& known) const {
  const std::string type = text("type");
  fail("{}: {} of type {} is not supported, because it may change the ids{}", place_, what, printable(type),
       suggestion(type, known));
}

std::int32_t token_id_of_json(const json& value, std::string_view place) {
  constexpr std::int64_t largest = std::numeric_limits<std::int32_t>::max();
  const bool is_id = value.is_number_integer() && value >= 0 && value <= largest;
  if (!is_id) fail("{}: found {}, expected a token id from 0 to {}", place, value.dump(), largest);
  return value.get<std::int32_t>();
}

}  // namespace quantbench
