// A model's config.json, read with care: every error names the file, the member, what was found and what was expected.
#pragma once

#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace quantbench {

/// Several names of a member are synonyms: the first that is there (and not null) counts.
class ConfigJson {
 public:
  using Names = std::initializer_list<const char*>;

  /// Throws Error for a file that is no JSON object.
  static ConfigJson read(const std::filesystem::path& path);
  ConfigJson(nlohmann::json object, std::string source) : object_(std::move(object)), source_(std::move(source)) {}

  bool contains(const char* name) const { return find({name}) != nullptr; }
  /// From 1 to 2^31 - 1.
  std::optional<std::size_t> count(Names names) const;
  std::size_t required_count(Names names) const;
  /// Finite.
  std::optional<double> real(Names names) const;
  double required_real(Names names) const;
  std::optional<bool> flag(const char* name) const;
  std::optional<std::string> text(const char* name) const;
  std::optional<std::vector<double>> reals(const char* name) const;
  /// The member as a config of its own; absent: nothing.
  std::optional<ConfigJson> object(const char* name) const;

  const nlohmann::json& members() const { return object_; }
  const std::string& source() const { return source_; }
  [[noreturn]] void refuse(const char* name, const std::string& reason) const;

 private:
  const nlohmann::json* find(Names names, const char** found_name = nullptr) const;
  [[noreturn]] void refuse_absence(Names names) const;

  nlohmann::json object_;
  std::string source_;
};

}  // namespace quantbench
