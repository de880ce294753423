#include "core/error.h"
#include "eval/compare/gates.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  try {
    quantbench::parse_gates({reinterpret_cast<const char*>(data), size}, "fuzz.yaml");
  } catch (const quantbench::Error&) {
  }
  return 0;
}
