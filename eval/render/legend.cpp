#include "eval/render/legend.h"

#include <array>
#include <cmath>
#include <numbers>
#include <utility>

#include "eval/render/chart_style.h"

namespace quantbench {
namespace {

struct Shape {
  int corners = 0;       // 0: a circle
  double turn = 0;       // of the first corner, in turns
  double notch = 1;      // radius of every other corner
  double radius = 1.25;  // as large to the eye as a circle of 1
};
constexpr std::array<Shape, mark_shapes> shapes = {
    {{}, {4, 0.125}, {3, 0.25, 1, 1.35}, {4, 0}, {3, -0.25, 1, 1.35}, {10, 0.25, 0.45, 1.5}}};

std::vector<PixelPoint> corners_of(const Shape& shape, PixelPoint centre) {
  std::vector<PixelPoint> corners;
  for (int corner = 0; corner < shape.corners; ++corner) {
    const double angle = 2 * std::numbers::pi * (shape.turn + static_cast<double>(corner) / shape.corners);
    const double radius = marker_radius * shape.radius * (corner % 2 == 0 ? 1 : shape.notch);
    corners.push_back({centre.x + radius * std::cos(angle), centre.y - radius * std::sin(angle)});
  }
  return corners;
}

}  // namespace

void draw_mark(SvgDocument& svg, PixelPoint centre, const Mark& mark) {
  const Shape& shape = shapes[mark.shape % shapes.size()];
  if (shape.corners == 0)
    svg.circle(centre, marker_radius, mark.css_class, mark.tooltip, mark.cell);
  else
    svg.polygon(corners_of(shape, centre), mark.css_class, mark.tooltip, mark.cell);
}

LegendEntry mark_entry(std::string text, Mark mark) {
  return {std::move(text), 16, [mark = std::move(mark)](SvgDocument& svg, PixelPoint left) {
            draw_mark(svg, {left.x + marker_radius, left.y}, mark);
          }};
}

LegendEntry line_entry(std::string text, std::string css_class) {
  return {std::move(text), 30, [css_class = std::move(css_class)](SvgDocument& svg, PixelPoint left) {
            svg.line(left, {left.x + 24, left.y}, css_class);
          }};
}

Legend::Legend(std::vector<LegendEntry> entries, double left, double right) {
  constexpr double gap = 20;
  double at = left;
  for (LegendEntry& entry : entries) {
    const double width = entry.symbol_width + label_font_width * static_cast<double>(entry.text.size());
    if (rows_ == 0) rows_ = 1;
    if (at > left && at + width > right) {
      at = left;
      ++rows_;
    }
    placed_.push_back({std::move(entry), at, rows_ - 1});
    at += width + gap;
  }
}

void Legend::draw(SvgDocument& svg, double top) const {
  for (const Placed& placed : placed_) {
    const double y = top + row_height * static_cast<double>(placed.row);
    placed.entry.symbol(svg, {placed.left, y});
    svg.text({placed.left + placed.entry.symbol_width, y + 4}, placed.entry.text, "label");
  }
}

}  // namespace quantbench
