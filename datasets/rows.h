// Files of rows: JSON Lines, plain or compressed with gzip, and text files by line.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace quantbench {

/// The bytes of a file; those of a gzip file (by content) decompressed. Throws Error naming the file: also when a gzip file is cut
/// off or damaged, or holds more than 8 GiB.
std::string read_plain_or_gzip(const std::filesystem::path& path);

/// A file whose lines are JSON objects with a text member. Rows are parsed when they are asked for: a shard of C4 has 356 317.
class JsonRows {
 public:
  /// Blank lines are left out. Throws Error when the file cannot be read or has no row.
  explicit JsonRows(const std::filesystem::path& path);

  std::size_t size() const { return lines_.size(); }
  /// The first member of `members` that the row has. Throws Error naming file and line when the line is no JSON object, has none
  /// of them, or the member is no text.
  std::string text(std::size_t row, const std::vector<std::string>& members = {"text"}) const;
  std::vector<std::string> texts(const std::vector<std::string>& members = {"text"}) const;

 private:
  struct Line {
    std::size_t begin, length, number;
  };

  std::string file_;
  std::string content_;
  std::vector<Line> lines_;
};

/// By the name: .jsonl, .json, and these with .gz behind.
bool is_named_as_json_rows(const std::filesystem::path& path);

/// `parts` with `separator` between. Throws Error naming `file` when the result is empty or not UTF-8.
std::string joined(const std::vector<std::string>& parts, std::string_view separator, const std::string& file);

}  // namespace quantbench
