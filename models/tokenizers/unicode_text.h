// Changes of text that Unicode defines. Bytes that are not UTF-8 are kept as they are, and no change reaches across them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace quantbench {

enum class NormalizationForm { nfc, nfd, nfkc, nfkd };

/// Unicode Standard Annex 15, by utf8proc's tables (Unicode 15 in Debian 12). Characters assigned later are kept.
std::string unicode_normalized(std::string_view text, NormalizationForm form);

/// Character by character, without looking at neighbours (a final capital sigma becomes a plain small sigma).
std::string lowercased(std::string_view text);

/// The property White_Space.
bool is_whitespace(std::int32_t code_point);

/// A character that words are made of: letter, mark, digit, letter number or connecting punctuation.
bool is_word_character(std::int32_t code_point);

/// The bytes of white space at the start and at the end of `text`.
std::size_t leading_whitespace(std::string_view text);
std::size_t trailing_whitespace(std::string_view text);

/// The first and the last character of `text`, or -1 when it is empty or there are bytes that are none.
std::int32_t first_code_point(std::string_view text);
std::int32_t last_code_point(std::string_view text);

/// In UTF-8.
void append_code_point(std::string& text, std::int32_t code_point);

/// What a reader takes for one character (Unicode Standard Annex 29, extended grapheme clusters); a byte that is not UTF-8 is
/// one of its own.
std::vector<std::string_view> grapheme_clusters(std::string_view text);

/// `text` with every `from` (not empty) replaced, from left to right.
std::string with_replacement(std::string_view text, std::string_view from, std::string_view to);

}  // namespace quantbench
