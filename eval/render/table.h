// Table: cells of text with titles, and the five ways to write one. Knows nothing of reports.
#pragma once

#include <cstddef>
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
};

struct Table {
  std::string caption;
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;  // each as long as `columns`
  std::vector<std::string> notes;              // one line each, below the table
};

/// Characters that a terminal shows for UTF-8 text without wide or combining characters.
std::size_t display_width(std::string_view text);

/// Columns aligned with spaces. With `width` > 0, dispensable columns are left out until a line fits, and a note names
/// them; text is never cut.
std::string to_text(const Table& table, std::size_t width = 0);
/// A GitHub-flavoured Markdown table.
std::string to_markdown(const Table& table);
/// A `table` environment; needs the package booktabs.
std::string to_latex(const Table& table);
/// A `<table>` element.
std::string to_html(const Table& table);
/// RFC 4180 with line feeds: titles, then rows; caption and notes are left out.
std::string to_csv(const Table& table);

/// `text` with &, <, > and quotes escaped for HTML, SVG and attributes; bytes that XML cannot hold become '?'.
std::string escape_markup(std::string_view text);

}  // namespace quantbench
