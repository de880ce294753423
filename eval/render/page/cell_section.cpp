// Every cell by itself. The reader chooses one; without the script all are shown.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "eval/explain/facts.h"
#include "eval/render/chart_data.h"
#include "eval/render/heat_map.h"
#include "eval/render/page/page.h"

namespace quantbench {
namespace {

/// Beyond that many rows of all cells together a browser is slow, and the tables of tensors are left to the report itself.
constexpr std::size_t most_tensor_rows = 20'000;

Table tensor_table(const CellReport& cell) {
  Table table;
  table.columns = {
      {"tensor", Align::left, 0},
      {"format", Align::left, 0},
      {"shape", Align::right, 0},
      {"bits/weight"},
      {"RMSE %", Align::right, 0, "relative: ||W - W'|| / ||W||"},
      {"max error"},
      {"cosine"},
      {"weighted RMSE %", Align::right, 0, "squared errors weighted by the mean square of the input column"},
      {"instead of", Align::left, 0, "why another format than asked was used"}};
  for (const TensorReport& tensor : cell.tensors) {
    const auto& weighted = tensor.weighted_relative_rmse;
    const auto& distance = tensor.rate_distortion_db;
    table.rows.push_back({tensor.name, tensor.format, fmt::format("{} × {}", tensor.rows, tensor.cols),
                          fmt::format("{:.3f}", tensor.bits_per_weight),
                          fmt::format("{:.3f}", 100 * tensor.relative_rmse),
                          distance ? fmt::format("{:.2f}", *distance) : "", fmt::format("{:.3g}", tensor.max_abs_error),
                          fmt::format("{:.6f}", tensor.cosine), weighted ? fmt::format("{:.3f}", 100 * *weighted) : "",
                          tensor.fallback});
    // The other columns are sorted by what they show.
    auto& numbers = table.numbers.emplace_back(table.columns.size());
    numbers[2] = static_cast<double>(tensor.rows) * static_cast<double>(tensor.cols);
  }
  return table;
}

std::string size_text(std::uint64_t bytes) {
  return fmt::format("{:.2f} MiB ({} bytes)", static_cast<double>(bytes) / (1 << 20), bytes);
}

std::string perplexity_text(const PerplexityReport& perplexity) {
  std::string text = fmt::format("{:.6g} ± {:.2g}, {} tokens", perplexity.value, perplexity.stderr_, perplexity.tokens);
  if (perplexity.difference && perplexity.difference_lower && perplexity.difference_upper)
    text += fmt::format("; from f32 {:+.4g} nats (95 %: {:+.4g} to {:+.4g})", *perplexity.difference,
                        *perplexity.difference_lower, *perplexity.difference_upper);
  return text;
}

std::string kld_text(const KldReport& kld) {
  return fmt::format("mean {:.4g}{}, median {:.4g}, p90 {:.4g}, p99 {:.4g}, max {:.4g} nats; noise floor {:.2g}",
                     kld.mean, kld.stderr_ ? fmt::format(" ± {:.2g}", *kld.stderr_) : "", kld.median, kld.p90, kld.p99,
                     kld.max, kld.noise_floor);
}

std::string formats_text(const CellReport& cell) {
  std::map<std::string, std::size_t> counts;
  for (const TensorReport& tensor : cell.tensors) ++counts[tensor.format];
  std::vector<std::string> parts;
  for (const auto& [format, count] : counts) parts.push_back(fmt::format("{} × {}", count, format));
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string facts_of_cell(const CellReport& cell) {
  std::string text = "<dl class=\"facts\">";
  const auto add = [&](const char* name, const std::string& value) { text += definition(name, value); };
  if (cell.status != "ok") add("failed", cell.error.empty() ? cell.status : cell.error);
  add("bits per weight", fmt::format("{:.4f}", cell.bits_per_weight));
  add("size", size_text(cell.size_bytes));
  if (cell.perplexity) add("perplexity", perplexity_text(*cell.perplexity));
  if (cell.kld) {
    add("KL divergence", kld_text(*cell.kld));
    add("predictions", fmt::format("{:.2f} % same most likely token; probability of the true token off by {:.4f} (rms)",
                                   100 * cell.kld->top1_agreement, cell.kld->rms_probability_difference));
  }
  if (cell.rmse)
    add("weight error",
        fmt::format("{:.4g} % relative RMSE, {:.4g} absolute", 100 * cell.rmse->relative, cell.rmse->absolute));
  if (cell.rmse && cell.rmse->rate_distortion_db)
    add("rate and distortion",
        fmt::format("{:.2f} dB above the bound of Gaussian weights", *cell.rmse->rate_distortion_db));
  add("formats", formats_text(cell));
  if (const std::size_t substituted = substituted_tensors(cell); substituted > 0)
    add("substituted", fmt::format("{} tensors are not in the format asked for", substituted));
  add("columns weighted by", cell.importance);
  for (const std::string& note : cell.notes) add("note", note);
  add("computed by commit", cell.commit);
  add("seconds", fmt::format("{:.2f}", cell.seconds));
  return text + "</dl>\n<details class=\"hashes\"><summary>Id and per-token files</summary>\n<dl class=\"facts\">" +
         definition("id", cell.id) + definition("NLL, file", cell.nll_file) + definition("sha256", cell.nll_sha256) +
         definition("KLD, file", cell.kld_file) + definition("sha256", cell.kld_sha256) + "</dl></details>\n";
}

std::string heat_of_cell(const CellReport& cell, const std::optional<HeatScale>& shared) {
  if (cell.tensors.empty()) return "";
  const HeatMap map = tensor_error_map(cell);
  const auto own = scale_of({map});
  if (!own || !shared) return "<p class=\"note\">no tensor has an error</p>\n";
  return "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"error of each tensor\">" +
         heat_table(map, *shared, *own) + "</div>\n<div class=\"own\">" + heat_legend(own->low, own->high, map.unit) +
         "</div>\n";
}

std::string panel(const CellReport& cell, const std::string& key, const std::string& name,
                  const std::optional<HeatScale>& shared, bool with_tensors) {
  std::string text =
      fmt::format("<article class=\"cell\" id=\"cell-{}\" data-cell=\"{}\" tabindex=\"-1\">\n<h3>{}</h3>\n", key, key,
                  escape_markup(name));
  text += "<div class=\"pair\">\n<div>" + facts_of_cell(cell) + "</div>\n<div class=\"map\">" +
          heat_of_cell(cell, shared) + "</div>\n</div>\n";
  if (!cell.tensors.empty() && with_tensors)
    text += fmt::format("<details><summary>Table of its {} tensors</summary>\n{}</details>\n", cell.tensors.size(),
                        to_html(tensor_table(cell)));
  return text + "</article>\n";
}

// The first shown: of those on the frontier the one nearest to four bits, where most readers look.
std::string first_shown(std::span<const Report> reports, const std::vector<CellPlace>& order) {
  constexpr double usual_bits = 4;
  const ChartPoint* best = nullptr;
  const ChartData data = chart_data(reports, ChartMetric::perplexity);
  for (const ChartPoint& point : data.points) {
    const bool nearer =
        best == nullptr || std::abs(point.bits_per_weight - usual_bits) < std::abs(best->bits_per_weight - usual_bits);
    if (point.on_frontier && nearer) best = &point;
  }
  return cell_key(best != nullptr ? best->place : order.front());
}

std::string chooser(const std::vector<std::pair<std::string, std::string>>& cells, const std::string& shown) {
  std::string text =
      "<form class=\"controls needs-script\" id=\"chooser\">\n<label for=\"cell-choice\">Cell</label>\n<select "
      "id=\"cell-choice\">\n";
  for (const auto& [key, name] : cells)
    text +=
        fmt::format("<option value=\"{}\"{}>{}</option>\n", key, key == shown ? " selected" : "", escape_markup(name));
  return text +
         "</select>\n<button type=\"button\" class=\"plain\" data-step=\"-1\">previous</button>\n"
         "<button type=\"button\" class=\"plain\" data-step=\"1\">next</button>\n"
         "<label for=\"scale-choice\">Colours</label>\n<select id=\"scale-choice\">\n<option value=\"own\">scale of "
         "this cell</option>\n"
         "<option value=\"shared\">one scale for all cells</option>\n</select>\n</form>\n";
}

}  // namespace

PageSection cell_section(std::span<const Report> reports) {
  PageSection section{"cells", "Cells and their tensors", ""};
  const std::vector<CellPlace> order = result_order(reports);
  if (order.empty()) return section;
  const std::vector<std::string> labels = run_labels(reports);
  std::vector<HeatMap> maps;
  std::size_t tensors = 0;
  std::vector<std::pair<std::string, std::string>> names;
  for (const CellPlace place : order) {
    const CellReport& cell = reports[place.run].cells[place.cell];
    maps.push_back(tensor_error_map(cell));
    tensors += cell.tensors.size();
    names.emplace_back(cell_key(place), runs_with_cells(reports) > 1
                                            ? fmt::format("{}: {}", labels[place.run], cell.method)
                                            : cell.method);
  }
  const auto shared = scale_of(maps);
  std::string& text = section.markup;
  text = chooser(names, first_shown(reports, order));
  if (shared)
    text +=
        "<div class=\"shared\">" + heat_legend(shared->low, shared->high, "relative RMSE %, all cells") + "</div>\n";
  if (tensors > most_tensor_rows)
    text += fmt::format("<p class=\"note\">The tables of {} tensors are left out: the report has them.</p>\n", tensors);
  for (std::size_t index = 0; index < order.size(); ++index)
    text += panel(reports[order[index].run].cells[order[index].cell], names[index].first, names[index].second, shared,
                  tensors <= most_tensor_rows);
  return section;
}

}  // namespace quantbench
