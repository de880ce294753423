// The character map of SentencePiece: which strings of characters a normalizer replaces, compiled into one block of bytes
// (`precompiled_charsmap`): its length in bytes, the units of a double-array trie (darts-clone's layout), and the
// replacements, each ended by NUL; the trie's values are their offsets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quantbench {

class CharacterMap {
 public:
  /// Throws Error naming `place` when the lengths do not fit or a replacement does not end. Links that lead out of the trie
  /// are found while it is used, and match nothing.
  CharacterMap(std::string_view bytes, const std::string& place);

  struct Match {
    std::size_t length = 0;  // bytes of the text that are replaced
    std::string_view replacement;
  };
  /// The keys that `text` starts with, shortest first.
  std::vector<Match> prefixes(std::string_view text) const;

 private:
  std::vector<std::uint32_t> units_;
  std::string replacements_;
};

/// What the Hugging Face library makes of a text with the map: it looks at grapheme clusters of fewer than six bytes as wholes
/// and at the characters of longer ones, takes the shortest key that starts there, and replaces all of the cluster.
std::string mapped_by_clusters(const CharacterMap& map, std::string_view text);

/// Throws Error naming `place`.
std::string decoded_base64(std::string_view text, const std::string& place);

}  // namespace quantbench
