#include "models/tokenizers/hugging_face/pre_tokenizer_steps.h"

#include <fmt/format.h>

#include <map>
#include <optional>

#include "core/suggest.h"
#include "models/tokenizers/byte_alphabet.h"
#include "models/tokenizers/hugging_face/json_object.h"
#include "models/tokenizers/hugging_face/text_pattern.h"
#include "models/tokenizers/pre_tokenizers.h"
#include "models/tokenizers/unicode_text.h"

namespace quantbench {
namespace {

using Step = PreTokenizerSteps::Step;
using Pieces = std::vector<TextPiece>;

/// What becomes of the matches that a text is split at.
enum class SplitBehavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };

SplitBehavior behavior_of(const JsonObject& object) {
  static const std::map<std::string, SplitBehavior, std::less<>> all = {
      {"Removed", SplitBehavior::removed},
      {"Isolated", SplitBehavior::isolated},
      {"MergedWithPrevious", SplitBehavior::merged_with_previous},
      {"MergedWithNext", SplitBehavior::merged_with_next},
      {"Contiguous", SplitBehavior::contiguous}};
  const auto found = all.find(object.text("behavior"));
  if (found != all.end()) return found->second;
  std::vector<std::string> known;
  for (const auto& [name, behavior] : all) known.push_back(name);
  object.fail_at("behavior", "unknown behavior '{}'{}", object.text("behavior"),
                 suggestion(object.text("behavior"), known));
}

struct Stretch {
  std::size_t begin;
  std::size_t end;
  bool is_match;
};

/// Matches and what lies between them: together they cover the text.
std::vector<Stretch> stretches_of(std::string_view text, const std::vector<RegularExpression::Match>& matches,
                                  bool inverted) {
  std::vector<Stretch> all;
  std::size_t covered = 0;
  for (const auto& [begin, end] : matches) {
    if (covered != begin) all.push_back({covered, begin, inverted});
    all.push_back({begin, end, !inverted});
    covered = end;
  }
  if (covered != text.size()) all.push_back({covered, text.size(), inverted});
  return all;
}

/// Whether a stretch goes on where the one before it, `last`, ended.
bool joins(SplitBehavior behavior, const Stretch& last, const Stretch& next) {
  switch (behavior) {
    case SplitBehavior::merged_with_previous:
      return next.is_match && !last.is_match;
    case SplitBehavior::merged_with_next:
      return last.is_match && !next.is_match;
    case SplitBehavior::contiguous:
      return last.is_match == next.is_match;
    default:
      return false;
  }
}

void append_split(const TextPiece& piece, const std::vector<Stretch>& stretches, SplitBehavior behavior, Pieces& out) {
  const Stretch* last = nullptr;  // the stretch that out.back() ends with
  for (const Stretch& stretch : stretches) {
    const std::string_view text = std::string_view(piece.text).substr(stretch.begin, stretch.end - stretch.begin);
    if (last != nullptr && joins(behavior, *last, stretch)) {
      out.back().text += text;
      last = &stretch;
    } else if (text.empty() || (behavior == SplitBehavior::removed && stretch.is_match)) {
      last = nullptr;
    } else {
      out.push_back({std::string(text), piece.starts_text && stretch.begin == 0});
      last = &stretch;
    }
  }
}

Step split_at(TextPattern pattern, SplitBehavior behavior, bool inverted = false) {
  return
      [pattern = std::move(pattern), behavior, inverted](const TextPiece& piece, MatchBuffers& buffers, Pieces& out) {
        append_split(piece, stretches_of(piece.text, pattern.matches(piece.text, buffers), inverted), behavior, out);
      };
}

Step make_split(const JsonObject& object) {
  object.check_keys({"type", "pattern", "behavior", "invert"});
  return split_at(TextPattern::of_json(object, "pattern"), behavior_of(object), object.boolean("invert", false));
}

Step make_digits(const JsonObject& object) {
  object.check_keys({"type", "individual_digits"});
  const bool individual = object.boolean("individual_digits", false);
  return split_at(TextPattern::of_expression(R"(\p{N})"),
                  individual ? SplitBehavior::isolated : SplitBehavior::contiguous);
}

Step make_punctuation(const JsonObject& object) {
  object.check_keys({"type", "behavior"});
  const SplitBehavior behavior = object.contains("behavior") ? behavior_of(object) : SplitBehavior::isolated;
  return split_at(TextPattern::of_expression(R"([\p{P}$+<=>^`|~])"), behavior);
}

Step make_whitespace_split(const JsonObject& object) {
  object.check_keys({"type"});
  // All of White_Space; U+180E was one of them until Unicode 6.2, and is one to \s of PCRE2.
  return split_at(TextPattern::of_expression(R"([\t-\r\x{85}\p{Z}])"), SplitBehavior::removed);
}

Step make_byte_level(const JsonObject& object) {
  object.check_keys({"type", "add_prefix_space", "trim_offsets", "use_regex"});
  const bool adds_space = object.boolean("add_prefix_space", true);
  std::optional<TextPattern> words;
  if (object.boolean("use_regex", true)) words = TextPattern::of_expression(pre_tokenizer("gpt-2").expressions.front());
  return [adds_space, words](const TextPiece& original, MatchBuffers& buffers, Pieces& out) {
    TextPiece piece = original;
    if (adds_space && !piece.text.starts_with(' ')) piece.text = " " + piece.text;
    const std::size_t first = out.size();
    if (words) {
      const auto stretches = stretches_of(piece.text, words->matches(piece.text, buffers), false);
      append_split(piece, stretches, SplitBehavior::isolated, out);
    } else {
      out.push_back(std::move(piece));
    }
    for (std::size_t index = first; index < out.size(); ++index) out[index].text = spelling_of_bytes(out[index].text);
  };
}

enum class PrependScheme { always, first, never };

PrependScheme prepend_scheme_of(const JsonObject& object) {
  const std::string name = object.text_if_any("prepend_scheme").value_or("always");
  if (name != "always" && name != "first" && name != "never")
    object.fail_at("prepend_scheme", "found '{}', expected always, first or never", name);
  // The older member; files that have both say the same with both.
  if (!object.boolean("add_prefix_space", true)) {
    if (object.contains("prepend_scheme") && name != "never")
      object.fail_at("add_prefix_space", "is false, but prepend_scheme is '{}'", name);
    return PrependScheme::never;
  }
  if (name == "never") return PrependScheme::never;
  return name == "first" ? PrependScheme::first : PrependScheme::always;
}

Step make_metaspace(const JsonObject& object) {
  object.check_keys({"type", "replacement", "str_rep", "add_prefix_space", "prepend_scheme", "split"});
  const std::string mark = object.text("replacement");
  if (mark.empty()) object.fail_at("replacement", "is empty");
  const PrependScheme scheme = prepend_scheme_of(object);
  const bool splits = object.boolean("split", true);
  return [mark, scheme, splits, pattern = TextPattern::of_literal(mark)](const TextPiece& original,
                                                                         MatchBuffers& buffers, Pieces& out) {
    TextPiece piece{with_replacement(original.text, " ", mark), original.starts_text};
    const bool prepends = scheme == PrependScheme::always || (scheme == PrependScheme::first && piece.starts_text);
    if (prepends && !piece.text.starts_with(mark)) piece.text = mark + piece.text;
    if (splits) {
      const auto stretches = stretches_of(piece.text, pattern.matches(piece.text, buffers), false);
      append_split(piece, stretches, SplitBehavior::merged_with_next, out);
    } else {
      out.push_back(std::move(piece));
    }
  };
}

using MakeStep = Step (*)(const JsonObject&);

const std::map<std::string, MakeStep, std::less<>>& makers() {
  static const std::map<std::string, MakeStep, std::less<>> all = {
      {"ByteLevel", make_byte_level},    {"Digits", make_digits}, {"Metaspace", make_metaspace},
      {"Punctuation", make_punctuation}, {"Split", make_split},   {"WhitespaceSplit", make_whitespace_split},
  };
  return all;
}

}  // namespace

PreTokenizerSteps::PreTokenizerSteps(const nlohmann::json& value, const std::string& place) {
  if (!value.is_null()) add(value, place);
}

void PreTokenizerSteps::add(const nlohmann::json& value, const std::string& place) {
  const JsonObject object(value, place);
  const std::string type = object.text("type");
  if (type == "Sequence") {
    object.check_keys({"type", "pretokenizers"});
    std::size_t index = 0;
    for (const nlohmann::json& step : object.list("pretokenizers"))
      add(step, fmt::format("{}[{}]", object.place_of("pretokenizers"), index++));
    return;
  }
  const auto maker = makers().find(type);
  if (maker == makers().end()) object.fail_unknown_type("pre-tokenizer", makers());
  if (is_byte_level_) fail("{}: a step after ByteLevel, which spells bytes and comes last", place);
  is_byte_level_ = type == "ByteLevel";
  steps_.push_back(maker->second(object));
}

std::vector<TextPiece> PreTokenizerSteps::operator()(TextPiece piece) const {
  Pieces pieces;
  if (!piece.text.empty()) pieces.push_back(std::move(piece));
  MatchBuffers buffers;
  for (const Step& step : steps_) {
    Pieces finer;
    for (const TextPiece& coarse : pieces) step(coarse, buffers, finer);
    pieces = std::move(finer);
  }
  return pieces;
}

}  // namespace quantbench
