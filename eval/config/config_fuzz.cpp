// Fuzz entry: the bytes are a config whose includes cannot be read. Only Error may come out.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/error.h"
#include "eval/config/config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace quantbench;
  const ConfigReader no_files = [](const std::filesystem::path& path) -> std::string {
    fail("cannot open {}", path.string());
  };
  try {
    (void)parse_config({reinterpret_cast<const char*>(data), size}, "fuzz.yaml", no_files);
  } catch (const Error&) {
  }
  return 0;
}
