// Any text either parses to a method whose canonical id parses back to it, or is refused with an Error.
#include <cstdlib>

#include "core/error.h"
#include "quantizers/method.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view id(reinterpret_cast<const char*>(data), size);
  try {
    const quantbench::Method method = quantbench::parse_method(id);
    if (quantbench::parse_method(quantbench::to_string(method)) != method) std::abort();
  } catch (const quantbench::Error&) {  // refused
  }
  return 0;
}
