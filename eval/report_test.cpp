#include "eval/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <ostream>

#include "core/error.h"
#include "eval/testing/report_schema.h"

namespace quantbench {
namespace {

using testing::HasSubstr;

CellReport full_cell() {
  CellReport cell;
  cell.id = std::string(64, 'a');
  cell.method = "absmax:int4:g32";
  cell.bits_per_weight = 4.5;
  cell.size_bytes = 123456;
  cell.status = "ok";
  cell.seconds = 1.25;
  cell.rmse = RmseReport{0.07, 0.001, 0.06, 4};
  cell.perplexity = PerplexityReport{12.5, 0.25, 255, "llamacpp-512", 0.01, 0.005, 0.015};
  cell.kld = KldReport{0.02, 0.01, 0.05, 0.3, 1.5, 0.97, 0.02, 1e-9, 0.003};
  cell.tensors = {
      {"blk.0.attn_q.weight", "int4:g32:sym", 64, 128, 4.5, 0.07, 0.001, 0.01, 0.998, 0.06, "", 0.014, 4.5}};
  cell.nll_file = "nll/a.f32";
  cell.nll_sha256 = std::string(64, 'b');
  cell.commit = std::string(40, '3') + "-dirty";
  return cell;
}

Report full_report() {
  Report report;
  report.run_name = "default";
  report.config_sha256 = std::string(64, 'c');
  report.config = R"({"methods":["q4_k"],"seed":"42"})";
  report.seed = 42;
  report.device = "cuda";
  report.environment = {"a cpu", "avx2", "g++", "-O3", "", "0.1.0", 2, "avx512", std::string(40, '4')};
  report.model_name = "embedded:stories";
  report.model_sha256 = std::string(64, 'd');
  report.model_parameters = 1000;
  report.dataset_name = "embedded:stories/eval";
  report.dataset_sha256 = std::string(64, 'e');
  report.protocol = "llamacpp-512";
  report.tokenizer_sha256 = std::string(64, 'f');
  report.dataset_tokens = 4096;
  report.cells = {full_cell()};
  report.kernels = {{"matvec/q4_0/avx2", "cpu", "4096x4096x1", "generic", 2, 1e-3, 9e-4, 2e-3, 9.4e9, 3e10, 70,
                     "read_bandwidth", 81, 0.04, 9728, 1755, 2619}};
  report.metrics = {{"perplexity", 2}};
  report.dataset_loader = "wikitext2";
  report.dataset_windows = WindowFacts{3, 8, 512, 512, 256, 255, 3};
  report.tokenizer = TokenizerFacts{"llama", 2048, true};
  report.calibration = CalibrationFacts{"c4", std::string(64, '1'),           "c4", "gptq-2048",
                                        9999, {4, 4, 2048, 2048, 0, 2047, 1}, true, false};
  report.importance_matrix = FileFacts{"i.gguf", std::string(64, '2')};
  report.expectations = {{"q4_k", "perplexity", "opt-125m", "Table 3", "wikitext2", "gptq-2048", 27.65, 0.1, 27.7, 0.05,
                          "not comparable", "protocol"}};
  report.orderings = {{"q4_k", "rtn:q4_0", "kld.mean", "PR 1684", -0.1, -0.2, -0.05, "holds", ""}};
  return report;
}

TEST(Report, JsonHasTheDocumentedPaths) {
  const auto json = nlohmann::json::parse(to_json(full_report()));
  EXPECT_EQ(json.at("run").at("name"), "default");
  EXPECT_EQ(json.at("run").at("seed"), 42);
  EXPECT_EQ(json.at("run").at("config").at("methods").at(0), "q4_k");
  EXPECT_EQ(json.at("environment").at("commit"), std::string(40, '4'));
  EXPECT_EQ(json.at("cells").at(0).at("commit"), std::string(40, '3') + "-dirty");
  EXPECT_EQ(json.at("run").at("device"), "cuda");
  EXPECT_EQ(json.at("environment").at("isa"), "avx2");
  EXPECT_EQ(json.at("environment").at("machine_isa"), "avx512");
  EXPECT_EQ(json.at("model").at("parameters"), 1000);
  EXPECT_EQ(json.at("dataset").at("protocol"), "llamacpp-512");
  const auto& cell = json.at("cells").at(0);
  EXPECT_EQ(cell.at("rmse").at("relative"), 0.07);
  EXPECT_EQ(cell.at("rmse").at("rate_distortion_db"), 4);
  EXPECT_EQ(cell.at("tensors").at(0).at("rms"), 0.014);
  EXPECT_EQ(cell.at("tensors").at(0).at("rate_distortion_db"), 4.5);
  EXPECT_EQ(cell.at("perplexity").at("stderr"), 0.25);
  EXPECT_EQ(cell.at("kld").at("noise_floor"), 1e-9);
  EXPECT_EQ(cell.at("kld").at("stderr"), 0.003);
  EXPECT_EQ(cell.at("tensors").at(0).at("weighted_relative_rmse"), 0.06);
  EXPECT_EQ(json.at("kernels").at(0).at("percent_of_peak"), 70);
  EXPECT_EQ(json.at("kernels").at(0).at("percent_of_reading"), 81);
  EXPECT_EQ(json.at("kernels").at(0).at("repacking_seconds"), 0.04);
  EXPECT_EQ(json.at("kernels").at(0).at("multiprocessor_clock"), 1755);
  EXPECT_EQ(json.at("kernels").at(0).at("memory_clock"), 2619);
  EXPECT_EQ(json.at("kernels").at(0).at("repacked_bytes"), 9728);
  EXPECT_FALSE(cell.contains("error"));
  EXPECT_EQ(json.at("run").at("metrics").at(0).at("version"), 2);
  EXPECT_EQ(json.at("dataset").at("windows").at("bos_tokens"), 3);
  EXPECT_EQ(json.at("tokenizer").at("adds_bos"), true);
  EXPECT_EQ(json.at("calibration").at("windows").at("length"), 2048);
  EXPECT_EQ(json.at("expectations").at(0).at("published"), 27.65);
  EXPECT_EQ(json.at("orderings").at(0).at("verdict"), "holds");
}

TEST(Report, ReadingIsTheInverseOfWriting) {
  const std::string text = to_json(full_report());
  EXPECT_EQ(to_json(parse_report(text, "test")), text);
}

// What run.config_sha256 is of, byte by byte.
TEST(Report, TheConfigSurvivesAsItWasHashed) {
  EXPECT_EQ(parse_report(to_json(full_report()), "test").config, full_report().config);
}

TEST(Report, ACellNamesAnotherCommitThanThatOfItsReport) {
  Environment first, second;
  first.commit = std::string(40, '1');
  second.commit = std::string(40, '2');
  CellReport cell;
  keep_commit(cell, first, first);
  EXPECT_EQ(cell.commit, "");
  keep_commit(cell, first, second);
  EXPECT_EQ(cell.commit, first.commit);
  keep_commit(cell, second, second);
  EXPECT_EQ(cell.commit, first.commit) << "a cell that was put together twice is still of the commit that computed it";
  CellReport old;
  keep_commit(old, {}, second);
  EXPECT_EQ(old.commit, "unknown");
}

TEST(Report, AnySeedSurvives) {
  Report report;
  report.seed = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(parse_report(to_json(report), "test").seed, report.seed);
}

TEST(Report, AbsentMetricsAreAbsentMembers) {
  Report report = full_report();
  report.cells[0].kld.reset();
  report.cells[0].status = "failed";
  report.cells[0].error = "no memory";
  const auto json = nlohmann::json::parse(to_json(report));
  EXPECT_FALSE(json.at("cells").at(0).contains("kld"));
  EXPECT_EQ(json.at("cells").at(0).at("error"), "no memory");
  EXPECT_FALSE(parse_report(json.dump(), "test").cells[0].kld.has_value());
}

TEST(Report, MatchesThePublishedSchema) {
  EXPECT_EQ(schema_errors(to_json(full_report())), "");
  EXPECT_EQ(schema_errors(to_json(Report{})), "") << "a report without cells is valid";
}

TEST(Report, TheSchemaRefusesWhatTheReaderRefuses) {
  auto json = nlohmann::json::parse(to_json(full_report()));
  json["cells"][0]["status"] = "fine";
  EXPECT_NE(schema_errors(json.dump()), "");
  json = nlohmann::json::parse(to_json(full_report()));
  json["cells"][0]["perplexity"].erase("tokens");
  EXPECT_NE(schema_errors(json.dump()), "");
}

TEST(Report, NumbersThatAreNotFiniteAreRefused) {
  Report report = full_report();
  report.cells[0].kld->p99 = std::numeric_limits<double>::quiet_NaN();
  try {
    to_json(report);
    FAIL() << "NaN was written";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("cells[0].kld.p99"));
  }
}

TEST(Report, WithoutTimingsDropsSecondsThreadsAndKernels) {
  const Report plain = without_timings(full_report());
  EXPECT_EQ(plain.cells[0].seconds, 0);
  EXPECT_EQ(plain.environment.threads, 1);
  EXPECT_TRUE(plain.kernels.empty());
  EXPECT_EQ(plain.cells[0].rmse->relative, 0.07);
}

struct BadReport {
  std::string name;
  std::function<std::string()> text;
  std::string message;
};
void PrintTo(const BadReport& value, std::ostream* out) { *out << value.name; }

std::string with(const std::function<void(nlohmann::json&)>& change) {
  auto json = nlohmann::json::parse(to_json(full_report()));
  change(json);
  return json.dump();
}

class BadReports : public testing::TestWithParam<BadReport> {};

TEST_P(BadReports, AreRefusedWithThePlace) {
  try {
    parse_report(GetParam().text(), "bad.json");
    FAIL() << "was accepted";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("bad.json"));
    EXPECT_THAT(error.what(), HasSubstr(GetParam().message));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Report, BadReports,
    testing::Values(
        BadReport{"truncated", [] { return to_json(full_report()).substr(0, 300); }, "not a readable JSON"},
        BadReport{"empty", [] { return std::string(); }, "not a readable JSON"},
        BadReport{"nan", [] { return std::string(R"({"schema_version": NaN})"); }, "not a readable JSON"},
        BadReport{"beyond_double", [] { return std::string(R"({"schema_version": 1e400})"); }, "not a readable JSON"},
        BadReport{"invalid_utf8", [] { return std::string("{\"\xff\": 1}"); }, "not a readable JSON"},
        BadReport{"not_an_object", [] { return std::string("[]"); }, "must be an object"},
        BadReport{"newer", [] { return with([](auto& j) { j["schema_version"] = 2; }); }, "schema_version is 2"},
        BadReport{"missing", [] { return with([](auto& j) { j["model"].erase("sha256"); }); },
                  "model.sha256 is missing"},
        BadReport{"mistyped", [] { return with([](auto& j) { j["cells"][0]["rmse"]["relative"] = "low"; }); },
                  "cells[0].rmse.relative is string and must be a number"},
        BadReport{"null_metric", [] { return with([](auto& j) { j["cells"][0]["kld"] = nullptr; }); },
                  "cells[0].kld is null and must be an object"},
        BadReport{"negative_count", [] { return with([](auto& j) { j["cells"][0]["size_bytes"] = -1; }); },
                  "cells[0].size_bytes = -1 is out of range"},
        BadReport{"config", [] { return with([](auto& j) { j["run"]["config"] = "text"; }); },
                  "run.config is string and must be an object"},
        BadReport{"deep_config",
                  [] {
                    return with([](auto& j) {
                      j["run"]["config"]["a"] = nlohmann::json::parse(std::string(99, '[') + std::string(99, ']'));
                    });
                  },
                  "run.config is nested more than 64 deep"},
        BadReport{"status", [] { return with([](auto& j) { j["cells"][0]["status"] = "fine"; }); },
                  "must be ok or failed"},
        BadReport{"duplicate_cell", [] { return with([](auto& j) { j["cells"].push_back(j["cells"][0]); }); },
                  "appears twice"}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace quantbench
