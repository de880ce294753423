#include "eval/render/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quantbench {
namespace {

using testing::HasSubstr;
using testing::Not;

Table small_table() {
  Table table;
  table.columns = {{"name", Align::left, 0}, {"value", Align::right, 0}, {"extra", Align::right, 1}};
  table.rows = {{"a_b", "1 ± 2", "x"}, {"long|name", "10", "yy"}};
  table.notes = {"~ 5 % of it"};
  return table;
}

TEST(Table, TextIsAlignedByShownCharacters) {
  EXPECT_EQ(to_text(small_table()),
            "name       value  extra\n"
            "-----------------------\n"
            "a_b        1 ± 2      x\n"
            "long|name     10     yy\n"
            "\n"
            "~ 5 % of it\n");
}

TEST(Table, TextLeavesOutDispensableColumnsAndSaysSo) {
  const std::string text = to_text(small_table(), 20);
  EXPECT_THAT(text, HasSubstr("name       value\n----------------\n"));
  EXPECT_THAT(text, HasSubstr("not shown for lack of width: extra"));
  EXPECT_THAT(text, Not(HasSubstr("yy")));
}

TEST(Table, TextNeverLeavesOutTheColumnsThatMustStay) {
  EXPECT_THAT(to_text(small_table(), 1), HasSubstr("long|name     10\n"));
}

TEST(Table, MarkdownEscapesBars) {
  EXPECT_EQ(to_markdown(small_table()),
            "| name | value | extra |\n"
            "| :-- | --: | --: |\n"
            "| a_b | 1 ± 2 | x |\n"
            "| long\\|name | 10 | yy |\n"
            "\n"
            "\\~ 5 % of it\n");
}

TEST(Table, LatexEscapesItsSpecialCharacters) {
  const std::string latex = to_latex(small_table());
  EXPECT_THAT(latex, HasSubstr("\\begin{tabular}{lrr}\n\\toprule\nname & value & extra \\\\\n\\midrule\n"));
  EXPECT_THAT(latex, HasSubstr("a\\_b & 1 $\\pm$ 2 & x \\\\\n"));
  EXPECT_THAT(latex, HasSubstr("$\\sim$ 5 \\% of it"));
}

TEST(Table, LatexLeavesOutDispensableColumnsAndSaysSo) {
  const std::string latex = to_latex(small_table(), 20);
  EXPECT_THAT(latex, HasSubstr("% left out for lack of width: extra\n\\begin{table}"));
  EXPECT_THAT(latex, HasSubstr("\\begin{tabular}{lr}\n\\toprule\nname & value \\\\\n"));
  EXPECT_THAT(latex, Not(HasSubstr("yy")));
}

TEST(Table, LatexSetsNumbersAsNumbersAndNamesAsTheyAre) {
  Table table;
  table.columns = {{"method", Align::left}, {"value"}};
  table.rows = {{"gptq:damp=1e-2", "2.86e-06"}, {"a -1", "-0.5 ± 0.1"}, {"b", "3e+12"}, {"c", "2-3 e-8 1e"}};
  const std::string latex = to_latex(table);
  EXPECT_THAT(latex, HasSubstr("gptq:damp=1e-2 & 2.86$\\cdot 10^{-6}$ "));
  EXPECT_THAT(latex, HasSubstr("a -1 & $-$0.5 $\\pm$ 0.1 "));
  EXPECT_THAT(latex, HasSubstr("b & 3$\\cdot 10^{12}$ "));
  EXPECT_THAT(latex, HasSubstr("c & 2-3 e-8 1e "));
}

TEST(Table, CsvQuotesAsRfc4180) {
  Table table;
  table.columns = {{"a"}, {"b"}};
  table.rows = {{"x,y", "he said \"no\""}, {"", "two\nlines"}};
  EXPECT_EQ(to_csv(table), "a,b\n\"x,y\",\"he said \"\"no\"\"\"\n,\"two\nlines\"\n");
}

TEST(Table, HtmlEscapesMarkup) {
  Table table;
  table.columns = {{"<b>", Align::left}};
  table.rows = {{"a & \"b\"\x01"}};
  EXPECT_EQ(
      to_html(table),
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"table\"><table class=\"sortable\">\n<thead>\n"
      "<tr><th scope=\"col\" class=\"left\">&lt;b&gt;</th></tr>\n</thead>\n<tbody>\n"
      "<tr><td class=\"left\">a &amp; &quot;b&quot;?</td></tr>\n</tbody>\n</table></div>\n");
}

TEST(Table, HtmlHasTheNumbersAndMeaningsThatThereAre) {
  Table table;
  table.columns = {{"size", Align::right, 0, "in <bytes>"}};
  table.rows = {{"1 KiB"}, {""}};
  table.numbers = {{1024.0}, {{}}};
  EXPECT_THAT(to_html(table), testing::HasSubstr("<th scope=\"col\" title=\"in &lt;bytes&gt;\">size</th>"));
  EXPECT_THAT(to_html(table), testing::HasSubstr("<tr><td data-v=\"1024\">1 KiB</td></tr>\n<tr><td></td></tr>"));
}

}  // namespace
}  // namespace quantbench
