#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>

#include "core/file.h"
#include "eval/command.h"
#include "eval/commands/terminal.h"
#include "eval/render/png.h"
#include "eval/render/render.h"

namespace quantbench {
namespace {

struct ReportArguments {
  std::vector<std::string> reports, sensitivities;
  std::string out;
  std::vector<std::string> formats = {"html", "md", "csv"};
};

/// All that is drawn.
struct Material {
  std::vector<Report> reports;
  std::vector<Sensitivity> sensitivities;
};

using Renderer = std::function<std::string(const Material&)>;

const std::map<std::string, Renderer>& renderers() {
  static const std::map<std::string, Renderer> all = {
      {"html", [](const Material& material) { return render_html(material.reports, material.sensitivities); }},
      {"md", [](const Material& material) { return render_markdown(material.reports); }},
      {"csv", [](const Material& material) { return render_csv(material.reports); }},
      {"tex", [](const Material& material) { return render_latex(material.reports); }}};
  return all;
}

void check_formats(const std::vector<std::string>& formats) {
  std::vector<std::string> known{"svg", "png"};
  for (const auto& [name, render] : renderers()) known.push_back(name);
  for (const std::string& format : formats)
    if (std::ranges::find(known, format) == known.end())
      fail("unknown report format '{}'{}", format, suggestion(format, known));
}

/// Collects the files of one call and says where they are.
class Output {
 public:
  explicit Output(std::filesystem::path directory) : directory_(std::move(directory)) { create(directory_); }
  void write(const std::string& name, std::string_view text) const {
    write_text_atomically(directory_ / name, text);
    print_text((directory_ / name).string() + "\n");
  }
  void draw(const Drawing& drawing, const std::string& format) const {
    const std::filesystem::path path = directory_ / (drawing.name + "." + format);
    create(path.parent_path());
    if (format == "png")
      write_png(path, drawing.svg);
    else
      write_text_atomically(path, drawing.svg);
    print_text(path.string() + "\n");
  }

 private:
  static void create(const std::filesystem::path& directory) {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error) fail("cannot create the directory {}: {}", directory.string(), error.message());
  }

  std::filesystem::path directory_;
};

/// Charts of all reports together; what is of one report has its number in the name where there are several.
std::vector<Drawing> all_drawings(const Material& material) {
  std::vector<Drawing> drawings;
  const auto add = [&](std::vector<Drawing> more, std::size_t index, std::size_t count) {
    for (Drawing& drawing : more) {
      if (count > 1) drawing.name += fmt::format("_{}", index + 1);
      drawings.push_back(std::move(drawing));
    }
  };
  for (const ChartMetric metric : chart_metrics())
    if (can_chart(material.reports, metric))
      drawings.push_back({std::string(to_string(metric)), "", render_chart(material.reports, metric)});
  for (std::size_t index = 0; index < material.reports.size(); ++index) {
    const Report& report = material.reports[index];
    if (can_draw_roofline(report)) add({{"roofline", "", render_roofline(report)}}, index, material.reports.size());
    add(render_peak_bars(report), index, material.reports.size());
    add(render_tensor_errors(report), index, material.reports.size());
  }
  for (std::size_t index = 0; index < material.sensitivities.size(); ++index)
    add(render_sensitivity(material.sensitivities[index]), index, material.sensitivities.size());
  return drawings;
}

void write_drawings(const Material& material, const std::string& format, const Output& output) {
  const std::vector<Drawing> drawings = all_drawings(material);
  Progress progress("pictures", drawings.size());
  for (const Drawing& drawing : drawings) {
    output.draw(drawing, format);
    progress.step(drawing.name);
  }
}

int render_reports(const ReportArguments& arguments) {
  check_formats(arguments.formats);
  if (arguments.reports.empty() && arguments.sensitivities.empty())
    fail("report: REPORT is required (or --sensitivity)");
  Material material;
  for (const std::string& path : arguments.reports) material.reports.push_back(read_report(path));
  for (const std::string& path : arguments.sensitivities) material.sensitivities.push_back(read_sensitivity(path));
  const Output output(arguments.out);
  for (const std::string& format : arguments.formats) {
    if (format == "svg" || format == "png") {
      write_drawings(material, format, output);
      continue;
    }
    output.write("report." + format, renderers().at(format)(material));
    const std::string expectations = format == "csv" ? render_expectations_csv(material.reports) : "";
    if (!expectations.empty()) output.write("expectations.csv", expectations);
  }
  return 0;
}

std::function<int()> declare(CommandOptions& options) {
  auto arguments = std::make_shared<ReportArguments>();
  options.add("REPORT", arguments->reports, "report.json files; several are drawn into one chart and one table");
  options.add("--sensitivity", arguments->sensitivities, "a file of `quantbench sensitivity`, drawn in the page")
      .one_value_each_time();
  options.add("--out", arguments->out, "directory to write to").required();
  options.add("--format", arguments->formats, "any of html, md, csv, tex, svg, png (default html,md,csv)")
      .comma_separated();
  options.footer(
      "Examples:\n"
      "  quantbench report results/default/report.json --out /tmp/pages\n"
      "  quantbench report a.json b.json --out tables --format tex,csv\n"
      "  quantbench report results/sensitivity/report.json results/kernels.json --sensitivity "
      "results/sensitivity/sensitivity.json --out pages");
  return [arguments] { return render_reports(*arguments); };
}

const Register<Command> registered{
    "report", {"Draw reports as an HTML page, tables (Markdown, CSV, LaTeX) or pictures", declare}};

}  // namespace
}  // namespace quantbench
