#include "datasets/rows.h"

#include <fmt/ranges.h>
#include <zlib.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "datasets/text.h"

namespace quantbench {
namespace {

constexpr std::size_t most_bytes = std::size_t{8} << 30;
constexpr std::size_t chunk_bytes = std::size_t{1} << 20;
constexpr std::string_view gzip_magic = "\x1F\x8B";

struct EndInflate {
  void operator()(z_stream* stream) const { inflateEnd(stream); }
};

/// Gzip files may be several compressed streams in a row.
std::string decompressed(std::string_view packed, const std::string& file) {
  z_stream stream{};
  constexpr int gzip_only = 16 + MAX_WBITS;
  if (inflateInit2(&stream, gzip_only) != Z_OK) throw std::bad_alloc();
  const std::unique_ptr<z_stream, EndInflate> owner(&stream);
  std::string plain;
  int status = Z_OK;
  while (!packed.empty()) {
    const std::size_t given = std::min(packed.size(), chunk_bytes);
    // zlib does not write through the pointer.
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream.avail_in = static_cast<uInt>(given);
    if (status == Z_STREAM_END) inflateReset(&stream);
    do {
      const std::size_t before = plain.size();
      plain.resize(before + chunk_bytes);
      stream.next_out = reinterpret_cast<Bytef*>(plain.data() + before);
      stream.avail_out = static_cast<uInt>(chunk_bytes);
      status = inflate(&stream, Z_NO_FLUSH);
      plain.resize(plain.size() - stream.avail_out);
      if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
        fail("{}: damaged gzip data: {}", file, stream.msg != nullptr ? stream.msg : "not gzip");
      if (plain.size() > most_bytes) fail("{}: more than {} bytes when decompressed", file, most_bytes);
    } while (status == Z_OK && (stream.avail_in > 0 || stream.avail_out == 0));
    packed.remove_prefix(given - stream.avail_in);
  }
  if (status != Z_STREAM_END) fail("{}: the gzip data is cut off", file);
  return plain;
}

}  // namespace

std::string read_plain_or_gzip(const std::filesystem::path& path) {
  std::string content = read_text(path);
  return content.starts_with(gzip_magic) ? decompressed(content, path.string()) : content;
}

bool is_named_as_json_rows(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  return std::ranges::any_of(std::array{".jsonl", ".json", ".jsonl.gz", ".json.gz"},
                             [&](const char* end) { return name.ends_with(end); });
}

JsonRows::JsonRows(const std::filesystem::path& path) : file_(path.string()), content_(read_plain_or_gzip(path)) {
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < content_.size();) {
    const std::size_t end = std::min(content_.find('\n', begin), content_.size());
    ++number;
    const std::string_view line = std::string_view(content_).substr(begin, end - begin);
    if (line.find_first_not_of(" \t\r") != std::string_view::npos) lines_.push_back({begin, line.size(), number});
    begin = end + 1;
  }
  if (lines_.empty()) fail("{}: no rows", file_);
}

std::string JsonRows::text(std::size_t row, const std::vector<std::string>& members) const {
  const Line& line = lines_.at(row);
  const auto refuse = [&](std::string_view what) { fail("{}, line {}: {}", file_, line.number, what); };
  nlohmann::json object;
  try {
    object = nlohmann::json::parse(std::string_view(content_).substr(line.begin, line.length));
  } catch (const nlohmann::json::exception& error) {
    refuse(fmt::format("not valid JSON: {}", error.what()));
  }
  if (!object.is_object()) refuse("expected a JSON object");
  for (const std::string& member : members) {
    const auto found = object.find(member);
    if (found == object.end()) continue;
    if (!found->is_string()) refuse(fmt::format("member '{}' is no text", member));
    return found->get<std::string>();
  }
  fail("{}, line {}: no member '{}'", file_, line.number, fmt::join(members, "' or '"));
}

std::vector<std::string> JsonRows::texts(const std::vector<std::string>& members) const {
  std::vector<std::string> all;
  all.reserve(size());
  for (std::size_t row = 0; row < size(); ++row) all.push_back(text(row, members));
  return all;
}

std::string joined(const std::vector<std::string>& parts, std::string_view separator, const std::string& file) {
  std::string text;
  for (const std::string& part : parts) text.append(&part == &parts.front() ? "" : separator).append(part);
  if (text.empty()) fail("{}: the text is empty", file);
  if (const std::size_t bad = first_invalid_utf8(text); bad != text.size())
    fail("{}: not UTF-8 text: byte {} of the joined rows begins no valid character", file, bad);
  return text;
}

}  // namespace quantbench
