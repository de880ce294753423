#include "eval/render/svg.h"

#include <fmt/format.h>

#include <array>

#include "eval/render/table.h"

namespace quantbench {
namespace {

std::string coordinates(const std::vector<PixelPoint>& points) {
  std::string text;
  for (const PixelPoint& point : points)
    text += fmt::format("{}{:.1f},{:.1f}", text.empty() ? "" : " ", point.x, point.y);
  return text;
}

std::string closing(std::string_view element, std::string_view tooltip) {
  if (tooltip.empty()) return "/>\n";
  return fmt::format("><title>{}</title></{}>\n", escape_markup(tooltip), element);
}

/// The attributes by which style sheet and script know a shape.
std::string known_by(std::string_view css_class, std::string_view tooltip, std::string_view cell) {
  const std::string of_cell = cell.empty() ? "" : fmt::format(" data-cell=\"{}\"", escape_markup(cell));
  return fmt::format("class=\"{}{}\"{}", css_class, tooltip.empty() ? "" : " mark", of_cell);
}

// In a page the name is an attribute: a title element would be a tooltip of the whole picture.
std::string head(double width, double height, std::string_view style, std::string_view title,
                 std::string_view description) {
  const std::string size =
      fmt::format("viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" height=\"{1:.0f}\" role=\"img\"", width, height);
  if (style.empty())
    return fmt::format("<svg class=\"chart\" {} aria-label=\"{}. {}\">\n", size, escape_markup(title),
                       escape_markup(description));
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" {}>\n<title>{}</title>\n<desc>{}</desc>\n<style>\n{}</style>\n", size,
      escape_markup(title), escape_markup(description), style);
}

}  // namespace

SvgDocument::SvgDocument(double width, double height, std::string_view style, std::string_view title,
                         std::string_view description)
    : body_(head(width, height, style, title, description)) {}

void SvgDocument::rectangle(PixelPoint corner, double width, double height, std::string_view css_class) {
  rectangle(corner, width, height, css_class, "");
}

void SvgDocument::rectangle(PixelPoint corner, double width, double height, std::string_view css_class,
                            std::string_view tooltip, std::string_view cell) {
  body_ += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" {}", corner.x, corner.y,
                       width, height, known_by(css_class, tooltip, cell)) +
           closing("rect", tooltip);
}

void SvgDocument::line(PixelPoint from, PixelPoint to, std::string_view css_class) {
  body_ += fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\"/>\n", from.x, from.y,
                       to.x, to.y, css_class);
}

void SvgDocument::polyline(const std::vector<PixelPoint>& points, std::string_view css_class) {
  body_ += fmt::format("<polyline points=\"{}\" class=\"{}\"/>\n", coordinates(points), css_class);
}

void SvgDocument::polygon(const std::vector<PixelPoint>& points, std::string_view css_class, std::string_view tooltip,
                          std::string_view cell) {
  body_ += fmt::format("<polygon points=\"{}\" {}", coordinates(points), known_by(css_class, tooltip, cell)) +
           closing("polygon", tooltip);
}

void SvgDocument::circle(PixelPoint centre, double radius, std::string_view css_class, std::string_view tooltip,
                         std::string_view cell) {
  body_ += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\" {}", centre.x, centre.y, radius,
                       known_by(css_class, tooltip, cell)) +
           closing("circle", tooltip);
}

void SvgDocument::text(PixelPoint at, std::string_view content, std::string_view css_class, TextAnchor anchor,
                       double rotation_degrees) {
  constexpr std::array<std::string_view, 3> anchors = {"start", "middle", "end"};
  const std::string turned =
      rotation_degrees == 0 ? ""
                            : fmt::format(" transform=\"rotate({:.0f} {:.1f} {:.1f})\"", rotation_degrees, at.x, at.y);
  body_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"{}\" text-anchor=\"{}\"{}>{}</text>\n", at.x, at.y,
                       css_class, anchors[static_cast<std::size_t>(anchor)], turned, escape_markup(content));
}

}  // namespace quantbench
