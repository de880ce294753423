#include "models/checkpoints/file_signature.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <string_view>

#include "models/checkpoints/limits.h"

namespace quantbench {
namespace {

using namespace std::string_view_literals;

struct Signature {
  std::string_view prefix;
  std::string_view meaning;
};

constexpr std::string_view old_ggml = "a GGML-era file (before GGUF); convert it to GGUF with a current tool";
constexpr std::string_view pickle =
    "a Python pickle (a PyTorch checkpoint), which can run code when it is loaded and is not read; convert it to "
    "safetensors";

// The magics before GGUF were written as little-endian words, so that they stand reversed in the file; some tools wrote
// them in reading order.
constexpr std::array<Signature, 24> signatures = {{
    {"version https://git-lfs", "a git-lfs pointer, not the file itself; fetch it with `git lfs pull`"},
    {"ggml", old_ggml},
    {"lmgg", old_ggml},
    {"ggmf", old_ggml},
    {"fmgg", old_ggml},
    {"ggjt", old_ggml},
    {"tjgg", old_ggml},
    {"ggla", old_ggml},
    {"algg", old_ggml},
    {"FUGG", "a GGUF file with its bytes swapped"},
    {"PK\x03\x04",
     "a zip archive (PyTorch .bin and .pt files are pickles in one), which is not read; convert it to safetensors"},
    {"PK\x05\x06", "an empty zip archive"},
    {"\x80\x02"sv, pickle},
    {"\x80\x03"sv, pickle},
    {"\x80\x04"sv, pickle},
    {"\x80\x05"sv, pickle},
    {"\x93NUMPY", "a NumPy array; save it as safetensors"},
    {"\x89HDF", "an HDF5 file; convert it to safetensors"},
    {"\x1f\x8b", "gzip-compressed; decompress it first"},
    {"\x28\xb5\x2f\xfd", "zstd-compressed; decompress it first"},
    {"\xfd"
     "7zXZ",
     "xz-compressed; decompress it first"},
    {"BZh", "bzip2-compressed; decompress it first"},
    {"\x7f"
     "ELF",
     "a program"},
    {"%PDF", "a PDF document"},
}};

std::string_view text_of(std::span<const std::byte> file, std::size_t most) {
  return {reinterpret_cast<const char*>(file.data()), std::min(file.size(), most)};
}

std::string_view without_leading_space(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  return start == std::string_view::npos ? std::string_view{} : text.substr(start);
}

bool starts_like_safetensors(std::span<const std::byte> file) {
  if (file.size() < sizeof(std::uint64_t) + 1) return false;
  std::uint64_t length;
  std::memcpy(&length, file.data(), sizeof(length));
  return length <= limits::safetensors_header_bytes && file[sizeof(length)] == std::byte{'{'};
}

}  // namespace

FileKind kind_of(std::span<const std::byte> file) {
  const std::string_view start = text_of(file, 256);
  if (start.starts_with("GGUF")) return FileKind::gguf;
  // Before any other signature: a header of 640 bytes makes a safetensors file start like a pickle.
  if (starts_like_safetensors(file)) return FileKind::safetensors;
  if (without_leading_space(start).starts_with('{')) return FileKind::json;
  return FileKind::other;
}

std::string describe_contents(std::span<const std::byte> file) {
  if (file.empty()) return "it is empty";
  const std::string_view start = text_of(file, 256);
  if (start.starts_with("GGUF")) return "it is a GGUF file";
  if (starts_like_safetensors(file)) return "it looks like a safetensors file";
  for (const Signature& signature : signatures)
    if (start.starts_with(signature.prefix)) return fmt::format("it is {}", signature.meaning);
  const std::string_view visible = without_leading_space(start);
  if (visible.starts_with('<'))
    return "it is an HTML or XML page, probably an error page saved by a download; fetch it again";
  if (visible.starts_with('{')) return "it is JSON";
  return fmt::format("it starts with the bytes {:02x}",
                     fmt::join(file.first(std::min<std::size_t>(file.size(), 8)), " "));
}

bool is_absent(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::status(path, ignored).type() == std::filesystem::file_type::not_found;
}

}  // namespace quantbench
