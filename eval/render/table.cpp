#include "eval/render/table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace quantbench {
namespace {

constexpr std::string_view column_gap = "  ";

std::string join_lines(const std::vector<std::string>& lines, std::string_view before_each = "") {
  std::string text;
  for (const std::string& line : lines) text += fmt::format("{}{}\n", before_each, line);
  return text;
}

std::string padded(const std::string& text, std::size_t width, Align align) {
  const std::size_t shown = display_width(text);
  const std::string padding(width > shown ? width - shown : 0, ' ');
  return align == Align::left ? text + padding : padding + text;
}

std::vector<std::size_t> column_widths(const Table& table) {
  std::vector<std::size_t> widths;
  for (std::size_t column = 0; column < table.columns.size(); ++column) {
    std::size_t width = display_width(table.columns[column].title);
    for (const auto& row : table.rows) width = std::max(width, display_width(row[column]));
    widths.push_back(width);
  }
  return widths;
}

std::size_t line_width(const std::vector<std::size_t>& widths, const std::vector<std::size_t>& kept) {
  std::size_t total = 0;
  for (const std::size_t column : kept) total += widths[column] + (total == 0 ? 0 : column_gap.size());
  return total;
}

// Indices of the columns that stay, in order.
std::vector<std::size_t> columns_that_fit(const Table& table, const std::vector<std::size_t>& widths,
                                          std::size_t limit) {
  std::vector<std::size_t> kept;
  for (std::size_t column = 0; column < widths.size(); ++column) kept.push_back(column);
  while (limit > 0 && line_width(widths, kept) > limit) {
    const auto least =
        std::ranges::max_element(kept, {}, [&](std::size_t column) { return table.columns[column].dispensable; });
    if (least == kept.end() || table.columns[*least].dispensable == 0) break;
    kept.erase(least);
  }
  return kept;
}

std::vector<std::string> hidden_columns(const Table& table, const std::vector<std::size_t>& kept) {
  std::vector<std::string> hidden;
  for (std::size_t column = 0; column < table.columns.size(); ++column)
    if (!std::ranges::binary_search(kept, column)) hidden.push_back(table.columns[column].title);
  return hidden;
}

std::string trimmed_right(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

std::string escape(std::string_view text, const std::map<char, std::string_view>& replacements) {
  std::string escaped;
  for (const char character : text) {
    const auto found = replacements.find(character);
    if (found == replacements.end()) {
      escaped += character;
    } else {
      escaped += found->second;
    }
  }
  return escaped;
}

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

std::string escape_latex(std::string_view text) {
  static const std::map<char, std::string_view> replacements = {{'&', "\\&"},
                                                                {'%', "\\%"},
                                                                {'$', "\\$"},
                                                                {'#', "\\#"},
                                                                {'_', "\\_"},
                                                                {'{', "\\{"},
                                                                {'}', "\\}"},
                                                                {'~', "$\\sim$"},
                                                                {'^', "\\textasciicircum{}"},
                                                                {'\\', "\\textbackslash{}"},
                                                                {'<', "\\textless{}"},
                                                                {'>', "\\textgreater{}"},
                                                                {'\n', " "}};
  return replace_all(replace_all(escape(text, replacements), "±", "$\\pm$"), "–", "--");
}

bool is_digit(char character) { return character >= '0' && character <= '9'; }

// 2.86e-06 as 2.86 times a power of ten, and a minus in place of a hyphen.
std::string latex_numbers(const std::string& text) {
  const auto digit_at = [&](std::size_t at) { return at < text.size() && is_digit(text[at]); };
  std::string typeset;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool after_digit = at > 0 && digit_at(at - 1), after_gap = at == 0 || text[at - 1] == ' ';
    if (text[at] == 'e' && after_digit && at + 1 < text.size() && digit_at(at + 2)) {
      std::size_t end = at + 2;
      while (digit_at(end)) ++end;
      typeset += fmt::format("$\\cdot 10^{{{}}}$", std::stoi(text.substr(at + 1, end - at - 1)));
      at = end - 1;
    } else {
      typeset += text[at] == '-' && after_gap && digit_at(at + 1) ? "$-$" : std::string(1, text[at]);
    }
  }
  return typeset;
}

std::string latex_cell(const Column& column, const std::string& text) {
  return column.align == Align::right ? latex_numbers(escape_latex(text)) : escape_latex(text);
}

std::string escape_markdown(std::string_view text) {
  return escape(text, {{'|', "\\|"}, {'\n', " "}, {'\r', " "}, {'<', "&lt;"}, {'~', "\\~"}, {'*', "\\*"}});
}

// A title may be broken into lines, but not before its unit.
std::string with_its_unit(std::string title) { return replace_all(std::move(title), " %", "&nbsp;%"); }

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  return '"' + escape(text, {{'"', "\"\""}}) + '"';
}

std::vector<std::string> titles(const Table& table) {
  std::vector<std::string> all;
  for (const Column& column : table.columns) all.push_back(column.title);
  return all;
}

template <class Convert>
std::string joined(const std::vector<std::string>& fields, std::string_view separator, const Convert& convert) {
  std::vector<std::string> converted;
  for (const std::string& field : fields) converted.push_back(convert(field));
  return fmt::format("{}", fmt::join(converted, separator));
}

}  // namespace

std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0u) != 0x80u; }));
}

std::string to_text(const Table& table, std::size_t width) {
  const std::vector<std::size_t> widths = column_widths(table);
  const std::vector<std::size_t> kept = columns_that_fit(table, widths, width);
  const auto line = [&](const std::vector<std::string>& fields) {
    std::string text;
    for (const std::size_t column : kept) {
      if (column != kept.front()) text += column_gap;
      text += padded(fields[column], widths[column], table.columns[column].align);
    }
    return trimmed_right(std::move(text)) + "\n";
  };

  std::string text = table.caption.empty() ? "" : table.caption + "\n\n";
  text += line(titles(table));
  text += std::string(line_width(widths, kept), '-') + "\n";
  for (const auto& row : table.rows) text += line(row);
  std::vector<std::string> notes = table.notes;
  if (const auto hidden = hidden_columns(table, kept); !hidden.empty())
    notes.push_back(fmt::format("not shown for lack of width: {}", fmt::join(hidden, ", ")));
  return notes.empty() ? text : text + "\n" + join_lines(notes);
}

std::string to_markdown(const Table& table) {
  std::string text = table.caption.empty() ? "" : fmt::format("**{}**\n\n", escape_markdown(table.caption));
  text += fmt::format("| {} |\n|", joined(titles(table), " | ", escape_markdown));
  for (const Column& column : table.columns) text += column.align == Align::left ? " :-- |" : " --: |";
  text += "\n";
  for (const auto& row : table.rows) text += fmt::format("| {} |\n", joined(row, " | ", escape_markdown));
  if (table.notes.empty()) return text;
  return text + "\n" + joined(table.notes, "  \n", escape_markdown) + "\n";
}

std::string to_latex(const Table& table, std::size_t width) {
  const std::vector<std::size_t> kept = columns_that_fit(table, column_widths(table), width);
  std::string text = "% needs \\usepackage{booktabs}\n";
  if (const auto hidden = hidden_columns(table, kept); !hidden.empty())
    text += fmt::format("% left out for lack of width: {}\n", joined(hidden, ", ", escape_latex));
  text += "\\begin{table}\n\\centering\\footnotesize\n";
  if (!table.caption.empty()) text += fmt::format("\\caption{{{}}}\n", escape_latex(table.caption));
  std::string alignment;
  std::vector<std::string> header;
  for (const std::size_t column : kept) {
    alignment += table.columns[column].align == Align::left ? 'l' : 'r';
    header.push_back(escape_latex(table.columns[column].title));
  }
  text += fmt::format("\\begin{{tabular}}{{{}}}\n\\toprule\n{} \\\\\n\\midrule\n", alignment, fmt::join(header, " & "));
  for (const auto& row : table.rows) {
    std::vector<std::string> cells;
    for (const std::size_t column : kept) cells.push_back(latex_cell(table.columns[column], row[column]));
    text += fmt::format("{} \\\\\n", fmt::join(cells, " & "));
  }
  text += "\\bottomrule\n\\end{tabular}\n";
  for (const std::string& note : table.notes) text += fmt::format("\\par\\smallskip{{{}}}\n", escape_latex(note));
  return text + "\\end{table}\n";
}

std::string to_html(const Table& table) {
  std::string text =
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"table\"><table class=\"sortable\">\n";
  if (!table.caption.empty()) text += fmt::format("<caption>{}</caption>\n", escape_markup(table.caption));
  text += "<thead>\n<tr>";
  for (const Column& column : table.columns) text += header_cell(column);
  text += "</tr>\n</thead>\n<tbody>\n";
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    text += "<tr>";
    for (std::size_t column = 0; column < table.columns.size(); ++column)
      text += body_cell(table, row, column, escape_markup(table.rows[row][column]));
    text += "</tr>\n";
  }
  text += "</tbody>\n</table></div>\n";
  for (const std::string& note : table.notes) text += fmt::format("<p class=\"note\">{}</p>\n", escape_markup(note));
  return text;
}

std::string header_cell(const Column& column) {
  return fmt::format("<th scope=\"col\"{}{}>{}</th>", column.align == Align::left ? " class=\"left\"" : "",
                     column.meaning.empty() ? "" : fmt::format(" title=\"{}\"", escape_markup(column.meaning)),
                     with_its_unit(escape_markup(column.title)));
}

std::string body_cell(const Table& table, std::size_t row, std::size_t column, std::string_view content) {
  const std::optional<double> number = table.numbers.empty() ? std::nullopt : table.numbers[row][column];
  return fmt::format("<td{}{}>{}</td>", table.columns[column].align == Align::left ? " class=\"left\"" : "",
                     number ? fmt::format(" data-v=\"{:.9g}\"", *number) : "", content);
}

std::string to_csv(const Table& table) {
  std::string text = joined(titles(table), ",", csv_field) + "\n";
  for (const auto& row : table.rows) text += joined(row, ",", csv_field) + "\n";
  return text;
}

std::string escape_markup(std::string_view text) {
  std::string clean(text);
  for (char& byte : clean)
    if (static_cast<unsigned char>(byte) < 0x20 && byte != '\n' && byte != '\t') byte = '?';
  return escape(clean, {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}});
}

}  // namespace quantbench
