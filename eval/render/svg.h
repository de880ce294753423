// A small writer of SVG documents: shapes with a CSS class each; colours live in one style sheet.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace quantbench {

struct PixelPoint {
  double x = 0, y = 0;
};

enum class TextAnchor { start, middle, end };

class SvgDocument {
 public:
  /// `style`: the style sheet; empty in a page that has the rules of `chart_page_style`. `description` is read aloud by screen
  /// readers.
  SvgDocument(double width, double height, std::string_view style, std::string_view title,
              std::string_view description);

  void rectangle(PixelPoint corner, double width, double height, std::string_view css_class);
  void line(PixelPoint from, PixelPoint to, std::string_view css_class);
  void polyline(const std::vector<PixelPoint>& points, std::string_view css_class);
  /// Shapes that stand for a figure have a tooltip, shown when the pointer rests on them, and may name the cell of the report
  /// that the figure is of (`cell`, as in the ids of the page): scripts of the page find it by that.
  void rectangle(PixelPoint corner, double width, double height, std::string_view css_class, std::string_view tooltip,
                 std::string_view cell = "");
  void polygon(const std::vector<PixelPoint>& points, std::string_view css_class, std::string_view tooltip = "",
               std::string_view cell = "");
  void circle(PixelPoint centre, double radius, std::string_view css_class, std::string_view tooltip = "",
              std::string_view cell = "");
  void text(PixelPoint at, std::string_view content, std::string_view css_class, TextAnchor anchor = TextAnchor::start,
            double rotation_degrees = 0);

  /// The document, without an XML declaration so that it can stand inside HTML.
  std::string finish() const { return body_ + "</svg>\n"; }

 private:
  std::string body_;
};

}  // namespace quantbench
