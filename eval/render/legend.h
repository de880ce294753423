// Marks, and the rows of their meanings above a plot.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "eval/render/svg.h"

namespace quantbench {

constexpr std::size_t mark_shapes = 6;

/// Circle, square, triangle, diamond, triangle upside down, star.
struct Mark {
  std::size_t shape = 0;
  std::string css_class;
  std::string tooltip = {};
  std::string cell = {};  // see SvgDocument
};
void draw_mark(SvgDocument& svg, PixelPoint centre, const Mark& mark);

struct LegendEntry {
  std::string text;
  double symbol_width = 0;
  std::function<void(SvgDocument& svg, PixelPoint left)> symbol;  // from `left` to the right
};
LegendEntry mark_entry(std::string text, Mark mark);
LegendEntry line_entry(std::string text, std::string css_class);

/// Entries side by side from `left`, in as many rows as stay left of `right`.
class Legend {
 public:
  static constexpr double row_height = 20;

  Legend(std::vector<LegendEntry> entries, double left, double right);
  std::size_t rows() const { return rows_; }
  /// What the rows after the first one need.
  double extra_height() const { return rows_ > 1 ? row_height * static_cast<double>(rows_ - 1) : 0; }
  void draw(SvgDocument& svg, double top) const;

 private:
  struct Placed {
    LegendEntry entry;
    double left = 0;
    std::size_t row = 0;
  };
  std::vector<Placed> placed_;
  std::size_t rows_ = 0;
};

}  // namespace quantbench
