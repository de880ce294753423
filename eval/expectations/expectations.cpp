#include "eval/expectations/expectations.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>

namespace quantbench {
namespace {

// Preceded by '-' or '.': "llama-7b.f16.gguf" and "llama-7b-f16.gguf" are both in use.
constexpr std::array<std::string_view, 8> storage_words{"gguf", "safetensors", "hf",  "f16",
                                                        "fp16", "bf16",        "f32", "fp32"};

std::string plain_name(std::string_view name) {
  std::string plain(name);
  std::ranges::transform(plain, plain.begin(),
                         [](unsigned char c) { return c == '_' ? '-' : static_cast<char>(std::tolower(c)); });
  return plain;
}

std::string_view without_storage(std::string_view name) {
  for (;;) {
    const std::size_t before = name.find_last_of("-.");
    if (before == 0 || before == name.npos) return name;
    if (std::ranges::find(storage_words, name.substr(before + 1)) == storage_words.end()) return name;
    name = name.substr(0, before);
  }
}

}  // namespace

double Tolerance::around(double published) const { return relative ? amount * std::abs(published) : amount; }

bool names_model(std::string_view published, std::string_view name) {
  const std::string wanted = plain_name(published), found = plain_name(name);
  return wanted == found || wanted == without_storage(found);
}

}  // namespace quantbench
