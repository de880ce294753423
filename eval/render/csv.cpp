#include <fmt/format.h>

#include <functional>
#include <optional>

#include "eval/render/render.h"

namespace quantbench {
namespace {

using Field = std::function<std::string(const Report&, const CellReport&)>;
struct CsvColumn {
  std::string name;
  Field text;
};

// Shortest text that reads back as the same number.
std::string exact(double value) { return fmt::format("{}", value); }
std::string exact(const std::optional<double>& value) { return value ? exact(*value) : ""; }

CsvColumn of_rmse(std::string name, const std::function<std::optional<double>(const RmseReport&)>& value) {
  return {"rmse." + std::move(name), [value](const Report&, const CellReport& cell) {
            return cell.rmse ? exact(value(*cell.rmse)) : std::string();
          }};
}
CsvColumn of_perplexity(std::string name, const std::function<std::optional<double>(const PerplexityReport&)>& value) {
  return {"perplexity." + std::move(name), [value](const Report&, const CellReport& cell) {
            return cell.perplexity ? exact(value(*cell.perplexity)) : std::string();
          }};
}
CsvColumn of_kld(std::string name, double KldReport::*member) {
  return {"kld." + std::move(name), [member](const Report&, const CellReport& cell) {
            return cell.kld ? exact((*cell.kld).*member) : std::string();
          }};
}

const std::vector<CsvColumn>& csv_columns() {
  static const std::vector<CsvColumn> columns = {
      {"run.name", [](const Report& report, const CellReport&) { return report.run_name; }},
      {"model.name", [](const Report& report, const CellReport&) { return report.model_name; }},
      {"model.sha256", [](const Report& report, const CellReport&) { return report.model_sha256; }},
      {"dataset.name", [](const Report& report, const CellReport&) { return report.dataset_name; }},
      {"dataset.sha256", [](const Report& report, const CellReport&) { return report.dataset_sha256; }},
      {"dataset.protocol", [](const Report& report, const CellReport&) { return report.protocol; }},
      {"method", [](const Report&, const CellReport& cell) { return cell.method; }},
      {"status", [](const Report&, const CellReport& cell) { return cell.status; }},
      {"error", [](const Report&, const CellReport& cell) { return cell.error; }},
      {"bits_per_weight", [](const Report&, const CellReport& cell) { return exact(cell.bits_per_weight); }},
      {"size_bytes", [](const Report&, const CellReport& cell) { return std::to_string(cell.size_bytes); }},
      {"seconds", [](const Report&, const CellReport& cell) { return exact(cell.seconds); }},
      of_rmse("relative", [](const RmseReport& rmse) { return rmse.relative; }),
      of_rmse("absolute", [](const RmseReport& rmse) { return rmse.absolute; }),
      of_rmse("weighted_relative", [](const RmseReport& rmse) { return rmse.weighted_relative; }),
      of_rmse("rate_distortion_db", [](const RmseReport& rmse) { return rmse.rate_distortion_db; }),
      of_perplexity("value", [](const PerplexityReport& perplexity) { return perplexity.value; }),
      of_perplexity("stderr", [](const PerplexityReport& perplexity) { return perplexity.stderr_; }),
      {"perplexity.tokens",
       [](const Report&, const CellReport& cell) {
         return cell.perplexity ? std::to_string(cell.perplexity->tokens) : std::string();
       }},
      of_perplexity("difference", [](const PerplexityReport& perplexity) { return perplexity.difference; }),
      of_perplexity("difference_lower", [](const PerplexityReport& perplexity) { return perplexity.difference_lower; }),
      of_perplexity("difference_upper", [](const PerplexityReport& perplexity) { return perplexity.difference_upper; }),
      of_kld("mean", &KldReport::mean),
      of_kld("median", &KldReport::median),
      of_kld("p90", &KldReport::p90),
      of_kld("p99", &KldReport::p99),
      of_kld("max", &KldReport::max),
      of_kld("top1_agreement", &KldReport::top1_agreement),
      of_kld("rms_probability_difference", &KldReport::rms_probability_difference),
      of_kld("noise_floor", &KldReport::noise_floor),
      {"kld.stderr",
       [](const Report&, const CellReport& cell) { return cell.kld ? exact(cell.kld->stderr_) : std::string(); }},
  };
  return columns;
}

}  // namespace

std::string render_csv(std::span<const Report> reports) {
  Table table;
  for (const CsvColumn& column : csv_columns()) table.columns.push_back({column.name, Align::left, 0});
  for (const Report& report : reports) {
    for (const CellReport& cell : report.cells) {
      auto& row = table.rows.emplace_back();
      for (const CsvColumn& column : csv_columns()) row.push_back(column.text(report, cell));
    }
  }
  return to_csv(table);
}

}  // namespace quantbench
