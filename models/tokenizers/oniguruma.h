// Regular expressions as tokenizer.json spells them (Oniguruma, Ruby's syntax) for PCRE2.
#pragma once

#include <string>
#include <string_view>

namespace quantbench {

/// The PCRE2 expression that matches what `expression` matches in the library that defines tokenizer.json. Only what both
/// engines understand alike is let through, plus what can be spelt otherwise: classes nested in classes, and `$`, which is the
/// end of any line there. Throws Error, naming the expression and the place in it, for the rest: back references, \b, \w and
/// \h (other sets of characters), `^`, `.`, class intersections, named groups, flags other than i, quantifiers like {1,3}+,
/// expressions above 8 KiB.
std::string pcre2_of_oniguruma(std::string_view expression);

}  // namespace quantbench
