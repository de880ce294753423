#include "eval/render/chart_style.h"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>
#include <vector>

namespace quantbench {
namespace {

struct Palette {
  std::string_view background, text, muted, grid, frame;
  // Those of Okabe and Ito, told apart by colour-blind readers too, shifted until text in them is readable on
  // `background`.
  std::array<std::string_view, family_colours> families;
  // Of heat maps: lightness alone tells them apart, and more is farther from `background`. Even steps of lightness in
  // OKLCH with the hue going from yellow by green to blue.
  std::array<std::string_view, heat_steps> heat;
  std::array<std::string_view, heat_steps> on_heat;  // text, of a contrast of at least 4.5
};
constexpr Palette light{
    "#ffffff",
    "#1f2328",
    "#59636e",
    "#d8dee4",
    "#818b98",
    {"#0072b2", "#c04f00", "#00805d", "#a8477f", "#946200", "#5b7700", "#606870", "#6f42c1"},
    {"#f7f6d3", "#cce1b2", "#95cea0", "#4db99c", "#00a1a2", "#007d9c", "#006098", "#1d3f83", "#2b1e66"},
    {"#1f2328", "#1f2328", "#1f2328", "#1f2328", "#1f2328", "#ffffff", "#ffffff", "#ffffff", "#ffffff"}};
constexpr Palette dark{
    "#0d1117",
    "#e6edf3",
    "#9198a1",
    "#2a313c",
    "#656c76",
    {"#4aa8e8", "#ff8c42", "#2ecc9a", "#e39ac8", "#f2c14e", "#b5d334", "#9aa4af", "#b79bff"},
    {"#1e1f45", "#1b3864", "#00557f", "#007590", "#009597", "#11b18d", "#75c881", "#bbdb78", "#fcea7f"},
    {"#f0f6fc", "#f0f6fc", "#f0f6fc", "#f0f6fc", "#0d1117", "#0d1117", "#0d1117", "#0d1117", "#0d1117"}};

using Colours = std::vector<std::pair<std::string, std::string>>;  // name, CSS

Colours colours_of(const Palette& palette) {
  Colours colours{{"back", std::string(palette.background)},
                  {"text", std::string(palette.text)},
                  {"muted", std::string(palette.muted)},
                  {"grid", std::string(palette.grid)},
                  {"frame", std::string(palette.frame)}};
  for (std::size_t k = 0; k < family_colours; ++k) colours.emplace_back(fmt::format("c{}", k), palette.families[k]);
  for (std::size_t k = 0; k < heat_steps; ++k) {
    colours.emplace_back(fmt::format("h{}", k), palette.heat[k]);
    colours.emplace_back(fmt::format("g{}", k), palette.on_heat[k]);
  }
  return colours;
}

std::string variables_of(const Palette& palette) {
  std::string css;
  for (const auto& [name, colour] : colours_of(palette)) css += fmt::format("--{}:{};", name, colour);
  return css;
}

std::string rule_of(std::string_view scope, const std::string& name, const std::string& colour) {
  const auto rule = [&](std::string_view selector, std::string_view property) {
    return fmt::format("{}{}{{{}:{}}}\n", scope, selector, property, colour);
  };
  if (name == "back") return rule(".background", "fill") + rule(".halo", "stroke");
  if (name == "text") return rule("text", "fill") + rule(".reference", "stroke") + rule(".ring", "stroke");
  if (name == "muted") return rule(".muted", "fill") + rule(".bound", "stroke");
  if (name == "grid") return rule(".grid", "stroke");
  if (name == "frame") return rule(".frame", "stroke") + rule(".frontier", "stroke");
  if (name[0] == 'c')
    return rule("." + name, "fill") + rule("." + name, "stroke") + rule(".t" + name.substr(1), "fill");
  return rule("." + name, "fill");
}

std::string rules_of(const Palette& palette) {
  std::string css;
  for (const auto& [name, colour] : colours_of(palette)) css += rule_of("", name, colour);
  return css;
}

std::string shared_rules(std::string_view scope) {
  constexpr std::array<std::string_view, 13> rules = {
      "text{font-family:system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;font-size:12px}",
      ".title{font-size:17px;font-weight:600}",
      ".label{font-size:11px}",
      ".strong{font-size:11px;font-weight:600}",
      ".halo{stroke-width:3px;stroke-linejoin:round;paint-order:stroke}",
      ".frame,SCOPE.ring,SCOPE.frontier,SCOPE.interval,SCOPE.bound{fill:none}",
      ".leader{stroke-width:.8;opacity:.6}",
      ".reference{stroke-width:1.4;stroke-dasharray:7 4}",
      ".bound{stroke-width:1.8;stroke-dasharray:2 4;stroke-linecap:round}",
      ".frontier{stroke-width:2;stroke-linejoin:round;opacity:.6}",
      ".ring{stroke-width:1.2}",
      ".interval{stroke-width:1.3}",
      ".faint{opacity:.75}"};
  std::string css;
  for (std::string_view rule : rules) {
    std::string text(rule);
    for (std::size_t at; (at = text.find("SCOPE")) != std::string::npos;) text.replace(at, 5, scope);
    css += fmt::format("{}{}\n", scope, text);
  }
  return css;
}

}  // namespace

std::string chart_style_sheet(Placement placement) {
  if (placement == Placement::page) return "";
  return shared_rules("") + rules_of(light) + "@media (prefers-color-scheme:dark){\n" + rules_of(dark) + "}\n";
}

std::string chart_page_style() {
  std::string css = shared_rules(".chart ");
  for (const auto& [name, colour] : colours_of(light)) css += rule_of(".chart ", name, fmt::format("var(--{})", name));
  return css;
}

std::string light_variables() { return variables_of(light); }
std::string dark_variables() { return variables_of(dark); }

void draw_axes(SvgDocument& svg, const Box& plot, const Axis& x, std::string_view x_title, const Axis& y,
               std::string_view y_title) {
  for (const Tick& tick : x.ticks) {
    const double at = plot.left + tick.position * (plot.right - plot.left);
    svg.line({at, plot.top}, {at, plot.bottom}, "grid");
    svg.text({at, plot.bottom + 18}, tick.label, "muted", TextAnchor::middle);
  }
  for (const Tick& tick : y.ticks) {
    const double at = plot.bottom - tick.position * (plot.bottom - plot.top);
    svg.line({plot.left, at}, {plot.right, at}, "grid");
    svg.text({plot.left - 8, at + 4}, tick.label, "muted", TextAnchor::end);
    if (!tick.side_label.empty()) svg.text({plot.right + 8, at + 4}, tick.side_label, "muted");
  }
  svg.rectangle({plot.left, plot.top}, plot.right - plot.left, plot.bottom - plot.top, "frame");
  svg.text({(plot.left + plot.right) / 2, plot.bottom + 42}, x_title, "axis", TextAnchor::middle);
  svg.text({22, (plot.top + plot.bottom) / 2}, y_title, "axis", TextAnchor::middle, -90);
}

}  // namespace quantbench
