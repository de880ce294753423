// Typed reading of JSON objects whose every member means something: what is unknown is an error with its place.
#pragma once

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace quantbench {

/// One object of a JSON document and where it stands there ("DIR/tokenizer.json: pre_tokenizer.pretokenizers[1]").
/// Refers to the document, which must outlive it. Every accessor throws Error with the place, what was found and what is
/// expected. A member that is null counts as absent.
class JsonObject {
 public:
  JsonObject(const nlohmann::json& value, std::string place);

  const std::string& place() const { return place_; }
  bool contains(std::string_view key) const;
  const nlohmann::json& at(std::string_view key) const;

  std::string text(std::string_view key) const;
  std::optional<std::string> text_if_any(std::string_view key) const;
  bool boolean(std::string_view key, bool absent) const;
  const nlohmann::json& list(std::string_view key) const;
  JsonObject object(std::string_view key) const;
  /// The objects of a list.
  std::vector<JsonObject> objects(std::string_view key) const;

  /// Throws Error, with near matches, for a member that is none of `known`.
  void check_keys(std::initializer_list<std::string_view> known) const;

  /// Throws Error: the object's `type` is none of the keys of `makers`, nor "Sequence".
  template <class Makers>
  [[noreturn]] void fail_unknown_type(std::string_view what, const Makers& makers) const {
    std::vector<std::string> known = {"Sequence"};
    for (const auto& [name, maker] : makers) known.push_back(name);
    fail_unknown_type(what, known);
  }

  std::string place_of(std::string_view key) const;
  /// Throws Error: "PLACE.KEY: message".
  template <class... Args>
  [[noreturn]] void fail_at(std::string_view key, fmt::format_string<Args...> format, Args&&... args) const {
    fail("{}: {}", place_of(key), fmt::format(format, std::forward<Args>(args)...));
  }

 private:
  [[noreturn]] void fail_unknown_type(std::string_view what, const std::vector<std::string>& known) const;
  const nlohmann::json* find(std::string_view key) const;

  const nlohmann::json* value_;
  std::string place_;
};

/// "a string", "an object" ...
std::string_view kind_of_json(const nlohmann::json& value);

/// A number that can be a token id: an integer from 0 to 2^31 - 1. Throws Error naming `place`.
std::int32_t token_id_of_json(const nlohmann::json& value, std::string_view place);

}  // namespace quantbench
