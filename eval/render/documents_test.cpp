#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eval/render/render.h"
#include "eval/render/sample_report_for_tests.h"

namespace quantbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::vector<std::string> column(const Table& table, const std::string& title) {
  std::vector<std::string> cells;
  for (std::size_t index = 0; index < table.columns.size(); ++index)
    if (table.columns[index].title == title)
      for (const auto& row : table.rows) cells.push_back(row[index]);
  return cells;
}

TEST(ResultTable, IsSortedByBitsPerWeightWithFailuresLast) {
  Report report = sample_report();
  report.cells.push_back(sample_cell("absmax:int8:tensor", 8, 0.1, 4, 0));
  report.cells.back().status = "failed";
  report.cells.back().error = "out of luck";
  const Table table = result_table(report);
  EXPECT_THAT(column(table, "method"),
              ElementsAre("f32", "f16", "absmax:int4:g32", "zero_point:int2:g64", "absmax:int8:tensor"));
  EXPECT_THAT(column(table, "bits/weight"), ElementsAre("32.000", "16.000", "4.500", "2.500", "failed"));
  EXPECT_THAT(table.notes, testing::Contains("absmax:int8:tensor failed: out of luck"));
}

TEST(ResultTable, ShowsAsManyDigitsAsTheStandardErrorAllows) {
  EXPECT_THAT(column(result_table(sample_report()), "perplexity"),
              ElementsAre("4.000 ± 0.050", "4.000 ± 0.050", "4.300 ± 0.050", "9.500 ± 0.050"));
}

TEST(ResultTable, MarksDifferencesThatAreNotSignificant) {
  // f16: ln(4.0002/4) = 5e-5 with +-5e-4; absmax: +7.5 % with 1.075 * 0.2 %; zero_point: +137.5 % with 2.375 * 2 %.
  const Table table = result_table(sample_report());
  EXPECT_THAT(column(table, "vs f32 %"), ElementsAre("", "+0.005 ± 0.050 ~", "+7.50 ± 0.22", "+137.5 ± 4.8"));
  EXPECT_THAT(table.notes, testing::Contains(HasSubstr("confidence interval contains zero")));
}

TEST(ResultTable, LeavesOutColumnsThatNoCellFills) {
  Report report = sample_report();
  for (CellReport& cell : report.cells) cell.kld.reset();
  EXPECT_THAT(column(result_table(report), "KLD nats"), ElementsAre());
  EXPECT_THAT(column(result_table(report), "weighted RMSE %"), ElementsAre());
}

TEST(RenderTerminal, FitsTheWidth) {
  const std::string text = render_terminal(sample_report(), 72);
  std::istringstream lines(text.substr(text.find("method")));
  for (std::string line; std::getline(lines, line) && !line.empty();) EXPECT_LE(display_width(line), 72u) << line;
  EXPECT_THAT(text, HasSubstr("embedded:stories, 5.00 M parameters"));
  EXPECT_THAT(text, HasSubstr("A CPU & more, avx2 (limited; it has avx512), 2 threads"));
}

TEST(RenderTerminal, SaysNothingOfALimitWhereThereIsNone) {
  Report report = sample_report();
  for (const char* machine : {"avx2", ""}) {
    report.environment.machine_isa = machine;
    EXPECT_THAT(render_terminal(report, 72), HasSubstr("A CPU & more, avx2, 2 threads"));
  }
}

TEST(RenderCsv, KeepsEveryDigitAndLeavesAbsentMetricsEmpty) {
  Report report = sample_report();
  report.cells.resize(1);
  report.cells[0].rmse->relative = 0.1 + 0.2;
  report.cells[0].kld.reset();
  const std::string csv = render_csv(std::vector{report});
  EXPECT_THAT(csv, HasSubstr("run.name,model.name,"));
  EXPECT_THAT(csv, HasSubstr(",0.30000000000000004,"));
  EXPECT_THAT(csv, testing::EndsWith(",,,,,,,,\n"));
  EXPECT_EQ(std::ranges::count(csv, '\n'), 2);
}

TEST(RenderDocuments, HoldEveryReportAndItsKernels) {
  Report first = sample_report();
  Report second = sample_report();
  second.run_name = "other";
  second.kernels.push_back({"matvec/q4_0/avx2", "cpu", "4096x4096x1", "generic", 2, 1.5e-3, 1.4e-3, 1.7e-3, 6.3e9,
                            2.2e10, 47.3, "read_bandwidth"});
  const std::vector reports{first, second};
  EXPECT_THAT(render_markdown(reports), HasSubstr("## sample_run\n"));
  EXPECT_THAT(render_markdown(reports),
              HasSubstr("| matvec/q4_0/avx2 | 4096x4096x1 | 2 | 1.50 ms | 1.40 ms–1.70 ms | 6.30 | 22.00 | 47.3 |"));
  EXPECT_THAT(render_latex(reports), HasSubstr("Results of sample\\_run (embedded:stories, llamacpp-512)."));
  EXPECT_THAT(render_latex(reports), Not(HasSubstr("–")));
}

}  // namespace
}  // namespace quantbench
