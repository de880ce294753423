#include "eval/explain/report_diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "core/error.h"
#include "eval/render/sample_report_for_tests.h"

namespace quantbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

ReportDiff diff_of(const Report& first, const Report& second, const std::vector<DiffSection>& sections = {}) {
  return diff_reports({first, "a.json"}, {second, "b.json"}, sections);
}

std::string text_of(const Report& first, const Report& second, std::size_t most_rows = 30) {
  const ReportFile one{first, "a.json"}, other{second, "b.json"};
  return diff_text(one, other, diff_reports(one, other), most_rows, 0);
}

std::vector<std::string> names(const std::vector<ReportDifference>& differences) {
  std::vector<std::string> all;
  for (const ReportDifference& difference : differences)
    all.push_back(std::string(to_string(difference.section)) + " " + difference.cell +
                  (difference.tensor.empty() ? "" : "/" + difference.tensor) + " " + difference.what);
  return all;
}

TensorReport tensor(const std::string& name, const std::string& format, double relative_rmse) {
  return {name, format, 64, 128, 4.5, relative_rmse, 0.001, 0.01, 0.998, 0.06, ""};
}

/// With everything that a report can hold.
Report complete_report() {
  Report report = sample_report();
  report.config = R"({"dataset":{"chunks":"8"},"methods":["f32","q4_k"]})";
  report.device = "cuda";
  report.environment.commit = std::string(40, '1');
  report.environment.gpu = "a gpu";
  report.metrics = {{"kld", 1}, {"perplexity", 1}};
  report.dataset_loader = "wikitext2";
  report.dataset_windows = WindowFacts{8, 32, 512, 512, 256, 255, 8};
  report.tokenizer = TokenizerFacts{"llama", 2048, true};
  report.calibration =
      CalibrationFacts{"c4", std::string(64, '1'), "c4", "gptq-512", 9999, {4, 5, 512, 512, 0, 511, 1}, true, false};
  report.importance_matrix = FileFacts{"i.gguf", std::string(64, '2')};
  report.cells.resize(1);
  CellReport& cell = report.cells[0];
  cell.importance = "c4";
  cell.notes = {"a note"};
  cell.commit = std::string(40, '2');
  cell.rmse->weighted_relative = 0.08;
  cell.rmse->rate_distortion_db = 1.5;
  cell.nll_file = "nll/a.f32";
  cell.nll_sha256 = std::string(64, '3');
  cell.kld_file = "kld/a.f32";
  cell.kld_sha256 = std::string(64, '4');
  cell.tensors = {tensor("blk.0.attn_q.weight", "q4_0", 0.07)};
  cell.tensors[0].rate_distortion_db = 1.25;
  report.kernels = {{"matvec/q4_0/avx2", "cpu", "4096x4096x1", "generic", 2, 1e-3, 9e-4, 2e-3, 9.4e9, 3e10, 70,
                     "read_bandwidth", 81, 0.04, 9728, 1755, 2619}};
  report.expectations = {{"q4_k", "perplexity", "opt-125m", "Table 3", "wikitext2", "gptq-2048", 27.65, 0.1, 27.7, 0.05,
                          "not comparable", "protocol"}};
  report.orderings = {{"q4_k", "rtn:q4_0", "kld.mean", "PR 1684", -0.1, -0.2, -0.05, "holds", "why"}};
  return report;
}

TEST(ReportDiff, EqualReportsHaveNone) {
  const Report report = complete_report();
  EXPECT_THAT(names(diff_of(report, report).differences), ElementsAre());
  EXPECT_THAT(text_of(report, report), HasSubstr("\nNo difference.\n"));
}

TEST(ReportDiff, TimingsAreNoDifference) {
  const Report first = complete_report();
  Report second = first;
  second.cells[0].seconds = 3;
  second.environment.threads = 9;
  second.kernels[0].seconds_median = 2e-3;
  const ReportDiff diff = diff_of(first, second);
  EXPECT_THAT(names(diff.differences), ElementsAre());
  EXPECT_EQ(diff.timings.size(), 3u);
  EXPECT_THAT(text_of(first, second), HasSubstr("\nNo difference but for timings.\n"));
  EXPECT_THAT(text_of(first, second), HasSubstr("+100 %"));
}

/// What names things for people, pairs the members of two lists, or follows from a hash that is compared.
bool may_differ(const std::string& path) {
  static const std::regex exceptions(
      "/schema_version|/run/(name|config_sha256)|/(model|dataset|calibration|importance_matrix)/name|/model/parameters|"
      "/tokenizer/.*|/calibration/windows/(stride|first_scored|scored_each)|/cells/0/(nll|kld)_file");
  return std::regex_match(path, exceptions);
}

Report changed(const nlohmann::json& flat, const std::string& path) {
  nlohmann::json copy = flat;
  nlohmann::json& leaf = copy[path];
  if (leaf.is_boolean())
    leaf = !leaf.get<bool>();
  else if (leaf.is_number())
    leaf = leaf.get<double>() == static_cast<double>(leaf.get<std::int64_t>()) && !leaf.is_number_float()
               ? nlohmann::json(leaf.get<std::int64_t>() + 1)
               : nlohmann::json(leaf.get<double>() + 0.125);
  else
    leaf = path == "/cells/0/status" ? "failed" : leaf.get<std::string>() + "x";
  return parse_report(copy.unflatten().dump(), path);
}

// Members that later versions add are compared, too.
TEST(ReportDiff, NoMemberOfAReportIsOverlooked) {
  const Report report = complete_report();
  const nlohmann::json flat = nlohmann::json::parse(to_json(report)).flatten();
  ASSERT_GT(flat.size(), 100u);
  for (const auto& [path, value] : flat.items()) {
    if (may_differ(path)) continue;
    const ReportDiff diff = diff_of(report, changed(flat, path));
    EXPECT_FALSE(diff.differences.empty() && diff.timings.empty()) << path;
  }
}

TEST(ReportDiff, TheConfigIsComparedByItsKeys) {
  const Report first = complete_report();
  Report second = first;
  second.config = R"({"dataset":{"chunks":"16"},"methods":["f32","q5_k"]})";
  second.config_sha256 = std::string(64, '5');
  EXPECT_THAT(names(diff_of(first, second).differences),
              ElementsAre("config  dataset.chunks", "config  methods", "config  methods"));
  second.config.clear();
  const ReportDiff diff = diff_of(first, second);
  EXPECT_THAT(names(diff.differences), ElementsAre("config  config_sha256"));
  EXPECT_THAT(diff.not_recorded, ElementsAre("config"));
}

TEST(ReportDiff, SectionsAreInTheirOrderAndResultsByTheirChange) {
  const Report first = sample_report();
  Report second = first;
  second.environment.isa = "scalar";
  second.protocol = "gptq-512";
  second.cells[0].perplexity->value *= 1.01;
  second.cells[2].perplexity->value *= 1.5;
  second.cells[2].bits_per_weight = 2.75;
  second.cells[3].method = "bf16";
  const ReportDiff diff = diff_of(first, second);
  std::vector<std::string> results;
  for (const std::string& name : names(diff.differences))
    if (name.starts_with("results")) results.push_back(name);
  EXPECT_THAT(results,
              ElementsAre("results zero_point:int2:g64 bits_per_weight", "results zero_point:int2:g64 perplexity.value",
                          "results absmax:int4:g32 perplexity.value"));
  EXPECT_TRUE(std::ranges::is_sorted(diff.differences, {}, &ReportDifference::section));
  EXPECT_EQ(diff.count(DiffSection::cells), 2u) << "f16 is in the first only, bf16 in the second";
  EXPECT_NEAR(*std::ranges::find(diff.differences, "perplexity.value", &ReportDifference::what)->change, 0.5, 1e-12);
  const std::vector<DiffSection> only{DiffSection::environment};
  EXPECT_THAT(names(diff_of(first, second, only).differences), ElementsAre("environment  instruction set"));
}

TEST(ReportDiff, FormatsOfTensorsComeBeforeTheirErrors) {
  Report first = sample_report();
  first.cells[0].tensors = {tensor("a", "q4_0", 0.07), tensor("b", "q4_0", 0.07), tensor("gone", "q4_0", 0.07)};
  Report second = first;
  second.cells[0].tensors = {tensor("b", "q5_0", 0.07), tensor("a", "q4_0", 0.14)};
  const std::vector<std::string> found = names(diff_of(first, second).differences);
  EXPECT_EQ(found[0], "tensors absmax:int4:g32/b format");
  EXPECT_THAT(found, testing::Contains("tensors absmax:int4:g32/a relative_rmse"));
  EXPECT_THAT(found, testing::Contains("tensors absmax:int4:g32/gone format"));
  EXPECT_THAT(text_of(first, second), HasSubstr("q5_0"));
}

TEST(ReportDiff, WhatOnlyOneReportSaysIsNamedOnceAndNotCounted) {
  Report first = sample_report();
  for (CellReport& cell : first.cells) cell.tensors = {tensor("a", "q4_0", 0.07), tensor("b", "q4_0", 0.07)};
  Report second = first;
  for (CellReport& cell : second.cells) {
    cell.rmse->rate_distortion_db = 1.5;
    cell.tensors[0].rms = 0.01;
    cell.id += "x";
  }
  second.cells[0].importance = "a text";
  const ReportDiff diff = diff_of(first, second);
  EXPECT_THAT(names(diff.differences), ElementsAre("protocol  ids of cells", "results absmax:int4:g32 importance"));
  EXPECT_EQ(diff.differences[0].second, "4 with another id");
  EXPECT_THAT(diff.not_recorded, ElementsAre("rmse.rate_distortion_db", "rms of tensors"));
}

TEST(ReportDiff, LongTablesAreCutUnlessAllIsAskedFor) {
  const Report first = sample_report();
  Report second = first;
  for (CellReport& cell : second.cells) {
    cell.kld->mean += 0.1;
    cell.kld->max += 0.1;
  }
  EXPECT_THAT(text_of(first, second, 2), HasSubstr("and 2 more (--all)"));
  EXPECT_THAT(text_of(first, second, 2), HasSubstr("and 4 figures beside them (--all)"));
  EXPECT_THAT(text_of(first, second, 0), HasSubstr("kld.max"));
  EXPECT_THAT(text_of(first, second, 0), Not(HasSubstr("--all")));
}

TEST(ReportDiff, JsonHoldsWholeValues) {
  const Report first = complete_report();
  Report second = first;
  second.dataset_sha256 = std::string(64, '9');
  second.cells[0].kld->mean *= 2;
  const ReportFile one{first, "a.json"}, other{second, "b.json"};
  const auto json = nlohmann::json::parse(diff_json(one, other, diff_reports(one, other)));
  EXPECT_EQ(json.at("different"), true);
  EXPECT_EQ(json.at("counts").at("data"), 1);
  EXPECT_EQ(json.at("differences").at(0).at("second"), std::string(64, '9'));
  EXPECT_EQ(json.at("differences").at(1).at("method"), "absmax:int4:g32");
  EXPECT_EQ(json.at("differences").at(1).at("what"), "kld.mean");
  EXPECT_NEAR(json.at("differences").at(1).at("change").get<double>(), 1, 1e-12);
}

TEST(ReportDiff, CellsThatCannotBePairedAreRefused) {
  Report twice = sample_report();
  twice.cells.push_back(twice.cells[0]);
  twice.cells.back().id = "another";
  EXPECT_THROW(diff_of(twice, sample_report()), Error);
}

}  // namespace
}  // namespace quantbench
