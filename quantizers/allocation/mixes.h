// The well-known mixes as rules, read from the table quantizers/allocation/mixes.rules, which is part of the program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "quantizers/allocation/tensor_role.h"

namespace quantbench {

/// What the rules look at besides a tensor's role.
struct RuleContext {
  std::size_t layer = 0;
  std::size_t layers = 0;
  std::size_t query_heads_per_kv_head = 1;  // "gqa"
  std::size_t experts = 0;
  bool importance = false;  // an importance matrix is given
  bool ragged = false;      // the rows are no multiple of 256
  bool falcon = false;
};

/// One condition of a rule. Limits of the layer are `factor` * layers / `divisor` in whole numbers; divisor 0 means the
/// plain number `factor`.
struct RuleCondition {
  enum class What {
    layer_below,
    layer_from,
    more_bits,
    gqa_from,
    gqa_below,
    experts_from,
    experts_are,
    experts_are_not,
    importance,
    no_importance,
    ragged,
    size_70b,
    falcon,
    not_falcon
  } what;
  std::size_t factor = 0;
  std::size_t divisor = 0;

  bool holds(const RuleContext& context) const;
};

struct MixRule {
  std::vector<TensorRole> roles;
  std::vector<RuleCondition> conditions;  // all must hold
  std::string format;
};

struct Mix {
  std::string name;
  std::string base;
  std::uint32_t file_type = 0;  // general.file_type of a GGUF file
  std::vector<MixRule> rules;   // the first that matches decides

  const std::string& format_of(TensorRole role, const RuleContext& context) const;
  /// Every format that the mix can give to a tensor, each once.
  std::vector<std::string> formats() const;
};

struct MixTable {
  std::vector<Mix> mixes;
  std::map<std::string, std::string, std::less<>> substitutes;  // format -> what rows get that it cannot hold
};

/// Throws Error naming `source` and the line.
MixTable parse_mixes(std::string_view text, const std::string& source);

const MixTable& mix_table();

/// Null when there is no mix of this name (without "mix:").
const Mix* find_mix(std::string_view name);

}  // namespace quantbench
