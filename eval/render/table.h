// Table: cells of text with titles, and the five ways to write one. Knows nothing of reports.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quantbench {

enum class Align { left, right };

struct Column {
  std::string title;
  Align align = Align::right;
  /// Columns with the highest number are left out first where the width is limited; 0 always stays.
  int dispensable = 0;
  std::string meaning = {};  // one line for those who do not know the column; may be empty
};

struct Table {
  std::string caption;
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;  // each as long as `columns`
  std::vector<std::string> notes;              // one line each, below the table
  /// The numbers that the texts show, for sorting: as long as `rows`, or empty.
  std::vector<std::vector<std::optional<double>>> numbers = {};
};

/// Characters that a terminal shows for UTF-8 text without wide or combining characters.
std::size_t display_width(std::string_view text);

/// Columns aligned with spaces. With `width` > 0, dispensable columns are left out until a line fits, and a note names
/// them; text is never cut.
std::string to_text(const Table& table, std::size_t width = 0);
/// A GitHub-flavoured Markdown table.
std::string to_markdown(const Table& table);
/// A `table` environment; needs the package booktabs. With `width` > 0 characters, dispensable columns are left out until
/// a line fits, and a comment names them. Numbers of columns aligned right are set with minus signs and powers of ten.
std::string to_latex(const Table& table, std::size_t width = 0);
/// A `<table>` element. The script of the page sorts it by the columns that readers choose.
std::string to_html(const Table& table);
/// The parts that `to_html` is made of; `content` is markup.
std::string header_cell(const Column& column);
std::string body_cell(const Table& table, std::size_t row, std::size_t column, std::string_view content);
/// RFC 4180 with line feeds: titles, then rows; caption and notes are left out.
std::string to_csv(const Table& table);

/// `text` with &, <, > and quotes escaped for HTML, SVG and attributes; bytes that XML cannot hold become '?'.
std::string escape_markup(std::string_view text);

}  // namespace quantbench
