// How differences of reports are shown: text and JSON.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "eval/explain/report_diff.h"
#include "eval/json_text.h"
#include "eval/render/table.h"

namespace quantbench {
namespace {

using Json = nlohmann::ordered_json;
using Differences = std::vector<const ReportDifference*>;

constexpr std::size_t longest_value = 60, shown_hash = 12;

std::string printed(const Json& value) {
  if (value.is_null()) return "-";
  if (value.is_number_float()) return fmt::format("{:.6g}", value.get<double>());
  if (value.is_string()) return value.get<std::string>();
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// Hashes and lists are cut: they are whole in the JSON.
std::string shown(const Json& value) {
  std::string text = printed(value);
  std::ranges::replace(text, '\n', ' ');
  const bool hash = text.size() >= 40 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
  const std::size_t longest = hash ? shown_hash : longest_value;
  return text.size() <= longest ? text : text.substr(0, longest) + "...";
}

std::string shown_first(const ReportDifference& difference) {
  return difference.first_shown.empty() ? shown(difference.first) : difference.first_shown;
}

std::string shown_second(const ReportDifference& difference) {
  return difference.second_shown.empty() ? shown(difference.second) : difference.second_shown;
}

std::string change_text(const ReportDifference& difference) {
  return difference.change ? fmt::format("{:+.3g} %", 100 * *difference.change) : "";
}

std::string counted(std::size_t count, const char* one, const char* many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

Differences of_section(const ReportDiff& diff, DiffSection section) {
  Differences found;
  for (const ReportDifference& difference : diff.differences)
    if (difference.section == section) found.push_back(&difference);
  return found;
}

void limit(Table& table, std::size_t most_rows) {
  if (most_rows == 0 || table.rows.size() <= most_rows) return;
  table.notes.push_back(fmt::format("and {} more (--all)", table.rows.size() - most_rows));
  table.rows.resize(most_rows);
}

/// Differences that are one line each.
Table plain_table(const Differences& differences, const char* title) {
  Table table;
  const bool has_cells =
      std::ranges::any_of(differences, [](const ReportDifference* difference) { return !difference->cell.empty(); });
  if (has_cells) table.columns.push_back({title, Align::left});
  table.columns.insert(table.columns.end(),
                       {{has_cells ? "" : title, Align::left}, {"first", Align::left}, {"second", Align::left}});
  for (const ReportDifference* difference : differences) {
    std::vector<std::string>& row = table.rows.emplace_back();
    if (has_cells) row.push_back(difference->cell);
    row.insert(row.end(), {difference->what, shown_first(*difference), shown_second(*difference)});
  }
  return table;
}

Table figure_table(const Differences& differences, const char* title) {
  Table table;
  table.columns = {{title, Align::left},
                   {"figure", Align::left},
                   {"first", Align::right},
                   {"second", Align::right},
                   {"change", Align::right}};
  for (const ReportDifference* difference : differences)
    table.rows.push_back({difference->cell, difference->what, shown(difference->first), shown(difference->second),
                          change_text(*difference)});
  return table;
}

bool is_leading(const ReportDifference& difference) {
  static const std::vector<std::string> leading{"bits_per_weight", "perplexity.value", "kld.mean", "rmse.relative"};
  return std::ranges::find(leading, difference.what) != leading.end();
}

/// The leading figures; of the others how many they are, unless all are asked for.
std::string results_text(Differences differences, std::size_t most_rows, std::size_t width) {
  const std::size_t all = differences.size();
  if (most_rows > 0 && std::ranges::any_of(differences, [](const auto* each) { return is_leading(*each); }))
    std::erase_if(differences, [](const ReportDifference* difference) { return !is_leading(*difference); });
  Table table = figure_table(differences, "method");
  limit(table, most_rows);
  if (differences.size() < all)
    table.notes.push_back(
        fmt::format("and {} (--all)", counted(all - differences.size(), "figure beside them", "figures beside them")));
  return to_text(table, width);
}

/// Formats of tensors one by one; of errors the largest change of each cell, unless all are asked for.
std::string tensors_text(const Differences& differences, std::size_t most_rows, std::size_t width) {
  Table formats, errors;
  formats.columns = {{"method", Align::left},
                     {"tensor", Align::left},
                     {"", Align::left},
                     {"first", Align::left},
                     {"second", Align::left}};
  errors.columns = {
      {"method", Align::left}, {"tensor", Align::left}, {"error", Align::left}, {"first"}, {"second"}, {"change"}};
  std::map<std::string, std::size_t> of_cell;
  for (const ReportDifference* difference : differences) {
    const std::string &cell = difference->cell, &tensor = difference->tensor, &what = difference->what;
    const std::string first = shown(difference->first), second = shown(difference->second);
    if (!difference->first.is_number() && !difference->second.is_number()) {
      formats.rows.push_back({cell, tensor, what, first, second});
    } else if (of_cell[cell]++ == 0 || most_rows == 0) {
      errors.rows.push_back({cell, tensor, what, first, second, change_text(*difference)});
    }
  }
  if (most_rows > 0 && !errors.rows.empty())
    errors.notes.emplace_back("the largest change of each method (--all: all)");
  limit(formats, most_rows);
  limit(errors, most_rows);
  std::string text = formats.rows.empty() ? "" : to_text(formats, width);
  if (!text.empty() && !errors.rows.empty()) text += "\n";
  return text + (errors.rows.empty() ? "" : to_text(errors, width));
}

std::string section_text(DiffSection section, const Differences& differences, std::size_t most_rows,
                         std::size_t width) {
  if (section == DiffSection::results) return results_text(differences, most_rows, width);
  if (section == DiffSection::tensors) return tensors_text(differences, most_rows, width);
  Table table = plain_table(differences, std::string(to_string(section)).c_str());
  limit(table, most_rows);
  return to_text(table, width);
}

double total_seconds(const Report& report) {
  return std::accumulate(report.cells.begin(), report.cells.end(), 0.0,
                         [](double sum, const CellReport& cell) { return sum + cell.seconds; });
}

std::string timings_text(const ReportFile& first, const ReportFile& second, const ReportDiff& diff,
                         std::size_t most_rows, std::size_t width) {
  if (diff.timings.empty()) return "";
  std::string text = "\ntimings, which are no differences\n";
  const auto has = [&diff](std::string_view what) {
    return std::ranges::find(diff.timings, what, &ReportDifference::what) != diff.timings.end();
  };
  const double before = total_seconds(first.report), after = total_seconds(second.report);
  if (has("seconds")) text += fmt::format("  seconds of all cells: {:.4g} and {:.4g}\n", before, after);
  if (has("threads"))
    text += fmt::format("  threads: {} and {}\n", first.report.environment.threads, second.report.environment.threads);
  Differences kernels;
  for (const ReportDifference& timing : diff.timings)
    if (timing.section == DiffSection::kernels && timing.what == "seconds_median") kernels.push_back(&timing);
  if (kernels.empty()) return text;
  Table table = figure_table(kernels, "kernel");
  limit(table, most_rows);
  return fmt::format("{}\n{}", text, to_text(table, width));
}

std::string conclusion(const ReportDiff& diff) {
  if (diff.differences.empty()) return diff.timings.empty() ? "No difference.\n" : "No difference but for timings.\n";
  std::vector<std::string> parts;
  for (const DiffSection section : diff_sections())
    if (const std::size_t count = diff.count(section); count > 0)
      parts.push_back(fmt::format("{} {}", to_string(section), count));
  return fmt::format("{}: {}.\n", counted(diff.differences.size(), "difference", "differences"),
                     fmt::join(parts, ", "));
}

Json json_of(const ReportDifference& difference) {
  Json json{{"section", to_string(difference.section)}};
  if (!difference.cell.empty())
    json[difference.section == DiffSection::kernels        ? "kernel"
         : difference.section == DiffSection::expectations ? "expectation"
                                                           : "method"] = difference.cell;
  if (!difference.tensor.empty()) json["tensor"] = difference.tensor;
  json["what"] = difference.what;
  json["first"] = difference.first;
  json["second"] = difference.second;
  if (difference.change) json["change"] = *difference.change;
  return json;
}

Json json_of(const std::vector<ReportDifference>& differences) {
  Json list = Json::array();
  for (const ReportDifference& difference : differences) list.push_back(json_of(difference));
  return list;
}

}  // namespace

std::string diff_text(const ReportFile& first, const ReportFile& second, const ReportDiff& diff, std::size_t most_rows,
                      std::size_t width) {
  std::string text = fmt::format("first   {}\nsecond  {}\n", title_of(first), title_of(second));
  for (const DiffSection section : diff_sections())
    if (const Differences differences = of_section(diff, section); !differences.empty())
      text.append("\n").append(section_text(section, differences, most_rows, width));
  text += timings_text(first, second, diff, most_rows, width);
  if (!diff.not_recorded.empty())
    text += fmt::format("\nrecorded in only one of them: {}\n", fmt::join(diff.not_recorded, ", "));
  return text.append("\n").append(conclusion(diff));
}

std::string diff_json(const ReportFile& first, const ReportFile& second, const ReportDiff& diff) {
  Json counts = Json::object();
  for (const DiffSection section : diff_sections()) counts[std::string(to_string(section))] = diff.count(section);
  const auto side = [](const ReportFile& file) {
    return Json{{"report", file.path.string()}, {"run", file.report.run_name}};
  };
  const Json document{{"first", side(first)},
                      {"second", side(second)},
                      {"different", !diff.differences.empty()},
                      {"counts", counts},
                      {"differences", json_of(diff.differences)},
                      {"timings", json_of(diff.timings)},
                      {"not_recorded", diff.not_recorded}};
  return json_text(document);
}

}  // namespace quantbench
