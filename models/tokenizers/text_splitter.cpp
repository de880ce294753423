#define PCRE2_CODE_UNIT_WIDTH 8
#include "models/tokenizers/text_splitter.h"

#include <pcre2.h>

#include <array>
#include <optional>

#include "core/error.h"
#include "models/tokenizers/utf8.h"

namespace quantbench {
namespace {

// A match visits at most a few thousand states on ordinary text; the limits only stop pathological ones.
constexpr std::uint32_t match_step_limit = 50'000'000;
constexpr std::uint32_t match_heap_kibibytes = 256 * 1024;
constexpr std::size_t jit_stack_start = 32 * 1024;
constexpr std::size_t jit_stack_limit = 16 * 1024 * 1024;

struct Free {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
  void operator()(pcre2_jit_stack* stack) const { pcre2_jit_stack_free(stack); }
};

template <class T>
using Handle = std::unique_ptr<T, Free>;

template <class T>
Handle<T> checked_handle(T* pointer) {
  if (pointer == nullptr) throw std::bad_alloc();
  return Handle<T>(pointer);
}

std::string message_of(int code) {
  std::array<unsigned char, 256> text{};
  pcre2_get_error_message(code, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

Handle<pcre2_code> compile(std::string_view expression) {
  constexpr std::uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C;
  int error = 0;
  PCRE2_SIZE offset = 0;
  Handle<pcre2_code> code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()), expression.size(), options,
                                        &error, &offset, nullptr));
  if (!code) fail("regular expression '{}', offset {}: {}", expression, offset, message_of(error));
  // Where there is no JIT compiler the call fails, and matching interprets: slower, the same results.
  pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);
  return code;
}

/// What one call of `split` needs to match; the compiled expressions themselves are shared between threads.
class MatchState {
 public:
  MatchState()
      : data_(checked_handle(pcre2_match_data_create(1, nullptr))),
        context_(checked_handle(pcre2_match_context_create(nullptr))),
        stack_(pcre2_jit_stack_create(jit_stack_start, jit_stack_limit, nullptr)) {
    pcre2_set_match_limit(context_.get(), match_step_limit);
    pcre2_set_heap_limit(context_.get(), match_heap_kibibytes);
    if (stack_) pcre2_jit_stack_assign(context_.get(), nullptr, stack_.get());
  }

  struct Match {
    std::size_t begin;
    std::size_t end;
  };

  /// The first match in `piece` (valid UTF-8) from `start` on; with `skip_empty`, not an empty one at `start` itself.
  std::optional<Match> find(const pcre2_code* code, std::string_view piece, std::size_t start, bool skip_empty) {
    const std::uint32_t options = PCRE2_NO_UTF_CHECK | (skip_empty ? PCRE2_NOTEMPTY_ATSTART : 0);
    const int result = pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(piece.data()), piece.size(), start, options,
                                   data_.get(), context_.get());
    if (result == PCRE2_ERROR_NOMATCH) return std::nullopt;
    if (result < 0) {
      fail("splitting a text of {} bytes into words failed at byte {}: {}", piece.size(), start, message_of(result));
    }
    const PCRE2_SIZE* const offsets = pcre2_get_ovector_pointer(data_.get());
    return Match{offsets[0], offsets[1]};
  }

 private:
  Handle<pcre2_match_data> data_;
  Handle<pcre2_match_context> context_;
  Handle<pcre2_jit_stack> stack_;
};

void split_piece(const pcre2_code* code, std::string_view piece, MatchState& state,
                 std::vector<std::string_view>& out) {
  std::size_t emitted = 0;
  const auto emit_until = [&](std::size_t end) {
    if (emitted < end) out.push_back(piece.substr(emitted, end - emitted));
    emitted = end;
  };
  std::size_t start = 0;
  bool skip_empty = false;
  while (start < piece.size()) {
    const auto match = state.find(code, piece, start, skip_empty);
    if (!match) break;
    emit_until(match->begin);
    emit_until(match->end);
    skip_empty = match->begin == match->end;
    start = match->end;
  }
  emit_until(piece.size());
}

}  // namespace

struct TextSplitter::Expression {
  Handle<pcre2_code> code;
};

TextSplitter::TextSplitter(std::span<const std::string_view> expressions) {
  for (const std::string_view expression : expressions) expressions_.push_back({compile(expression)});
}

TextSplitter::~TextSplitter() = default;
TextSplitter::TextSplitter(TextSplitter&&) noexcept = default;
TextSplitter& TextSplitter::operator=(TextSplitter&&) noexcept = default;

std::vector<std::string_view> TextSplitter::split(std::string_view text) const {
  MatchState state;
  std::vector<std::string_view> all;
  while (!text.empty()) {
    const std::string_view valid = text.substr(0, valid_utf8_prefix(text));
    std::vector<std::string_view> pieces;
    if (!valid.empty()) pieces.push_back(valid);
    for (const Expression& expression : expressions_) {
      std::vector<std::string_view> finer;
      for (const std::string_view piece : pieces) split_piece(expression.code.get(), piece, state, finer);
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
