// GCC 12 sees uninitialized members inside std::regex, which valijson uses, when the sanitizers are on.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "core/file.h"
#include "eval/report.h"
#include "eval/testing/report_schema.h"

namespace quantbench {

std::string schema_errors(std::string_view report) {
  const auto document =
      nlohmann::json::parse(read_text(std::filesystem::path(QUANTBENCH_SOURCE_DIR) / "eval" / "report.schema.json"));
  valijson::Schema schema;
  valijson::SchemaParser().populateSchema(valijson::adapters::NlohmannJsonAdapter(document), schema);
  const auto json = nlohmann::json::parse(report);
  valijson::ValidationResults results;
  valijson::Validator().validate(schema, valijson::adapters::NlohmannJsonAdapter(json), &results);
  std::string lines;
  valijson::ValidationResults::Error error;
  while (results.popError(error)) {
    for (const std::string& step : error.context) lines += step;
    lines += ": " + error.description + "\n";
  }
  return lines;
}

namespace {

TEST(ReportSchema, HoldsForEveryCommittedReport) {
  const std::filesystem::path folder = std::filesystem::path(QUANTBENCH_SOURCE_DIR) / "results";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no committed reports: " << folder;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().filename() != "report.json" || entry.path().string().find("/store/") != std::string::npos)
      continue;
    EXPECT_EQ(schema_errors(read_text(entry.path())), "") << entry.path();
    EXPECT_NO_THROW(read_report(entry.path())) << entry.path();
  }
}

TEST(ReportSchema, StopsAtTheVersionThatTheReaderReads) {
  const auto schema =
      nlohmann::json::parse(read_text(std::filesystem::path(QUANTBENCH_SOURCE_DIR) / "eval" / "report.schema.json"));
  EXPECT_EQ(schema.at("properties").at("schema_version").at("maximum"), report_schema_version);
}

}  // namespace
}  // namespace quantbench
