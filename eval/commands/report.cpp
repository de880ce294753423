#include <fmt/format.h>

#include <algorithm>

#include "core/file.h"
#include "eval/command.h"
#include "eval/commands/terminal.h"
#include "eval/render/render.h"

namespace quantbench {
namespace {

struct ReportArguments {
  std::vector<std::string> reports;
  std::string out;
  std::vector<std::string> formats = {"html", "md", "csv"};
};

using Renderer = std::function<std::string(std::span<const Report>)>;

const std::map<std::string, Renderer>& renderers() {
  static const std::map<std::string, Renderer> all = {
      {"html", render_html}, {"md", render_markdown}, {"csv", render_csv}, {"tex", render_latex}};
  return all;
}

void check_formats(const std::vector<std::string>& formats) {
  std::vector<std::string> known{"svg"};
  for (const auto& [name, render] : renderers()) known.push_back(name);
  for (const std::string& format : formats)
    if (std::ranges::find(known, format) == known.end())
      fail("unknown report format '{}'{}", format, suggestion(format, known));
}

/// Collects the files of one call and says where they are.
class Output {
 public:
  explicit Output(std::filesystem::path directory) : directory_(std::move(directory)) {
    std::error_code error;
    std::filesystem::create_directories(directory_, error);
    if (error) fail("cannot create the directory {}: {}", directory_.string(), error.message());
  }
  void write(const std::string& name, std::string_view text) const {
    write_text_atomically(directory_ / name, text);
    print_text((directory_ / name).string() + "\n");
  }

 private:
  std::filesystem::path directory_;
};

void write_charts(const std::vector<Report>& reports, const Output& output) {
  for (std::size_t index = 0; index < reports.size(); ++index) {
    const std::string number = reports.size() == 1 ? "" : fmt::format("_{}", index + 1);
    for (const ChartMetric metric : chart_metrics())
      if (can_chart(reports[index], metric))
        output.write(fmt::format("{}{}.svg", to_string(metric), number), render_chart(reports[index], metric));
    if (can_draw_roofline(reports[index]))
      output.write(fmt::format("roofline{}.svg", number), render_roofline(reports[index]));
  }
}

int render_reports(const ReportArguments& arguments) {
  check_formats(arguments.formats);
  std::vector<Report> reports;
  for (const std::string& path : arguments.reports) reports.push_back(read_report(path));
  const Output output(arguments.out);
  for (const std::string& format : arguments.formats) {
    if (format == "svg") {
      write_charts(reports, output);
    } else {
      output.write("report." + format, renderers().at(format)(reports));
      if (const std::string expectations = format == "csv" ? render_expectations_csv(reports) : "";
          !expectations.empty())
        output.write("expectations.csv", expectations);
    }
  }
  return 0;
}

std::function<int()> declare(CLI::App& app) {
  auto arguments = std::make_shared<ReportArguments>();
  app.add_option("REPORT", arguments->reports, "report.json files")->required();
  app.add_option("--out", arguments->out, "directory to write to")->required();
  app.add_option("--format", arguments->formats, "any of html, md, csv, tex, svg (default html,md,csv)")
      ->delimiter(',');
  app.footer(
      "Examples:\n"
      "  quantbench report results/default/report.json --out /tmp/pages\n"
      "  quantbench report a.json b.json --out tables --format tex,csv");
  return [arguments] { return render_reports(*arguments); };
}

const Register<Command> registered{"report", {"Draw reports as HTML, Markdown, CSV, LaTeX or charts", declare}};

}  // namespace
}  // namespace quantbench
