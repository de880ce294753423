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

}  // namespace

SvgDocument::SvgDocument(double width, double height, std::string_view style, std::string_view title,
                         std::string_view description)
    : body_(
          fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
                      "height=\"{1:.0f}\" role=\"img\">\n<title>{2}</title>\n<desc>{3}</desc>\n<style>\n{4}</style>\n",
                      width, height, escape_markup(title), escape_markup(description), style)) {}

void SvgDocument::rectangle(PixelPoint corner, double width, double height, std::string_view css_class) {
  body_ += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" class=\"{}\"/>\n", corner.x,
                       corner.y, width, height, css_class);
}

void SvgDocument::line(PixelPoint from, PixelPoint to, std::string_view css_class) {
  body_ += fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\"/>\n", from.x, from.y,
                       to.x, to.y, css_class);
}

void SvgDocument::polyline(const std::vector<PixelPoint>& points, std::string_view css_class) {
  body_ += fmt::format("<polyline points=\"{}\" class=\"{}\"/>\n", coordinates(points), css_class);
}

void SvgDocument::polygon(const std::vector<PixelPoint>& points, std::string_view css_class, std::string_view tooltip) {
  body_ +=
      fmt::format("<polygon points=\"{}\" class=\"{}\"", coordinates(points), css_class) + closing("polygon", tooltip);
}

void SvgDocument::circle(PixelPoint centre, double radius, std::string_view css_class, std::string_view tooltip) {
  body_ += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\" class=\"{}\"", centre.x, centre.y, radius,
                       css_class) +
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
