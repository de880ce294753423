// A small synthetic report with hand-chosen figures, shared by the tests of eval/render and eval/compare.
#pragma once

#include <cmath>

#include "eval/report.h"

namespace quantbench {

inline CellReport sample_cell(std::string method, double bits_per_weight, double relative_rmse, double perplexity,
                              double mean_kld) {
  CellReport cell;
  cell.id = "id-" + method;
  cell.method = std::move(method);
  cell.bits_per_weight = bits_per_weight;
  cell.size_bytes = static_cast<std::uint64_t>(bits_per_weight * 131072);  // 1 Mi weights
  cell.status = "ok";
  cell.seconds = 1.25;
  cell.rmse = RmseReport{relative_rmse, relative_rmse / 10, {}};
  cell.perplexity = PerplexityReport{perplexity, 0.05, 4096, "llamacpp-512", {}, {}, {}};
  cell.kld = KldReport{mean_kld, mean_kld / 2, mean_kld * 2, mean_kld * 5, mean_kld * 50, 1 - mean_kld, 0.01, 1e-9};
  return cell;
}

inline void set_difference(CellReport& cell, double f32_perplexity, double half_width_nats) {
  const double difference = std::log(cell.perplexity->value / f32_perplexity);
  cell.perplexity->difference = difference;
  cell.perplexity->difference_lower = difference - half_width_nats;
  cell.perplexity->difference_upper = difference + half_width_nats;
}

inline Report sample_report() {
  Report report;
  report.run_name = "sample_run";
  report.config_sha256 = std::string(64, 'c');
  report.seed = 7;
  report.environment = {"A CPU & more", "avx2", "gcc 12", "-O3", "", "0.1.0", 2, "avx512"};
  report.model_name = "embedded:stories";
  report.model_sha256 = std::string(64, 'a');
  report.model_parameters = 5'000'000;
  report.dataset_name = "stories_eval";
  report.dataset_sha256 = std::string(64, 'd');
  report.tokenizer_sha256 = std::string(64, 'e');
  report.protocol = "llamacpp-512";
  report.dataset_tokens = 16384;
  report.cells = {sample_cell("absmax:int4:g32", 4.5, 0.09, 4.3, 0.03), sample_cell("f32", 32, 0, 4.0, 0),
                  sample_cell("zero_point:int2:g64", 2.5, 0.41, 9.5, 0.8),
                  sample_cell("f16", 16, 0.0002, 4.0002, 1e-7)};
  set_difference(report.cells[0], 4.0, 0.002);
  set_difference(report.cells[2], 4.0, 0.02);
  set_difference(report.cells[3], 4.0, 0.0005);
  return report;
}

}  // namespace quantbench
