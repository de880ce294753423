// What all charts share: sizes, colours and axes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "eval/render/axis.h"
#include "eval/render/label_layout.h"
#include "eval/render/svg.h"

namespace quantbench {

constexpr double canvas_width = 960, canvas_height = 600;
constexpr Box chart_plot{84, 96, 884, 536};
constexpr double marker_radius = 5;
constexpr double label_font_width = 6.9, label_height = 13;  // of an 11 px sans-serif, of the widest usual fonts
constexpr std::size_t family_colours = 8;

/// Classes title, muted, label, strong, axis, background, grid, frame, reference, frontier, interval, ring, leader, halo, and for
/// family k: cK (fill and stroke) and tK (text). Light and dark.
std::string chart_style_sheet();

/// Grid, ticks, frame and titles.
void draw_axes(SvgDocument& svg, const Axis& x, std::string_view x_title, const Axis& y, std::string_view y_title);

}  // namespace quantbench
