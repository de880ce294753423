#include "eval/render/chart_style.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

namespace quantbench {
namespace {

struct Palette {
  std::string_view background, text, muted, grid, frame;
  // Those of Okabe and Ito, told apart by colour-blind readers too, shifted until text in them is readable on
  // `background`.
  std::array<std::string_view, family_colours> families;
};
constexpr Palette light{
    "#ffffff", "#1f2328", "#59636e",
    "#d8dee4", "#818b98", {"#0072b2", "#c04f00", "#00805d", "#a8477f", "#946200", "#1f82ba", "#606870", "#6f42c1"}};
constexpr Palette dark{
    "#0d1117", "#e6edf3", "#9198a1",
    "#2a313c", "#656c76", {"#4aa8e8", "#ff8c42", "#2ecc9a", "#e39ac8", "#f2c14e", "#8ad1ff", "#9aa4af", "#b79bff"}};

std::string rules_of(const Palette& palette) {
  std::string css = fmt::format(
      "text{{fill:{1}}}\n.background{{fill:{0}}}\n.muted{{fill:{2}}}\n.grid{{stroke:{3}}}\n"
      ".frame,.frontier{{stroke:{4}}}\n.reference,.ring{{stroke:{1}}}\n.halo{{stroke:{0}}}\n",
      palette.background, palette.text, palette.muted, palette.grid, palette.frame);
  for (std::size_t family = 0; family < family_colours; ++family)
    css += fmt::format(".c{0}{{fill:{1};stroke:{1}}}\n.t{0}{{fill:{1}}}\n", family, palette.families[family]);
  return css;
}

}  // namespace

std::string chart_style_sheet() {
  return "text{font-family:system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;font-size:12px}\n"
         ".title{font-size:17px;font-weight:600}\n.label,.strong{font-size:11px}\n.strong{font-weight:600}\n"
         ".halo{stroke-width:3px;stroke-linejoin:round;paint-order:stroke}\n"
         ".frame,.ring,.frontier,.interval{fill:none}\n.leader{stroke-width:.8;opacity:.6}\n"
         ".reference{stroke-width:1.4;stroke-dasharray:7 4}\n"
         ".frontier{stroke-width:2;stroke-linejoin:round;opacity:.6}\n.ring{stroke-width:1.2}\n"
         ".interval{stroke-width:1.3}\n" +
         rules_of(light) + "@media (prefers-color-scheme:dark){\n" + rules_of(dark) + "}\n";
}

void draw_axes(SvgDocument& svg, const Axis& x, std::string_view x_title, const Axis& y, std::string_view y_title) {
  constexpr const Box& plot = chart_plot;
  for (const Tick& tick : x.ticks) {
    const double at = plot.left + tick.position * (plot.right - plot.left);
    svg.line({at, plot.top}, {at, plot.bottom}, "grid");
    svg.text({at, plot.bottom + 18}, tick.label, "muted", TextAnchor::middle);
  }
  for (const Tick& tick : y.ticks) {
    const double at = plot.bottom - tick.position * (plot.bottom - plot.top);
    svg.line({plot.left, at}, {plot.right, at}, "grid");
    svg.text({plot.left - 8, at + 4}, tick.label, "muted", TextAnchor::end);
    svg.text({plot.right + 8, at + 4}, tick.side_label, "muted");
  }
  svg.rectangle({plot.left, plot.top}, plot.right - plot.left, plot.bottom - plot.top, "frame");
  svg.text({(plot.left + plot.right) / 2, plot.bottom + 42}, x_title, "axis", TextAnchor::middle);
  svg.text({22, (plot.top + plot.bottom) / 2}, y_title, "axis", TextAnchor::middle, -90);
}

}  // namespace quantbench
