#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "datasets/dataset_loader.h"
#include "eval/command.h"
#include "eval/commands/terminal.h"
#include "eval/embedded.h"
#include "eval/json_text.h"
#include "eval/render/table.h"
#include "eval/runner/metric.h"
#include "kernels/kernel.h"
#include "quantizers/allocation/mixes.h"
#include "quantizers/formats/registry.h"
#include "quantizers/method.h"
#include "quantizers/method_catalog.h"
#include "quantizers/solver.h"
#include "quantizers/transforms/transform.h"

namespace quantbench {
namespace {

Table methods_table() {
  Table table;
  table.columns = {{"method", Align::left}, {"solver", Align::left}, {"how", Align::left, 1}};
  for (const std::string& id : example_methods()) {
    const Method method = parse_method(id);
    const std::string& solver = method.solver;
    std::string how;
    for (const std::string& transform : method.transforms)
      how += Registry<TransformEntry>::instance().at(transform).summary + "; then ";
    how += solver.empty() ? "plain conversion" : Registry<SolverEntry>::instance().at(solver).summary;
    table.rows.push_back({id, solver.empty() ? "-" : solver, how});
  }
  std::vector<std::string> options;
  for (const OptionSpec& option : evaluation_options())
    options.push_back(option.words.empty() ? std::string(option.name)
                                           : fmt::format("{}={}", option.name, fmt::join(option.words, "|")));
  table.notes = {fmt::format("options of every method, about evaluation (docs/activations.md, docs/kv_cache.md): {}",
                             fmt::join(options, ", "))};
  return table;
}

Table mixes_table() {
  Table table;
  table.columns = {{"mix", Align::left}, {"method", Align::left}, {"base", Align::left}, {"formats", Align::left, 1}};
  for (const Mix& mix : mix_table().mixes)
    table.rows.push_back({mix.name, mix_id(mix.name), mix.base, fmt::format("{}", fmt::join(mix.formats(), " "))});
  table.notes = {"formats: all that a tensor of some model may get (docs/mixes.md)"};
  return table;
}

// A whole number of blocks and groups of every format.
constexpr std::size_t example_row = 4096;

std::string levels_of(const Format& format) {
  if (format.floating_point) return "-";
  if (!format.float_levels.empty()) return fmt::format("{} numbers", format.float_levels.size());
  return fmt::format("{}..{}", format.level_min, format.level_max);
}

Table formats_table() {
  Table table;
  table.columns = {{"format", Align::left}, {"bits/weight"}, {"group"}, {"levels"},
                   {"offset", Align::left}, {"GGUF type"}};
  for (const std::string& id : format_ids()) {
    const auto format = find_format(id);
    const std::string group = format->scale_per_tensor ? "tensor"
                              : format->group == 0     ? "row"
                                                       : std::to_string(format->group);
    table.rows.push_back({id, fmt::format("{:.4f}", format->bits_per_weight(example_row, example_row)),
                          format->floating_point ? "-" : group, levels_of(*format), format->has_offset ? "yes" : "no",
                          format->gguf_type ? std::to_string(*format->gguf_type) : "-"});
  }
  table.notes = {
      fmt::format("bits per weight of a {0} x {0} matrix, scales included", example_row),
      "integer formats, NF4, FP4 and FP8 are examples: they exist in groups of any size (docs/float_formats.md)"};
  return table;
}

Table kernels_table() {
  Table table;
  table.columns = {{"kernel", Align::left}, {"variant", Align::left}};
  for (const Kernel& kernel : kernels()) table.rows.push_back({kernel.id(), kernel.variant});
  return table;
}

Table embedded_table(EmbeddedFile::Kind kind) {
  Table table;
  table.columns = {{"name", Align::left}, {"what", Align::left}};
  for (const EmbeddedFile& file : embedded_files())
    if (file.kind == kind) table.rows.push_back({file.name, file.summary});
  return table;
}

Table metrics_table() {
  Table table;
  table.columns = {{"metric", Align::left}, {"version"}, {"what", Align::left}};
  for (const std::string& name : Registry<Metric>::instance().names()) {
    const Metric& metric = Registry<Metric>::instance().at(name);
    table.rows.push_back({name, std::to_string(metric.version), metric.summary});
  }
  return table;
}

Table loaders_table() {
  Table table;
  table.columns = {{"loader", Align::left}, {"what", Align::left}};
  for (const std::string& name : Registry<DatasetLoader>::instance().names())
    table.rows.push_back({name, Registry<DatasetLoader>::instance().at(name).summary});
  return table;
}

const std::map<std::string, std::function<Table()>>& listings() {
  static const std::map<std::string, std::function<Table()>> all = {
      {"methods", methods_table},
      {"formats", formats_table},
      {"mixes", mixes_table},
      {"kernels", kernels_table},
      {"models", [] { return embedded_table(EmbeddedFile::Kind::model); }},
      {"datasets", [] { return embedded_table(EmbeddedFile::Kind::text); }},
      {"loaders", loaders_table},
      {"metrics", metrics_table}};
  return all;
}

// One object per row, by column title.
std::string json_of(const Table& table) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const auto& row : table.rows) {
    nlohmann::ordered_json& object = rows.emplace_back(nlohmann::ordered_json::object());
    for (std::size_t column = 0; column < row.size(); ++column) object[table.columns[column].title] = row[column];
  }
  return json_text(rows);
}

int list(const std::string& what, bool json) {
  const auto found = listings().find(what);
  if (found == listings().end()) {
    std::vector<std::string> known;
    for (const auto& [name, make] : listings()) known.push_back(name);
    fail("cannot list '{}'{}", what, suggestion(what, known));
  }
  const Table table = found->second();
  print_text(json ? json_of(table) : to_text(table, terminal_width()));
  return 0;
}

std::function<int()> declare(CommandOptions& options) {
  struct Arguments {
    std::string what;
    bool json = false;
  };
  auto arguments = std::make_shared<Arguments>();
  options.add("WHAT", arguments->what, "methods, formats, mixes, kernels, models, datasets, loaders or metrics")
      .required();
  options.add_flag("--json", arguments->json, "as a JSON array");
  options.footer("Examples:\n  quantbench list methods\n  quantbench list formats --json | jq -r '.[].format'");
  return [arguments] { return list(arguments->what, arguments->json); };
}

const Register<Command> registered{
    "list", {"List methods, formats, mixes, kernels, models, datasets, loaders or metrics", declare}};

}  // namespace
}  // namespace quantbench
