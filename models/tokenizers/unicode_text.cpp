#include "models/tokenizers/unicode_text.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "core/checked.h"
#include "core/error.h"
#include "models/tokenizers/utf8.h"

namespace quantbench {
namespace {

constexpr std::int32_t capital_i_with_dot = 0x130;

utf8proc_option_t options_of(NormalizationForm form) {
  constexpr int stable = UTF8PROC_STABLE;
  switch (form) {
    case NormalizationForm::nfc:
      return static_cast<utf8proc_option_t>(stable | UTF8PROC_COMPOSE);
    case NormalizationForm::nfd:
      return static_cast<utf8proc_option_t>(stable | UTF8PROC_DECOMPOSE);
    case NormalizationForm::nfkc:
      return static_cast<utf8proc_option_t>(stable | UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
    case NormalizationForm::nfkd:
      return static_cast<utf8proc_option_t>(stable | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT);
  }
  fail("unknown normalization form");
}

/// `change` of each well-formed stretch of `text`, with the bytes between them.
template <class Change>
std::string change_stretches(std::string_view text, const Change& change) {
  std::string changed;
  changed.reserve(text.size());
  while (!text.empty()) {
    const std::string_view valid = text.substr(0, valid_utf8_prefix(text));
    if (!valid.empty()) change(valid, changed);
    text.remove_prefix(valid.size());
    const std::size_t invalid = invalid_utf8_prefix(text);
    changed += text.substr(0, invalid);
    text.remove_prefix(invalid);
  }
  return changed;
}

struct Character {
  std::int32_t code_point = -1;
  std::size_t length = 1;
};

Character first_character(std::string_view text) {
  Character character;
  const auto* const bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  const auto length = utf8proc_iterate(bytes, static_cast<utf8proc_ssize_t>(text.size()), &character.code_point);
  if (length > 0) {
    character.length = static_cast<std::size_t>(length);
  } else {
    character.code_point = -1;
  }
  return character;
}

Character last_character(std::string_view text) {
  for (std::size_t length = 1; length <= std::min<std::size_t>(4, text.size()); ++length) {
    const Character character = first_character(text.substr(text.size() - length));
    if (character.code_point >= 0 && character.length == length) return character;
  }
  return {};
}

}  // namespace

std::string unicode_normalized(std::string_view text, NormalizationForm form) {
  return change_stretches(text, [form](std::string_view valid, std::string& out) {
    utf8proc_uint8_t* mapped = nullptr;
    const auto length =
        utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(valid.data()),
                     checked_cast<utf8proc_ssize_t>(valid.size(), "length of a text"), &mapped, options_of(form));
    const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, &std::free);
    if (length < 0) fail("normalizing a text of {} bytes: {}", valid.size(), utf8proc_errmsg(length));
    out.append(reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(length));
  });
}

std::string lowercased(std::string_view text) {
  return change_stretches(text, [](std::string_view valid, std::string& out) {
    while (!valid.empty()) {
      const Character character = first_character(valid);
      append_code_point(out, utf8proc_tolower(character.code_point));
      // The one character whose lower case is two whatever the language.
      if (character.code_point == capital_i_with_dot) append_code_point(out, 0x307);
      valid.remove_prefix(character.length);
    }
  });
}

bool is_whitespace(std::int32_t code_point) {
  if (code_point >= 0x09 && code_point <= 0x0D) return true;
  if (code_point == 0x85) return true;
  const auto category = utf8proc_category(code_point);
  return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP;
}

bool is_word_character(std::int32_t code_point) {
  const auto category = utf8proc_category(code_point);
  const bool is_letter_or_mark = category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_ME;
  return is_letter_or_mark || category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL ||
         category == UTF8PROC_CATEGORY_PC;
}

std::size_t leading_whitespace(std::string_view text) {
  std::size_t length = 0;
  while (length < text.size()) {
    const Character character = first_character(text.substr(length));
    if (!is_whitespace(character.code_point)) break;
    length += character.length;
  }
  return length;
}

std::size_t trailing_whitespace(std::string_view text) {
  std::size_t length = 0;
  while (length < text.size()) {
    const Character character = last_character(text.substr(0, text.size() - length));
    if (!is_whitespace(character.code_point)) break;
    length += character.length;
  }
  return length;
}

std::int32_t first_code_point(std::string_view text) { return text.empty() ? -1 : first_character(text).code_point; }

std::int32_t last_code_point(std::string_view text) { return text.empty() ? -1 : last_character(text).code_point; }

void append_code_point(std::string& text, std::int32_t code_point) {
  utf8proc_uint8_t bytes[4];
  const auto length = utf8proc_encode_char(code_point, bytes);
  text.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
}

std::vector<std::string_view> grapheme_clusters(std::string_view text) {
  std::vector<std::string_view> clusters;
  std::int32_t before = -1;
  utf8proc_int32_t state = 0;
  std::size_t begin = 0;
  for (std::size_t place = 0; place < text.size();) {
    const Character character = first_character(text.substr(place));
    const bool breaks = before < 0 || character.code_point < 0 ||
                        utf8proc_grapheme_break_stateful(before, character.code_point, &state);
    if (before < 0 || character.code_point < 0) state = 0;
    if (breaks && begin < place) {
      clusters.push_back(text.substr(begin, place - begin));
      begin = place;
    }
    before = character.code_point;
    place += character.length;
  }
  if (begin < text.size()) clusters.push_back(text.substr(begin));
  return clusters;
}

std::string with_replacement(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  std::size_t begin = 0;
  for (std::size_t found = text.find(from); found != std::string_view::npos; found = text.find(from, begin)) {
    out.append(text.substr(begin, found - begin)).append(to);
    begin = found + from.size();
  }
  out.append(text.substr(begin));
  return out;
}

}  // namespace quantbench
