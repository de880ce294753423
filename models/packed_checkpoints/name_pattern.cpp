#define PCRE2_CODE_UNIT_WIDTH 8
#include "models/packed_checkpoints/name_pattern.h"

#include <pcre2.h>

#include <array>
#include <new>

#include "core/error.h"
#include "core/utf8.h"

namespace quantbench {
namespace {

constexpr std::size_t longest_expression = 4096;
constexpr std::uint32_t match_step_limit = 100'000;
constexpr std::uint32_t match_heap_kibibytes = 1024;

std::string message_of(int code) {
  std::array<unsigned char, 256> text{};
  pcre2_get_error_message(code, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

}  // namespace

NamePattern::NamePattern(std::string_view expression, const std::string& source)
    : expression_(expression), source_(source) {
  if (expression.size() > longest_expression)
    fail("{}: a regular expression of {} bytes, the limit is {}", source, expression.size(), longest_expression);
  constexpr std::uint32_t options = PCRE2_ANCHORED | PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C;
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* const code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()), expression.size(), options,
                                         &error, &offset, nullptr);
  if (code == nullptr)
    fail("{}: regular expression {}, offset {}: {}", source, printable(expression), offset, message_of(error));
  code_ = std::shared_ptr<const void>(code, [](pcre2_code* compiled) { pcre2_code_free(compiled); });
}

bool NamePattern::matches(std::string_view name) const {
  const std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> data(pcre2_match_data_create(1, nullptr),
                                                                                 &pcre2_match_data_free);
  const std::unique_ptr<pcre2_match_context, decltype(&pcre2_match_context_free)> context(
      pcre2_match_context_create(nullptr), &pcre2_match_context_free);
  if (!data || !context) throw std::bad_alloc();
  pcre2_set_match_limit(context.get(), match_step_limit);
  pcre2_set_heap_limit(context.get(), match_heap_kibibytes);
  const int result = pcre2_match(static_cast<const pcre2_code*>(code_.get()), reinterpret_cast<PCRE2_SPTR>(name.data()),
                                 name.size(), 0, 0, data.get(), context.get());
  if (result == PCRE2_ERROR_NOMATCH) return false;
  if (result < 0)
    fail("{}: regular expression {} on {}: {}", source_, printable(expression_), printable(name), message_of(result));
  return true;
}

}  // namespace quantbench
