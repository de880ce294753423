#include "eval/render/page/page.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>

#include "eval/render/page/page_assets.h"
#include "eval/render/sample_report_for_tests.h"

namespace quantbench {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::size_t occurrences(const std::string& text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

/// A page without what stands in its style sheet and its script, which are no markup.
std::string markup_of(std::string page) {
  for (const auto& [open, close] : {std::pair{"<style>", "</style>"}, {"<script>", "</script>"}}) {
    const std::size_t from = page.find(open) + std::string_view(open).size();
    page.erase(from, page.find(close, from) - from);
  }
  return page;
}

/// Elements that are closed in another order than they were opened, or never; empty for a good page.
std::vector<std::string> unbalanced(const std::string& markup) {
  static const std::set<std::string> without_end = {"meta", "link", "br", "input", "!doctype"};
  std::vector<std::string> open, wrong;
  const std::regex tag(R"(<(/?)([!a-z0-9]+)((?:[^>"]|"[^"]*")*?)(/?)>)");
  for (std::sregex_iterator found(markup.begin(), markup.end(), tag), end; found != end; ++found) {
    const std::string name = (*found)[2];
    if ((*found)[4] == "/" || without_end.contains(name)) continue;
    if ((*found)[1] != "/") {
      open.push_back(name);
    } else if (open.empty() || open.back() != name) {
      wrong.push_back("</" + name + "> inside " + (open.empty() ? "nothing" : open.back()));
    } else {
      open.pop_back();
    }
  }
  for (const std::string& name : open) wrong.push_back("<" + name + "> is not closed");
  return wrong;
}

std::vector<std::string> all_matches(const std::string& text, const std::string& pattern) {
  std::vector<std::string> found;
  const std::regex expression(pattern);
  for (std::sregex_iterator match(text.begin(), text.end(), expression), end; match != end; ++match)
    found.push_back((*match)[1]);
  return found;
}

TensorReport sample_tensor(const std::string& name, double error) {
  TensorReport tensor;
  tensor.name = name;
  tensor.format = "int4:g32:sym";
  tensor.rows = 8;
  tensor.cols = 32;
  tensor.bits_per_weight = 4.5;
  tensor.relative_rmse = error;
  return tensor;
}

/// A report that fills every section.
Report full_report() {
  Report report = sample_report();
  for (CellReport& cell : report.cells)
    if (cell.method != "f32")
      cell.tensors = {sample_tensor("blk.0.attn_q.weight", 0.1), sample_tensor("blk.1.attn_q.weight", 0.2)};
  report.cells.push_back(sample_cell("q2_k", 2.6, 0.3, 4.6, 0.2));
  report.cells.back().status = "failed";
  report.cells.back().error = "out of luck";
  for (const char* id : {"matvec/q4_0/avx2", "matvec/q8_0/avx2"}) {
    ThroughputReport kernel;
    kernel.id = id;
    kernel.shape = "4096x4096x1";
    kernel.seconds_median = 1e-3;
    kernel.bytes_per_second = 8e9;
    kernel.flops_per_second = 2e10;
    kernel.percent_of_peak = 80;
    kernel.peak = "read_bandwidth";
    report.kernels.push_back(kernel);
  }
  ExpectationReport expectation;
  expectation.method = "q4_0";
  expectation.metric = "perplexity";
  expectation.verdict = "not measured";
  expectation.reason = "other text";
  report.expectations = {expectation};
  report.orderings = {{"q4_k", "rtn:q4_0", "kld.mean", "A paper", -0.25, -0.5, -0.125, "holds", ""}};
  return report;
}

/// Every text of a report replaced by one that would break out of markup, attributes and scripts.
Report hostile_report(const std::string& text) {
  Report report = full_report();
  report.run_name = report.model_name = report.dataset_name = report.protocol = report.dataset_loader = text;
  report.config_sha256 = report.model_sha256 = report.dataset_sha256 = report.tokenizer_sha256 = text;
  report.device = report.config = text;
  report.environment = {text, text, text, text, text, text, 1, text, text};
  for (CellReport& cell : report.cells) {
    const bool is_f32 = cell.method == "f32";
    if (!is_f32) cell.method += text;
    cell.id += text;
    cell.importance = cell.nll_file = cell.nll_sha256 = cell.kld_file = cell.kld_sha256 = text;
    cell.notes = {text};
    cell.commit = text;
    if (cell.status != "ok") cell.error = text;
    for (TensorReport& tensor : cell.tensors) {
      tensor.name = text + tensor.name;
      tensor.format = tensor.fallback = text;
    }
  }
  for (ThroughputReport& kernel : report.kernels) {
    kernel.id = "matvec/" + text + "/avx2";
    kernel.shape = kernel.variant = kernel.device = kernel.peak = text;
  }
  for (ExpectationReport& entry : report.expectations)
    entry.method = entry.metric = entry.model = entry.source = entry.reason = entry.verdict = text;
  for (OrderingReport& entry : report.orderings)
    entry.better = entry.worse = entry.metric = entry.source = entry.reason = entry.verdict = text;
  return report;
}

Sensitivity hostile_sensitivity(const std::string& text) {
  FormatSensitivity format;
  format.format = text;
  format.bytes = 100;
  format.kld = MeasuredDivergence{1e-3, 1e-4, 1e-2};
  Sensitivity sensitivity;
  sensitivity.origin = {text, text, text, text, text, text, 2, 2, text};
  sensitivity.probe = text;
  sensitivity.tensors = {{text + "blk.0.attn_q.weight", 8, 32, {format}}, {text + "output", 8, 32, {format}}};
  return sensitivity;
}

TEST(Page, IsWellFormedWithEverySection) {
  const std::string page = markup_of(render_html(std::vector{full_report()}));
  EXPECT_THAT(unbalanced(page), IsEmpty());
  for (const char* section : {"results", "charts", "cells", "papers", "kernels", "provenance"})
    EXPECT_THAT(page, HasSubstr(fmt::format("<section id=\"{}\"", section)));
  EXPECT_THAT(page, Not(HasSubstr("<section id=\"sensitivity\""))) << "none was given";
  EXPECT_EQ(occurrences(page, "<h1>"), 1u);
  EXPECT_THAT(page, HasSubstr("A CPU &amp; more"));
}

TEST(Page, SectionsThatHaveNothingToShowAreLeftOut) {
  Report kernels;
  kernels.run_name = "kernels";
  kernels.kernels = full_report().kernels;
  const std::string page = markup_of(render_html(std::vector{kernels}));
  EXPECT_THAT(unbalanced(page), IsEmpty());
  EXPECT_EQ(occurrences(page, "<section "), 2u) << "kernels and provenance";
  EXPECT_THAT(markup_of(render_html({}, std::vector{hostile_sensitivity("s")})),
              HasSubstr("<section id=\"sensitivity\""));
}

TEST(Page, IdsAreUniqueAndLinksLead) {
  const std::string page = markup_of(render_html(std::vector{full_report(), full_report()}));
  std::map<std::string, int> ids;
  for (const std::string& id : all_matches(page, " id=\"([^\"]*)\"")) ++ids[id];
  for (const auto& [id, count] : ids) EXPECT_EQ(count, 1) << id;
  const std::vector<std::string> links = all_matches(page, "href=\"#([^\"]*)\"");
  EXPECT_GE(links.size(), 10u + 6u) << "a row for each cell, and the contents";
  for (const std::string& link : links) EXPECT_TRUE(ids.contains(link)) << link;
}

TEST(Page, AsksNothingOfAnyNetwork) {
  const std::string page = render_html(std::vector{full_report()}, std::vector{hostile_sensitivity("s")});
  for (const char* external :
       {" src=", "url(", "@import", "http:", "https:", "//cdn", "fetch(", "XMLHttpRequest", "import("})
    EXPECT_EQ(occurrences(page, external), 0u) << external;
  for (const std::string& link : all_matches(page, "href=\"([^\"]*)\""))
    EXPECT_TRUE(link.starts_with("#") || link == "data:,") << link;
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
}

TEST(Page, TextsOfReportsStayTexts) {
  for (const std::string text :
       {"</script><script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "' onmouseover='alert(1)", "<!-- ",
        "]]>", "</title></style></table></section>", "&lt;b&gt;", "a\x01\x1f\n\tb", "{} {0} %s @page_css@"}) {
    const std::string page = render_html(std::vector{hostile_report(text)}, std::vector{hostile_sensitivity(text)});
    const std::string markup = markup_of(page);
    EXPECT_THAT(unbalanced(markup), IsEmpty()) << text;
    EXPECT_EQ(occurrences(markup, "<script"), 1u) << text;
    for (const char* bad : {"<img", "<!--", "\" on", "<b>", "\x01"})
      EXPECT_EQ(occurrences(markup, bad), 0u) << text << bad;
    EXPECT_THAT(all_matches(markup, "<[^>\"]*(?:\"[^\"]*\"[^>\"]*)*\\s(on[a-z]+)="), IsEmpty()) << text;
    EXPECT_EQ(occurrences(page, std::string(page_js)), 1u) << "the script is as written";
  }
  const std::string page = render_html(std::vector{hostile_report("&lt;b&gt;")});
  EXPECT_THAT(page, HasSubstr("&amp;lt;b&amp;gt;")) << "what looks escaped is shown as it is";
}

TEST(Page, IsTheSameEveryTime) {
  const std::vector reports{full_report(), sample_report()};
  EXPECT_EQ(render_html(reports), render_html(reports));
}

TEST(Page, RowsHaveTheNumbersBehindTheirTexts) {
  const std::string page = render_html(std::vector{full_report()});
  // absmax:int4:g32 of the sample: 4.5 bits, relative RMSE 0.09, perplexity 4.3.
  const std::size_t row = page.find("<tr data-cell=\"0-0\" data-run=\"0\" data-family=\"absmax\" data-front=\"1\">");
  ASSERT_NE(row, std::string::npos);
  const std::string text = page.substr(row, page.find("</tr>", row) - row);
  EXPECT_THAT(text, HasSubstr("<a href=\"#cell-0-0\">absmax:int4:g32</a>"));
  EXPECT_THAT(text, HasSubstr("<td data-v=\"4.5\">4.500</td>"));
  EXPECT_THAT(text, HasSubstr("<td data-v=\"0.09\">9.000</td>"));
  EXPECT_THAT(text, HasSubstr("<td data-v=\"4.3\">4.300 ± 0.050</td>"));
  EXPECT_THAT(page, HasSubstr("q2_k failed: out of luck"));
}

TEST(Page, OfSeveralRunsHasOneTableAndMarksFactsThatDiffer) {
  std::vector<Report> reports{full_report(), full_report()};
  reports[1].dataset_tokens = 77;
  const std::string page = markup_of(render_html(reports));
  EXPECT_EQ(occurrences(page, "id=\"result-table\""), 1u);
  EXPECT_EQ(occurrences(page, "<tr data-cell="), 10u);
  EXPECT_THAT(page, HasSubstr("<td class=\"left\">sample_run (2)</td>"));
  EXPECT_EQ(occurrences(page, "<tr class=\"differs\">"), 1u);
  EXPECT_EQ(occurrences(page, "<svg class=\"chart\""), 3u + 2 * 2u) << "charts once; a roofline and bars of each run";
}

TEST(Page, FitsTwoMegabytesWithAThousandTensors) {
  Report report = full_report();
  report.cells.resize(3);
  report.cells[2].tensors.clear();
  for (int layer = 0; layer < 1000; ++layer)
    report.cells[2].tensors.push_back(sample_tensor(fmt::format("blk.{}.ffn_down.weight", layer), 0.1));
  EXPECT_LT(render_html(std::vector{report}).size(), 2'000'000u);
}

TEST(Page, SaysThatItLeavesTablesOutWhereTheyWouldBeTooMany) {
  Report report = full_report();
  for (int tensor = 0; tensor < 20'001; ++tensor)
    report.cells[0].tensors.push_back(sample_tensor(fmt::format("blk.{}.x{}.weight", tensor / 200, tensor % 200), 0.1));
  const std::string page = render_html(std::vector{report});
  EXPECT_THAT(page, HasSubstr("The tables of 20007 tensors are left out"));
  EXPECT_THAT(page, Not(HasSubstr("Table of its")));
}

TEST(Page, TheScriptKeepsNothingOutsideThePage) {
  for (const char* store : {"localStorage", "sessionStorage", "cookie", "indexedDB", "innerHTML", "eval("})
    EXPECT_EQ(std::string(page_js).find(store), std::string::npos) << store;
}

}  // namespace
}  // namespace quantbench
