#include "eval/render/page/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "eval/render/chart_style.h"
#include "eval/render/heat_map.h"
#include "eval/render/page/page_assets.h"

namespace quantbench {
namespace {

// The colours of the page are those of the drawings. Paper is light whatever the screen is.
std::string style() {
  std::string text = fmt::format(":root{{{}}}\n", light_variables());
  text += fmt::format("@media screen{{:root[data-theme=dark]{{{}}}}}\n", dark_variables());
  text += fmt::format("@media screen and (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{}}}}}\n",
                      dark_variables());
  for (std::size_t step = 0; step < heat_steps; ++step)
    text += fmt::format(".heat .b{0},.by-shared .heat .a{0},.swatch.h{0}{{background:var(--h{0});color:var(--g{0})}}\n",
                        step);
  return text + chart_page_style() + std::string(page_css);
}

std::string title_of(std::span<const Report> reports, std::span<const Sensitivity> sensitivities) {
  if (reports.empty()) return sensitivities.empty() ? "quantbench report" : sensitivities.front().origin.model;
  std::string title;
  for (const std::string& label : run_labels(reports)) title += (title.empty() ? "" : ", ") + label;
  constexpr std::size_t longest = 120;
  return title.size() > longest ? fmt::format("{} runs", reports.size()) : title;
}

// No other source of anything than the page itself: browsers hold it to that.
constexpr const char* security_policy =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'";

std::string head(const std::string& title) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta "
      "http-equiv=\"Content-Security-Policy\" "
      "content=\"{}\">\n<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<meta "
      "name=\"color-scheme\" "
      "content=\"light dark\">\n<meta name=\"generator\" content=\"quantbench\">\n<link rel=\"icon\" "
      "href=\"data:,\">\n<title>{} – "
      "quantbench report</title>\n<style>\n{}</style>\n</head>\n",
      security_policy, escape_markup(title), style());
}

std::string contents(const std::vector<PageSection>& sections) {
  std::string text = "<nav aria-label=\"contents\"><ul>\n";
  for (const PageSection& section : sections)
    text += fmt::format("<li><a href=\"#{}\">{}</a></li>\n", section.id, escape_markup(section.title));
  return text + "</ul></nav>\n";
}

std::string body(const std::string& title, const std::string& summary, const std::vector<PageSection>& sections) {
  std::string text =
      "<body>\n<a class=\"skip\" href=\"#main\">Skip to the results</a>\n<header>\n<div class=\"top\"><p "
      "class=\"kind\">quantbench "
      "report</p>\n<button type=\"button\" class=\"plain needs-script\" id=\"theme\">theme</button></div>\n";
  text += fmt::format("<h1>{}</h1>\n{}{}</header>\n<main id=\"main\" tabindex=\"-1\">\n", escape_markup(title), summary,
                      contents(sections));
  for (const PageSection& section : sections)
    text += fmt::format(
        "<section id=\"{0}\" aria-labelledby=\"{0}-title\">\n<h2 id=\"{0}-title\">{1}</h2>\n{2}</section>\n",
        section.id, escape_markup(section.title), section.markup);
  return text + "</main>\n<div id=\"tip\" role=\"status\" aria-live=\"polite\" hidden></div>\n";
}

std::string join_distinct(std::span<const Report> reports, const std::function<std::string(const Report&)>& text) {
  std::vector<std::string> parts;
  for (const Report& report : reports)
    if (const std::string part = text(report); !part.empty() && std::ranges::find(parts, part) == parts.end())
      parts.push_back(part);
  std::string joined;
  for (const std::string& part : parts) joined += (joined.empty() ? "" : "; ") + part;
  return joined;
}

std::string counts_text(std::span<const Report> reports) {
  std::size_t cells = 0, failed = 0;
  for (const Report& report : reports) {
    cells += report.cells.size();
    failed += static_cast<std::size_t>(
        std::ranges::count_if(report.cells, [](const CellReport& cell) { return cell.status != "ok"; }));
  }
  if (cells == 0) return "";
  return failed == 0 ? fmt::format("{}", cells) : fmt::format("{}, of which {} failed", cells, failed);
}

std::string text_of(const Report& report) {
  if (report.dataset_name.empty()) return "";
  for (const CellReport& cell : report.cells)
    if (cell.perplexity)
      return fmt::format("{}, {}, {} tokens scored", report.dataset_name, report.protocol, cell.perplexity->tokens);
  return fmt::format("{}, {}", report.dataset_name, report.protocol);
}

}  // namespace

std::string figure(const std::string& svg, const std::string& caption) {
  const std::string below = caption.empty() ? "" : fmt::format("<figcaption>{}</figcaption>", escape_markup(caption));
  return "<figure><div class=\"canvas\">\n" + svg + "</div>" + below + "</figure>\n";
}

std::string heat_legend(double low, double high, const std::string& unit) {
  const std::vector<double> bounds = step_bounds({low, high});
  std::string text = fmt::format("<div class=\"legend\"><span>{}</span>", escape_markup(unit));
  for (std::size_t step = 0; step < heat_steps; ++step)
    text += fmt::format("<span class=\"swatch h{}\">{}</span>", step, three_digits(bounds[step]));
  return text + fmt::format("<span>to {}</span></div>", three_digits(bounds.back()));
}

std::string definition(const std::string& name, const std::string& value) {
  return value.empty() ? ""
                       : fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", escape_markup(name), escape_markup(value));
}

std::string page_summary(std::span<const Report> reports) {
  std::string text = "<dl class=\"summary\">\n";
  text += definition("model", join_distinct(reports, [](const Report& report) {
                       return report.model_name.empty()
                                  ? ""
                                  : fmt::format("{}, {:.2f} M parameters", report.model_name,
                                                static_cast<double>(report.model_parameters) / 1e6);
                     }));
  text += definition("text", join_distinct(reports, text_of));
  text += definition("cells", counts_text(reports));
  text += definition("machine", join_distinct(reports, [](const Report& report) {
                       const Environment& environment = report.environment;
                       return fmt::format("{}, {}, {} thread{}", environment.cpu, environment.isa, environment.threads,
                                          environment.threads == 1 ? "" : "s");
                     }));
  text += definition("made by", join_distinct(reports, [](const Report& report) {
                       const std::string& commit = report.environment.commit;
                       constexpr std::size_t shown = 10;
                       return fmt::format("quantbench {}{}{}", report.environment.version,
                                          commit.empty() ? "" : ", commit " + commit.substr(0, shown),
                                          commit.ends_with("-dirty") ? " with changes" : "");
                     }));
  return text + "</dl>\n";
}

std::string render_html(std::span<const Report> reports, std::span<const Sensitivity> sensitivities) {
  std::vector<PageSection> sections{result_section(reports),
                                    chart_section(reports),
                                    cell_section(reports),
                                    expectation_section(reports),
                                    sensitivity_section(sensitivities),
                                    kernel_section(reports),
                                    provenance_section(reports, sensitivities)};
  std::erase_if(sections, [](const PageSection& section) { return section.markup.empty(); });
  const std::string title = title_of(reports, sensitivities);
  return head(title) + body(title, reports.empty() ? "" : page_summary(reports), sections) + "<script>\n" +
         std::string(page_js) + "</script>\n</body>\n</html>\n";
}

}  // namespace quantbench
