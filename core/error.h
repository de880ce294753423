// The one error type of quantbench.
//
// Library code throws `Error` and never prints, aborts or reads the environment; the command line turns it into one
// line on stderr and exit code 2. A good message names the file, the place in it (byte offset, YAML line, tensor), what
// was found and what was expected.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace quantbench {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws an Error whose message is formatted as by fmt::format.
template <class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace quantbench
