#define PCRE2_CODE_UNIT_WIDTH 8
#include "quantizers/allocation/tensor_rules.h"

#include <pcre2.h>

#include <algorithm>
#include <array>
#include <new>

#include "core/error.h"
#include "quantizers/formats/registry.h"

namespace quantbench {
namespace {

// Names have some hundred bytes at most; only pathological expressions come near the limits.
constexpr std::uint32_t match_step_limit = 1'000'000;
constexpr std::uint32_t match_heap_kibibytes = 16 * 1024;

struct Free {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};

template <class T>
std::unique_ptr<T, Free> checked_handle(T* pointer) {
  if (pointer == nullptr) throw std::bad_alloc();
  return std::unique_ptr<T, Free>(pointer);
}

std::string message_of(int code) {
  std::array<unsigned char, 256> text{};
  pcre2_get_error_message(code, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

}  // namespace

struct NamePattern::Compiled {
  explicit Compiled(std::unique_ptr<pcre2_code, Free> expression) : code(std::move(expression)) {}
  std::unique_ptr<pcre2_code, Free> code;
};

NamePattern::NamePattern(std::string expression) : text_(std::move(expression)) {
  constexpr std::uint32_t options = PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C | PCRE2_NEVER_UTF;
  int error = 0;
  PCRE2_SIZE offset = 0;
  std::unique_ptr<pcre2_code, Free> code(
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text_.data()), text_.size(), options, &error, &offset, nullptr));
  if (!code) fail("regular expression '{}', offset {}: {}", text_, offset, message_of(error));
  compiled_ = std::make_shared<const Compiled>(std::move(code));
}

bool NamePattern::matches(std::string_view name) const {
  const auto data = checked_handle(pcre2_match_data_create(1, nullptr));
  const auto context = checked_handle(pcre2_match_context_create(nullptr));
  pcre2_set_match_limit(context.get(), match_step_limit);
  pcre2_set_heap_limit(context.get(), match_heap_kibibytes);
  const int result = pcre2_match(compiled_->code.get(), reinterpret_cast<PCRE2_SPTR>(name.data()), name.size(), 0, 0,
                                 data.get(), context.get());
  if (result < 0 && result != PCRE2_ERROR_NOMATCH)
    fail("regular expression '{}' on tensor '{}': {}", text_, name, message_of(result));
  return result >= 0;
}

TensorRule make_tensor_rule(std::string expression, std::string_view format) {
  return {NamePattern(std::move(expression)),
          format == keep_format ? std::string(keep_format) : find_format(format)->id};
}

const TensorRule* find_rule(const std::vector<TensorRule>& rules, std::string_view name) {
  const auto found = std::ranges::find_if(rules, [&](const TensorRule& rule) { return rule.tensor.matches(name); });
  return found == rules.end() ? nullptr : &*found;
}

std::string to_string(const std::vector<TensorRule>& rules) {
  std::string text;
  for (const TensorRule& rule : rules) text += fmt::format("{} -> {}\n", rule.tensor.text(), rule.format);
  return text;
}

}  // namespace quantbench
