#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "eval/command_line/command_tree.h"

namespace quantbench {
namespace {

/// Text that troff shows as it is: minus signs that can be copied, and no control lines.
std::string escaped(std::string_view text) {
  std::string result;
  bool line_start = true;
  for (const char c : text) {
    if (line_start && (c == '.' || c == '\'')) result += "\\&";
    line_start = c == '\n';
    if (c == '\\')
      result += "\\e";
    else if (c == '-')
      result += "\\-";
    else if (c == '\'')
      result += "\\(aq";
    else if (c == '^')
      result += "\\(ha";
    else if (c == '`')
      result += "\\(ga";
    else if (c == '~')
      result += "\\(ti";
    else
      result += c;
  }
  return result;
}

/// "Exit codes: ...\n\nExamples:\n  one\n  two": paragraphs are parted by empty lines or begin at a line that ends with a colon.
std::vector<std::vector<std::string>> paragraphs_of(const std::string& text) {
  std::vector<std::vector<std::string>> paragraphs(1);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    if ((line.empty() || line.ends_with(':')) && !paragraphs.back().empty()) paragraphs.emplace_back();
    if (!line.empty()) paragraphs.back().push_back(std::move(line));
  }
  if (paragraphs.back().empty()) paragraphs.pop_back();
  return paragraphs;
}

/// Indented lines are commands and stay lines; others flow.
std::string body_of(const std::vector<std::string>& lines) {
  std::string text;
  bool example = false;
  for (const std::string& line : lines) {
    const bool indented = line.starts_with("  ");
    if (indented && !example && !text.empty()) text += ".PP\n";
    if (indented != example) text += indented ? ".RS 4\n.EX\n" : ".EE\n.RE\n";
    example = indented;
    text += escaped(indented ? line.substr(2) : line) + "\n";
  }
  return text + (example ? ".EE\n.RE\n" : "");
}

/// How an option is written: "--out OUT", "REPORT...".
std::string usage_of(const OptionSummary& option) {
  std::vector<std::string> forms;
  for (const std::string& name : option.names) forms.push_back(fmt::format("\\fB{}\\fR", escaped(name)));
  std::string text = fmt::format("{}", fmt::join(forms, ", "));
  if (!option.positional.empty())
    return fmt::format("{}{}\\fI{}\\fR{}", text, text.empty() ? "" : " or ", escaped(option.positional),
                       option.repeats ? " ..." : "");
  if (!option.takes_value) return text;
  std::string value = option.names.front().substr(2);
  std::ranges::transform(value, value.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return fmt::format("{} \\fI{}\\fR", text, escaped(value));
}

std::string synopsis_of(const CommandTree& tree, const CommandSummary& command) {
  std::string text = fmt::format("\\fB{} {}\\fR", tree.name, command.name);
  for (const OptionSummary& option : command.options) {
    const bool positional = !option.positional.empty();
    if (!positional && !option.required) continue;
    const std::string usage =
        positional ? fmt::format("\\fI{}\\fR{}", escaped(option.positional), option.repeats ? " ..." : "")
                   : usage_of(option);
    text += option.required ? fmt::format(" {}", usage) : fmt::format(" [{}]", usage);
  }
  return text + " [options]";
}

std::string options_text(const std::vector<OptionSummary>& options) {
  std::string text;
  for (const OptionSummary& option : options)
    text += fmt::format(".TP\n{}\n{}\n", usage_of(option), escaped(option.description));
  return text;
}

std::string command_text(const CommandTree& tree, const CommandSummary& command) {
  std::string text = fmt::format(".SS {}\n{}.\n.PP\n{}\n", escaped(command.name), escaped(command.summary),
                                 synopsis_of(tree, command));
  text += options_text(command.options);
  for (const auto& paragraph : paragraphs_of(command.footer)) text += fmt::format(".PP\n{}", body_of(paragraph));
  return text;
}

std::string heading_of(const std::string& line) {
  if (line.starts_with("Examples")) return "EXAMPLES";
  if (line.starts_with("Exit codes")) return "EXIT STATUS";
  return "";
}

}  // namespace

std::string manual_page(const CommandTree& tree, const std::string& version) {
  std::string text = fmt::format(".\\\" Printed by `{0} man`.\n.TH QUANTBENCH 1 \"\" \"{0} {1}\" \"User Commands\"\n",
                                 tree.name, escaped(version));
  const std::size_t colon = tree.summary.find(": ");
  const std::string purpose = colon == std::string::npos ? tree.summary : tree.summary.substr(colon + 2);
  text += fmt::format(".SH NAME\n{} \\- {}\n", tree.name, escaped(purpose));
  text += fmt::format(".SH SYNOPSIS\n\\fB{}\\fR \\fICOMMAND\\fR [arguments]\n", tree.name);
  text += fmt::format(".SH DESCRIPTION\n{} is the reference lab of weight quantization: {}.\n", tree.name,
                      escaped(purpose));
  std::string ends;
  for (const auto& paragraph : paragraphs_of(tree.footer)) {
    const std::string heading = heading_of(paragraph.front());
    const bool only_heading = heading == "EXAMPLES";
    const std::vector<std::string> lines(paragraph.begin() + (only_heading ? 1 : 0), paragraph.end());
    if (heading.empty())
      text += fmt::format(".PP\n{}", body_of(lines));
    else
      ends += fmt::format(".SH {}\n{}", heading, body_of(lines));
  }
  text += fmt::format(".SH OPTIONS\n{}.SH COMMANDS\n", options_text(tree.options));
  for (const CommandSummary& command : tree.commands) text += command_text(tree, command);
  text += ends;
  return text + ".SH SEE ALSO\nThe pages below /usr/share/doc/quantbench/docs, one for each question.\n";
}

}  // namespace quantbench
