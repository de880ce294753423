#include "eval/render/heat_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "eval/render/chart_style.h"

namespace quantbench {
namespace {

// Cells as wide as the longest text in a column or its title.
std::vector<double> column_widths(const HeatMap& map) {
  std::vector<double> widths;
  for (std::size_t column = 0; column < map.columns.size(); ++column) {
    std::size_t longest = std::max<std::size_t>(display_width(map.columns[column]), 4);
    for (const auto& row : map.cells)
      if (row[column]) longest = std::max(longest, display_width(row[column]->text));
    widths.push_back(label_font_width * static_cast<double>(longest) + 10);
  }
  return widths;
}

double sum_of(const std::vector<double>& widths) {
  double sum = 0;
  for (const double width : widths) sum += width;
  return sum;
}

class HeatMapDrawing {
 public:
  HeatMapDrawing(const HeatMap& map, HeatScale scale, Placement placement)
      : map_(map),
        scale_(scale),
        widths_(column_widths(map)),
        left_(left_of_cells()),
        width_(std::max(left_ + sum_of(widths_) + margin, 480.0)),
        height_(top + row_height * static_cast<double>(map.rows.size()) + 62),
        svg_(width_, height_, chart_style_sheet(placement), map.title, map.subtitle) {}

  std::string draw() {
    svg_.rectangle({0, 0}, width_, height_, "background");
    svg_.text({margin, 26}, map_.title, "title");
    svg_.text({margin, 45}, map_.subtitle, "muted");
    double x = left_;
    for (std::size_t column = 0; column < map_.columns.size(); ++column) {
      svg_.text({x + widths_[column] / 2, top - 8}, map_.columns[column], "label", TextAnchor::middle);
      x += widths_[column];
    }
    for (std::size_t row = 0; row < map_.rows.size(); ++row) draw_row(row);
    draw_scale();
    return svg_.finish();
  }

 private:
  static constexpr double margin = 16, top = 78, row_height = 22;

  double left_of_cells() const {
    std::size_t longest = 0;
    for (const std::string& row : map_.rows) longest = std::max(longest, display_width(row));
    return margin + 8 + label_font_width * static_cast<double>(longest);
  }

  void draw_row(std::size_t row) {
    const double y = top + row_height * static_cast<double>(row);
    svg_.text({left_ - 8, y + 15}, map_.rows[row], "label", TextAnchor::end);
    double x = left_;
    for (std::size_t column = 0; column < map_.columns.size(); ++column) {
      if (const auto& cell = map_.cells[row][column]) {
        const std::size_t step = heat_step(cell->value, scale_);
        svg_.rectangle({x + 1, y + 1}, widths_[column] - 2, row_height - 2, fmt::format("h{}", step), cell->tooltip);
        svg_.text({x + widths_[column] / 2, y + 15}, cell->text, fmt::format("label g{}", step), TextAnchor::middle);
      }
      x += widths_[column];
    }
  }

  void draw_scale() {
    const double y = top + row_height * static_cast<double>(map_.rows.size()) + 18;
    const double step_width = (width_ - 2 * margin - 44) / static_cast<double>(heat_steps);
    const std::vector<double> bounds = step_bounds(scale_);
    for (std::size_t step = 0; step <= heat_steps; ++step) {
      const double x = margin + 10 + step_width * static_cast<double>(step);
      if (step < heat_steps) svg_.rectangle({x, y}, step_width, 10, fmt::format("h{}", step));
      svg_.text({x, y + 24}, three_digits(bounds[step]), "label", TextAnchor::middle);
    }
    svg_.text({margin + 10, y - 5}, map_.unit, "label");
  }

  const HeatMap& map_;
  HeatScale scale_;
  std::vector<double> widths_;
  double left_, width_, height_;
  SvgDocument svg_;
};

}  // namespace

std::optional<HeatScale> scale_of(const std::vector<HeatMap>& maps) {
  std::optional<HeatScale> scale;
  for (const HeatMap& map : maps)
    for (const auto& row : map.cells)
      for (const auto& cell : row) {
        if (!cell || !(cell->value > 0)) continue;
        if (!scale) scale = HeatScale{cell->value, cell->value};
        scale = HeatScale{std::min(scale->low, cell->value), std::max(scale->high, cell->value)};
      }
  return scale;
}

std::size_t heat_step(double value, HeatScale scale) {
  if (!(value > scale.low)) return 0;
  const double part = std::log(value / scale.low) / std::log(scale.high / scale.low);
  return std::min(static_cast<std::size_t>(part * heat_steps), heat_steps - 1);
}

std::vector<double> step_bounds(HeatScale scale) {
  std::vector<double> bounds;
  for (std::size_t step = 0; step <= heat_steps; ++step)
    bounds.push_back(scale.low *
                     std::pow(scale.high / scale.low, static_cast<double>(step) / static_cast<double>(heat_steps)));
  return bounds;
}

std::string three_digits(double value) {
  if (!(value > 0)) return "0";
  const int decimals = 2 - static_cast<int>(std::floor(std::log10(value)));
  return decimals > 6 ? fmt::format("{:.2e}", value) : fmt::format("{:.{}f}", value, std::max(decimals, 0));
}

std::string render_heat_map(const HeatMap& map, HeatScale scale, Placement placement) {
  return HeatMapDrawing(map, scale, placement).draw();
}

std::string heat_table(const HeatMap& map, HeatScale shared, HeatScale own) {
  std::string text = fmt::format("<table class=\"heat\">\n<caption>{}</caption>\n<thead><tr><th scope=\"col\">{}</th>",
                                 escape_markup(map.subtitle), escape_markup(map.row_title));
  for (const std::string& column : map.columns) text += fmt::format("<th scope=\"col\">{}</th>", escape_markup(column));
  text += "</tr></thead>\n<tbody>\n";
  for (std::size_t row = 0; row < map.rows.size(); ++row) {
    text += fmt::format("<tr><th scope=\"row\">{}</th>", escape_markup(map.rows[row]));
    for (const auto& cell : map.cells[row])
      text += cell ? fmt::format("<td class=\"a{} b{}\" title=\"{}\">{}</td>", heat_step(cell->value, shared),
                                 heat_step(cell->value, own), escape_markup(cell->tooltip), escape_markup(cell->text))
                   : "<td></td>";
    text += "</tr>\n";
  }
  return text + "</tbody></table>\n";
}

}  // namespace quantbench
