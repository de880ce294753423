#include "eval/explain/cell_figures_explained.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <numbers>

#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "eval/testing/tiny_experiment.h"

namespace quantbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr double e = std::numbers::e;

TensorReport tensor(const std::string& name, std::size_t rows, std::size_t cols, double relative_rmse, double rmse) {
  return {name, "q4_0", rows, cols, 4.5, relative_rmse, rmse, 1, 0.9, {}, ""};
}

/// Squared errors 1 + 12 of 4 + 12 weights, whose squares sum up to 100 + 48; NLLs 1, 2, 3.
CellReport hand_made_cell() {
  CellReport cell;
  cell.id = "1";
  cell.method = "rtn:q4_0";
  cell.status = "ok";
  cell.size_bytes = 9;
  cell.bits_per_weight = 4.5;
  cell.rmse = RmseReport{std::sqrt(13.0 / 148), std::sqrt(13.0 / 16), {}, {}};
  cell.tensors = {tensor("a", 2, 2, 0.1, 0.5), tensor("b", 3, 4, 0.5, 1)};
  cell.perplexity = PerplexityReport{e * e, e * e / std::sqrt(3.0), 3, "llamacpp-512", 0.5, 0.1, 0.9};
  cell.kld = KldReport{0.25, 0.1, 0.3, 0.4, 0.5, 2.0 / 3, 0.01, 1e-9};
  return cell;
}

Report report_of(const CellReport& cell) {
  Report report;
  report.run_name = "by hand";
  CellReport f32;
  f32.id = "0";
  f32.method = "f32";
  f32.status = "ok";
  f32.perplexity = PerplexityReport{std::exp(1.5), 1, 3, "llamacpp-512", {}, {}, {}};
  report.cells = {f32, cell};
  return report;
}

std::string numbers_of(const ExplainedCell& explained, const std::string& figure) {
  const auto found = std::ranges::find(explained.figures, figure, &ExplainedFigure::figure);
  return found == explained.figures.end() ? "not there" : found->numbers;
}

TEST(ExplainCell, FiguresAreFormulasWithNumbers) {
  const ReportFile file{report_of(hand_made_cell()), "/nowhere/report.json"};
  const ExplainedCell explained = explain_cell(file, file.report.cells[1]);
  for (const ExplainedFigure& figure : explained.figures) EXPECT_TRUE(figure.agrees()) << figure.figure;
  EXPECT_EQ(numbers_of(explained, "bits_per_weight"), "8 x 9 / 16");
  EXPECT_EQ(numbers_of(explained, "rmse.absolute"), "sqrt(13 / 16)");
  EXPECT_EQ(numbers_of(explained, "rmse.relative"), "sqrt(13 / 148)");
  EXPECT_EQ(numbers_of(explained, "perplexity.value"), "exp(6 / 3) = exp(2)");
  EXPECT_EQ(numbers_of(explained, "perplexity.stderr"), "7.3890561 x 1 / sqrt(3)");
  EXPECT_EQ(numbers_of(explained, "perplexity.difference"), "2 - 1.5");
  EXPECT_EQ(numbers_of(explained, "kld.mean"), "0.75 / 3");
  EXPECT_EQ(numbers_of(explained, "kld.top1_agreement"), "2 / 3");
  EXPECT_THAT(explained.notes, testing::Contains(HasSubstr("taken back from perplexity")));
}

TEST(ExplainCell, AFigureThatItsFormulaDoesNotGiveIsPointedOut) {
  CellReport cell = hand_made_cell();
  cell.rmse->relative = 0.3;
  const ReportFile file{report_of(cell), "/nowhere/report.json"};
  EXPECT_THAT(explain_cell_text(file, file.report.cells[1], 0), HasSubstr("sqrt(13 / 148) = 0.296374"));
  EXPECT_THAT(explain_cell_text(file, file.report.cells[1], 0), HasSubstr("DOES NOT FIT"));
  const ReportFile intact{report_of(hand_made_cell()), "/nowhere/report.json"};
  EXPECT_THAT(explain_cell_text(intact, intact.report.cells[1], 0), Not(HasSubstr("DOES NOT FIT")));
}

TEST(ExplainCell, TokensAreReadWhereTheyLieBesideTheReport) {
  const testing_support::TemporaryFolder folder;
  const std::vector<float> nll{1, 2, 3};
  const std::string bytes(reinterpret_cast<const char*>(nll.data()), nll.size() * sizeof(float));
  std::filesystem::create_directories(folder / "nll");
  write_text_atomically(folder / "nll/1.f32", bytes);
  CellReport cell = hand_made_cell();
  cell.nll_file = "nll/1.f32";
  cell.nll_sha256 = sha256(bytes);
  const ReportFile file{report_of(cell), folder / "report.json"};
  const ExplainedCell explained = explain_cell(file, file.report.cells[1]);
  EXPECT_EQ(numbers_of(explained, "perplexity.value"), "exp(6 / 3) = exp(2)");
  EXPECT_EQ(numbers_of(explained, "perplexity.stderr"), "7.3890561 x 1 / sqrt(3)");
  EXPECT_THAT(explained.notes, testing::Contains("sum and spread of NLL: of nll/1.f32"));
  write_text_atomically(folder / "nll/1.f32", bytes.substr(4));
  EXPECT_THROW(explain_cell(file, file.report.cells[1]), Error);
}

TEST(ExplainCell, WhatCannotBeTakenBackIsSaid) {
  CellReport cell = hand_made_cell();
  cell.tensors.push_back(tensor("exact", 1, 1, 0, 0));
  const ReportFile file{report_of(cell), "/nowhere/report.json"};
  const ExplainedCell explained = explain_cell(file, file.report.cells[1]);
  EXPECT_EQ(numbers_of(explained, "rmse.relative"), "not there");
  EXPECT_THAT(explained.notes, testing::Contains(HasSubstr("rmse.relative is not explained")));
}

TEST(ExplainCell, IsFoundByAnySpellingOfItsMethod) {
  const ReportFile file{report_of(hand_made_cell()), "r.json"};
  EXPECT_EQ(find_explained_cell(file, "rtn:q4_0").id, "1");
  EXPECT_EQ(find_explained_cell(file, "f32").id, "0");
  try {
    (void)find_explained_cell(file, "rtn:q4_1");
    FAIL() << "was found";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("r.json has no cell of method 'rtn:q4_1'; did you mean rtn:q4_0?"));
  }
}

TEST(ExplainCell, JsonHasFormulasAndFormats) {
  const ReportFile file{report_of(hand_made_cell()), "r.json"};
  const auto json = nlohmann::json::parse(explain_cell_json(file, file.report.cells[1]));
  EXPECT_EQ(json.at("figures").at(0).at("figure"), "bits_per_weight");
  EXPECT_EQ(json.at("figures").at(0).at("agrees"), true);
  EXPECT_EQ(json.at("formats").at(0).at("weights"), 16);
  EXPECT_EQ(json.at("largest_errors").at(0).at("name"), "b");
}

}  // namespace
}  // namespace quantbench
