// The `normalizer` of a tokenizer.json: how text is changed before it is taken apart.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace quantbench {

/// The steps of a normalizer, in order. Immutable; safe to use from several threads.
class Normalizer {
 public:
  using Step = std::function<std::string(std::string)>;

  Normalizer() = default;
  /// From the JSON object (null: no change). Known types: Sequence, NFC, NFD, NFKC, NFKD, Lowercase, Strip, Prepend,
  /// Replace, Precompiled. Throws Error naming the place, the unknown type or member, and the known ones.
  Normalizer(const nlohmann::json& value, const std::string& place);

  std::string operator()(std::string text) const;

 private:
  void add(const nlohmann::json& value, const std::string& place);

  std::vector<Step> steps_;
};

}  // namespace quantbench
