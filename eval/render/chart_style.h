// What all charts share: sizes, colours and axes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "eval/render/axis.h"
#include "eval/render/label_layout.h"
#include "eval/render/render.h"
#include "eval/render/svg.h"

namespace quantbench {

constexpr double canvas_width = 960, canvas_height = 600;
constexpr Box chart_plot{84, 96, 884, 536};
constexpr double marker_radius = 5;
constexpr double label_font_width = 6.9, label_height = 13;  // of an 11 px sans-serif, of the widest usual fonts
constexpr std::size_t family_colours = 8;
constexpr std::size_t heat_steps = 9;

/// Classes title, muted, label, strong, axis, background, grid, frame, reference, bound, frontier, interval, ring, leader, halo; for
/// family k: cK (fill and stroke) and tK (text); for step k of a heat map: hK (fill) and gK (text on it). Light and dark. Empty
/// for drawings of the page, which has them once for all of them.
std::string chart_style_sheet(Placement placement);
/// The same rules for drawings of the page, with variables for the colours.
std::string chart_page_style();
/// The variables: "--text:#1f2328;--back:..." with text, back, muted, grid, frame, cK, hK, gK.
std::string light_variables();
std::string dark_variables();

/// Grid, ticks, frame and titles.
void draw_axes(SvgDocument& svg, const Box& plot, const Axis& x, std::string_view x_title, const Axis& y,
               std::string_view y_title);

}  // namespace quantbench
