#include <array>
#include <cmath>
#include <type_traits>

#include "core/error.h"
#include "core/suggest.h"
#include "models/checkpoints/checkpoint.h"

namespace quantbench {
namespace {

constexpr std::uint32_t array_type_id = 9;
constexpr std::array<std::string_view, 13> type_names = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                                         "bool", "string", "array", "u64", "i64", "f64"};

/// Position in the variants -> GGUF id: the array type stands between string and u64.
std::uint32_t id_of_index(std::size_t index) {
  return static_cast<std::uint32_t>(index < array_type_id ? index : index + 1);
}

template <class T>
constexpr bool is_integer = std::is_integral_v<T> && !std::is_same_v<T, bool>;

}  // namespace

std::uint32_t element_type_id(const MetadataArray& array) { return id_of_index(array.elements.index()); }

std::uint32_t value_type_id(const MetadataValue& value) {
  const auto* scalar = std::get_if<MetadataScalar>(&value);
  return scalar != nullptr ? id_of_index(scalar->index()) : array_type_id;
}

std::string value_type_name(const MetadataValue& value) {
  if (const auto* array = std::get_if<MetadataArray>(&value))
    return fmt::format("array of {}", type_names[element_type_id(*array)]);
  return std::string(type_names[value_type_id(value)]);
}

void Metadata::erase(std::string_view key) {
  if (const auto found = values_.find(key); found != values_.end()) values_.erase(found);
}

const MetadataValue& Metadata::at(std::string_view key) const {
  const auto found = values_.find(key);
  if (found != values_.end()) return found->second;
  std::vector<std::string> known;
  for (const auto& [name, value] : values_) known.push_back(name);
  fail("{}: no metadata key '{}'{}", file_, key, suggestion(key, known));
}

void Metadata::fail_type(std::string_view key, std::string_view expected) const {
  fail("{}: metadata key '{}' is of type {}, expected {}", file_, key, value_type_name(at(key)), expected);
}

const MetadataScalar& Metadata::scalar(std::string_view key, std::string_view expected) const {
  const auto* found = std::get_if<MetadataScalar>(&at(key));
  if (found == nullptr) fail_type(key, expected);
  return *found;
}

const MetadataArray& Metadata::array(std::string_view key, std::string_view expected) const {
  const auto* found = std::get_if<MetadataArray>(&at(key));
  if (found == nullptr) fail_type(key, expected);
  return *found;
}

std::string Metadata::text(std::string_view key) const {
  const auto* found = std::get_if<std::string>(&scalar(key, "string"));
  if (found == nullptr) fail_type(key, "string");
  return *found;
}

std::uint64_t Metadata::unsigned_integer(std::string_view key) const {
  return std::visit(
      [&](const auto& value) -> std::uint64_t {
        using T = std::decay_t<decltype(value)>;
        if constexpr (is_integer<T>) {
          if (std::in_range<std::uint64_t>(value)) return static_cast<std::uint64_t>(value);
          fail("{}: metadata key '{}' is {}, expected a number >= 0", file_, key, value);
        } else {
          fail_type(key, "an integer");
        }
      },
      scalar(key, "an integer"));
}

double Metadata::real(std::string_view key) const {
  return std::visit(
      [&](const auto& value) -> double {
        if constexpr (std::is_floating_point_v<std::decay_t<decltype(value)>>) {
          if (std::isfinite(value)) return value;
          fail("{}: metadata key '{}' is {}, expected a finite number", file_, key, value);
        } else {
          fail_type(key, "f32 or f64");
        }
      },
      scalar(key, "f32 or f64"));
}

bool Metadata::boolean(std::string_view key) const {
  const auto* found = std::get_if<bool>(&scalar(key, "bool"));
  if (found == nullptr) fail_type(key, "bool");
  return *found;
}

std::vector<std::string> Metadata::texts(std::string_view key) const {
  const auto* found = std::get_if<std::vector<std::string>>(&array(key, "array of string").elements);
  if (found == nullptr) fail_type(key, "array of string");
  return *found;
}

std::vector<float> Metadata::reals(std::string_view key) const {
  return std::visit(
      [&](const auto& values) -> std::vector<float> {
        using T = typename std::decay_t<decltype(values)>::value_type;
        if constexpr (std::is_floating_point_v<T>) {
          std::vector<float> reals;
          reals.reserve(values.size());
          for (const T value : values) reals.push_back(static_cast<float>(value));
          return reals;
        } else {
          fail_type(key, "array of f32 or f64");
        }
      },
      array(key, "array of f32 or f64").elements);
}

std::vector<std::int64_t> Metadata::integers(std::string_view key) const {
  return std::visit(
      [&](const auto& values) -> std::vector<std::int64_t> {
        using T = typename std::decay_t<decltype(values)>::value_type;
        if constexpr (is_integer<T>) {
          std::vector<std::int64_t> integers;
          integers.reserve(values.size());
          for (const T value : values) {
            if (!std::in_range<std::int64_t>(value))
              fail("{}: element {} of metadata key '{}' is {}, expected at most 2^63 - 1", file_, integers.size(), key,
                   value);
            integers.push_back(static_cast<std::int64_t>(value));
          }
          return integers;
        } else {
          fail_type(key, "array of integers");
        }
      },
      array(key, "array of integers").elements);
}

}  // namespace quantbench
