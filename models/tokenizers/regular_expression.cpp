#define PCRE2_CODE_UNIT_WIDTH 8
#include "models/tokenizers/regular_expression.h"

#include <pcre2.h>

#include <array>
#include <optional>

#include "core/error.h"

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

}  // namespace

struct MatchBuffers::State {
  State()
      : data(checked_handle(pcre2_match_data_create(1, nullptr))),
        context(checked_handle(pcre2_match_context_create(nullptr))),
        stack(pcre2_jit_stack_create(jit_stack_start, jit_stack_limit, nullptr)) {
    pcre2_set_match_limit(context.get(), match_step_limit);
    pcre2_set_heap_limit(context.get(), match_heap_kibibytes);
    if (stack) pcre2_jit_stack_assign(context.get(), nullptr, stack.get());
  }

  /// The first match in `piece` (valid UTF-8) from `start` on; with `skip_empty`, not an empty one at `start` itself.
  std::optional<RegularExpression::Match> find(const pcre2_code* code, std::string_view piece, std::size_t start,
                                               bool skip_empty) {
    const std::uint32_t options = PCRE2_NO_UTF_CHECK | (skip_empty ? PCRE2_NOTEMPTY_ATSTART : 0);
    const int result = pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(piece.data()), piece.size(), start, options,
                                   data.get(), context.get());
    if (result == PCRE2_ERROR_NOMATCH) return std::nullopt;
    if (result < 0) {
      fail("splitting a text of {} bytes into words failed at byte {}: {}", piece.size(), start, message_of(result));
    }
    const PCRE2_SIZE* const offsets = pcre2_get_ovector_pointer(data.get());
    return RegularExpression::Match{offsets[0], offsets[1]};
  }

  Handle<pcre2_match_data> data;
  Handle<pcre2_match_context> context;
  Handle<pcre2_jit_stack> stack;
};

MatchBuffers::MatchBuffers() : state_(std::make_unique<State>()) {}
MatchBuffers::~MatchBuffers() = default;

struct RegularExpression::Compiled {
  Handle<pcre2_code> code;
};

RegularExpression::RegularExpression(std::string_view expression)
    : compiled_(std::make_unique<Compiled>(Compiled{compile(expression)})) {}
RegularExpression::~RegularExpression() = default;
RegularExpression::RegularExpression(RegularExpression&&) noexcept = default;
RegularExpression& RegularExpression::operator=(RegularExpression&&) noexcept = default;

std::vector<RegularExpression::Match> RegularExpression::matches(std::string_view text, MatchBuffers& buffers) const {
  std::vector<Match> all;
  std::size_t start = 0;
  while (start < text.size()) {
    const bool skip_empty = !all.empty();
    const auto match = buffers.state_->find(compiled_->code.get(), text, start, skip_empty);
    if (!match) break;
    all.push_back(*match);
    start = match->end;
  }
  return all;
}

}  // namespace quantbench
