#include "models/tokenizers/character_map.h"

#include <openssl/evp.h>

#include <cstring>

#include "core/byte_cursor.h"
#include "core/checked.h"
#include "core/error.h"
#include "models/tokenizers/unicode_text.h"
#include "models/tokenizers/utf8.h"

namespace quantbench {
namespace {

constexpr std::size_t longest_cluster_as_a_whole = 5;

// A unit of darts-clone: the label of the edge that leads to it (or, behind a leaf, a value), whether a leaf follows, and
// the offset to its children.
std::uint32_t label_of(std::uint32_t unit) { return unit & 0x800000FFu; }
bool has_leaf(std::uint32_t unit) { return (unit >> 8 & 1u) != 0; }
std::size_t offset_of(std::uint32_t unit) { return static_cast<std::size_t>(unit >> 10) << ((unit & 0x200u) >> 6); }

void append_mapped(const CharacterMap& map, std::string_view part, bool keeps_unknown, std::string& out, bool& found) {
  const std::vector<CharacterMap::Match> matches = map.prefixes(part);
  found = !matches.empty();
  if (found) {
    out += matches.front().replacement;
  } else if (keeps_unknown) {
    out += part;
  }
}

}  // namespace

CharacterMap::CharacterMap(std::string_view bytes, const std::string& place) {
  ByteCursor cursor(std::as_bytes(std::span(bytes)), place);
  const auto trie_bytes = cursor.read<std::uint32_t>("length of the trie");
  if (trie_bytes % sizeof(std::uint32_t) != 0 || trie_bytes == 0)
    cursor.fail_at(0, "the trie has {} bytes, expected units of 4", trie_bytes);
  const std::span<const std::byte> trie = cursor.take(trie_bytes, "the trie");
  units_.resize(trie.size() / sizeof(std::uint32_t));
  std::memcpy(units_.data(), trie.data(), trie.size());
  replacements_ = cursor.take_text(cursor.remaining(), "the replacements");
  if (!replacements_.empty() && replacements_.back() != '\0')
    cursor.fail_at(cursor.position(), "the last replacement does not end with NUL");
}

std::vector<CharacterMap::Match> CharacterMap::prefixes(std::string_view text) const {
  std::vector<Match> matches;
  std::size_t node = offset_of(units_[0]);
  for (std::size_t index = 0; index < text.size(); ++index) {
    const auto byte = static_cast<unsigned char>(text[index]);
    node ^= byte;
    if (byte == 0 || node >= units_.size() || label_of(units_[node]) != byte) return matches;
    const std::uint32_t unit = units_[node];
    node ^= offset_of(unit);
    if (!has_leaf(unit)) continue;
    const std::size_t value = node < units_.size() ? units_[node] & 0x7FFFFFFFu : replacements_.size();
    if (value >= replacements_.size()) return matches;
    matches.push_back({index + 1, replacements_.c_str() + value});
  }
  return matches;
}

std::string mapped_by_clusters(const CharacterMap& map, std::string_view text) {
  std::string out;
  bool found = false;
  for (const std::string_view cluster : grapheme_clusters(text)) {
    if (cluster.size() <= longest_cluster_as_a_whole) {
      append_mapped(map, cluster, false, out, found);
      if (found) continue;
    }
    for (std::size_t begin = 0; begin < cluster.size();) {
      const std::size_t length = std::max<std::size_t>(utf8_character_length(cluster.substr(begin)), 1);
      append_mapped(map, cluster.substr(begin, length), true, out, found);
      begin += length;
    }
  }
  return out;
}

std::string decoded_base64(std::string_view text, const std::string& place) {
  if (text.size() % 4 != 0) fail("{}: base64 text of {} characters, expected a multiple of 4", place, text.size());
  std::string bytes(text.size() / 4 * 3, '\0');
  const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     checked_cast<int>(text.size(), "length of a base64 text"));
  if (length < 0) fail("{}: not base64", place);
  // The length counts the padding as bytes.
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  bytes.resize(static_cast<std::size_t>(length) - padding);
  return bytes;
}

}  // namespace quantbench
