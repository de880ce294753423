#include "models/tokenizers/oniguruma.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "core/error.h"
#include "core/utf8.h"

namespace quantbench {
namespace {

constexpr std::size_t longest_expression = 8192;
constexpr std::array<std::string_view, 7> known_groups = {"(?:", "(?i:", "(?=", "(?!", "(?<=", "(?<!", "(?>"};

class Translator {
 public:
  explicit Translator(std::string_view expression) : all_(expression) {}

  std::string run() {
    if (all_.size() > longest_expression) refuse("more than 8192 bytes");
    if (!is_utf8(all_)) refuse("bytes that are not UTF-8");
    while (place_ < all_.size()) {
      if (class_depth_ > 0) {
        step_in_class();
      } else {
        step();
      }
    }
    if (class_depth_ > 0) refuse("a class that does not end");
    return std::move(out_);
  }

 private:
  std::string_view rest() const { return all_.substr(place_); }

  [[noreturn]] void refuse(std::string_view what) const {
    fail("regular expression {}, byte {}: {} (not supported)", printable(all_), place_, what);
  }

  void copy(std::size_t count) {
    out_ += rest().substr(0, count);
    place_ += count;
  }

  void step() {
    switch (all_[place_]) {
      case '\\':
        return copy_escape();
      case '[':
        return open_class();
      case '(':
        return open_group();
      case '{':
        return copy_counts();
      case '$':
        out_ += "(?=\\n|\\z)";
        ++place_;
        return;
      case '^':
        return refuse("'^'");
      case '.':
        return refuse("'.'");
      default:
        copy(1);
    }
  }

  void step_in_class() {
    if (rest().starts_with("[:")) refuse("a POSIX class");
    if (rest().starts_with("&&")) refuse("a class intersection '&&'");
    switch (all_[place_]) {
      case '\\':
        return copy_escape();
      case '[':
        // A class in a class adds its members, whatever stands around it.
        if (rest().starts_with("[^")) refuse("a negated class within a class");
        if (out_.ends_with('-')) refuse("'-' before a class within a class");
        ++class_depth_;
        ++place_;
        return;
      case ']':
        if (--class_depth_ == 0) out_ += ']';
        ++place_;
        return;
      default:
        copy(1);
    }
  }

  void open_class() {
    class_depth_ = 1;
    copy(rest().starts_with("[^") ? 2 : 1);
    if (rest().starts_with("]")) refuse("an empty class");
  }

  void open_group() {
    if (!rest().starts_with("(?")) return copy(1);
    const auto* const known =
        std::ranges::find_if(known_groups, [&](std::string_view group) { return rest().starts_with(group); });
    if (known == known_groups.end()) refuse("this kind of group");
    copy(known->size());
  }

  /// {n}, {n,} and {n,m}; a '+' behind them means "possessive" to one engine and "once or more" to the other.
  void copy_counts() {
    const std::size_t end = rest().find('}');
    const std::string_view counts = rest().substr(0, end);
    if (end == std::string_view::npos || end < 2 ||
        counts.find_first_not_of("{0123456789,") != std::string_view::npos || counts[1] == ',')
      refuse("'{' that begins no count");
    copy(end + 1);
    if (rest().starts_with("+")) refuse("'+' after a count");
  }

  void copy_escape() {
    const char escaped = rest().size() > 1 ? all_[place_ + 1] : '\0';
    if (escaped == 'p' || escaped == 'P') return copy_property();
    constexpr std::string_view same = "sSdDrntvf";  // \s and \d are of Unicode in both engines
    const bool punctuation = escaped > ' ' && escaped < '\x7F' && !std::isalnum(static_cast<unsigned char>(escaped));
    if (!punctuation && (escaped == '\0' || same.find(escaped) == std::string_view::npos))
      refuse("this escape sequence");
    // To PCRE2 \v is a class of its own.
    if (escaped == 'v') {
      out_ += "\\x0B";
      place_ += 2;
    } else {
      copy(2);
    }
  }

  void copy_property() {
    const std::size_t end = rest().find('}');
    const std::string_view property = rest().substr(0, end);
    const bool letters = property.size() > 3 && property[2] == '{' &&
                         std::ranges::all_of(property.substr(3), [](char c) { return std::isalpha(c) || c == '_'; });
    if (end == std::string_view::npos || !letters) refuse("this property");
    copy(end + 1);
  }

  std::string_view all_;
  std::size_t place_ = 0;
  std::size_t class_depth_ = 0;
  std::string out_;
};

}  // namespace

std::string pcre2_of_oniguruma(std::string_view expression) { return Translator(expression).run(); }

}  // namespace quantbench
