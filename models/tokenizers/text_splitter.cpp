#include "models/tokenizers/text_splitter.h"

#include "models/tokenizers/utf8.h"

namespace quantbench {
namespace {

void split_piece(const RegularExpression& expression, std::string_view piece, MatchBuffers& buffers,
                 std::vector<std::string_view>& out) {
  std::size_t emitted = 0;
  const auto emit_until = [&](std::size_t end) {
    if (emitted < end) out.push_back(piece.substr(emitted, end - emitted));
    emitted = end;
  };
  for (const auto& [begin, end] : expression.matches(piece, buffers)) {
    emit_until(begin);
    emit_until(end);
  }
  emit_until(piece.size());
}

}  // namespace

TextSplitter::TextSplitter(std::span<const std::string_view> expressions)
    : expressions_(expressions.begin(), expressions.end()) {}

std::vector<std::string_view> TextSplitter::split(std::string_view text) const {
  MatchBuffers buffers;
  std::vector<std::string_view> all;
  while (!text.empty()) {
    const std::string_view valid = text.substr(0, valid_utf8_prefix(text));
    std::vector<std::string_view> pieces;
    if (!valid.empty()) pieces.push_back(valid);
    for (const RegularExpression& expression : expressions_) {
      std::vector<std::string_view> finer;
      for (const std::string_view piece : pieces) split_piece(expression, piece, buffers, finer);
      pieces = std::move(finer);
    }
    all.insert(all.end(), pieces.begin(), pieces.end());
    text.remove_prefix(valid.size());
    const std::size_t invalid = invalid_utf8_prefix(text);
    if (invalid != 0) all.push_back(text.substr(0, invalid));
    text.remove_prefix(invalid);
  }
  return all;
}

}  // namespace quantbench
