#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "eval/render/axis.h"
#include "eval/render/chart_data.h"
#include "eval/render/chart_style.h"
#include "eval/render/label_layout.h"
#include "eval/render/svg.h"

namespace quantbench {
namespace {

constexpr Box plot = chart_plot;

struct MetricText {
  std::string name;  // in the title and at the axis
  std::string axis;
  std::string reference;
};

MetricText text_of(ChartMetric metric) {
  if (metric == ChartMetric::perplexity) return {"Perplexity", "perplexity (lower is better)", "f32"};
  if (metric == ChartMetric::mean_kld) return {"KL divergence", "mean KL divergence, nats (log scale)", "noise floor"};
  return {"Weight error", "relative RMSE of the weights (log scale)", ""};
}

Axis value_axis(const ChartData& data, ChartMetric metric) {
  ValueRange range{data.points.front().value, data.points.front().value};
  for (const ChartPoint& point : data.points) {
    range.low = std::min(range.low, point.lower.value_or(point.value));
    range.high = std::max(range.high, point.upper.value_or(point.value));
  }
  constexpr double narrow = 1.15;  // high / low up to which a linear axis shows everything
  if (metric == ChartMetric::perplexity && data.reference) {
    if (range.high / *data.reference > narrow) return excess_axis(range, *data.reference);
    return linear_axis({std::min(range.low, *data.reference), std::max(range.high, *data.reference)});
  }
  if (metric == ChartMetric::perplexity && range.high / range.low < 2) return linear_axis(range);
  return logarithmic_axis(range);
}

/// Draws one chart.
class Chart {
 public:
  Chart(const Report& report, ChartMetric metric, ChartData data)
      : report_(report),
        metric_(metric),
        data_(std::move(data)),
        text_(text_of(metric)),
        x_(bits_axis({data_.points.front().bits_per_weight, data_.points.back().bits_per_weight})),
        y_(value_axis(data_, metric)),
        svg_(canvas_width, canvas_height, chart_style_sheet(), title(),
             fmt::format("{} of {} methods against bits per weight", text_.name, data_.points.size())) {}

  std::string draw() {
    svg_.rectangle({0, 0}, canvas_width, canvas_height, "background");
    svg_.text({plot.left, 30}, title(), "title");
    svg_.text({plot.left, 50}, subtitle(), "muted");
    draw_legend();
    draw_axes(svg_, x_, "bits per weight, scales included (log scale)", y_, text_.axis);
    draw_reference();
    draw_frontier();
    for (const ChartPoint& point : data_.points) draw_interval(point);
    for (const ChartPoint& point : data_.points) draw_marker(at(point), family_index(point.family), point);
    draw_labels();
    return svg_.finish();
  }

 private:
  std::string title() const { return fmt::format("{} against bits per weight: {}", text_.name, report_.model_name); }

  // Of a long text only some windows may have been evaluated: what counts is the tokens scored.
  std::string measured_on() const {
    std::string text = fmt::format("{}, {}", report_.dataset_name, report_.protocol);
    const auto scored =
        std::ranges::find_if(report_.cells, [](const auto& cell) { return cell.perplexity.has_value(); });
    return scored == report_.cells.end() ? text : text + fmt::format(", {} tokens scored", scored->perplexity->tokens);
  }

  std::string subtitle() const {
    std::string text = metric_ == ChartMetric::relative_rmse ? "all quantized weights together" : measured_on();
    const bool intervals = std::ranges::any_of(data_.points, [](const auto& point) { return point.lower.has_value(); });
    if (!intervals) return text;
    return text + (data_.reference ? "; bars: 95 % confidence of the difference from f32, paired over tokens"
                                   : "; bars: 95 % confidence");
  }

  PixelPoint at(double bits, double value) const {
    return {plot.left + x_.position(bits) * (plot.right - plot.left),
            plot.bottom - y_.position(value) * (plot.bottom - plot.top)};
  }
  PixelPoint at(const ChartPoint& point) const { return at(point.bits_per_weight, point.value); }

  std::size_t family_index(const std::string& family) const {
    const auto found = std::ranges::find(data_.families, family);
    return static_cast<std::size_t>(found - data_.families.begin());
  }

  void draw_legend() {
    double x = plot.left + 6;
    constexpr double y = 74, gap = 26, text_width = 7;
    for (std::size_t family = 0; family < data_.families.size(); ++family) {
      draw_shape({x, y}, family, "");
      svg_.text({x + 11, y + 4}, data_.families[family], "label");
      x += 11 + text_width * static_cast<double>(data_.families[family].size()) + gap;
    }
    svg_.line({x - 8, y}, {x + 14, y}, "frontier");
    svg_.circle({x + 3, y}, marker_radius + 3, "ring");
    svg_.text({x + 20, y + 4}, "Pareto frontier: nothing smaller is as good", "label");
  }

  void draw_reference() {
    if (!data_.reference) return;
    const double position = y_.position(*data_.reference);
    if (position < 0 || position > 1) return;
    const double y = plot.bottom - position * (plot.bottom - plot.top);
    svg_.line({plot.left, y}, {plot.right, y}, "reference");
    const std::string text = fmt::format("{} {:.4g}", text_.reference, *data_.reference);
    svg_.text({plot.left + 8, y - 6}, text, "strong");
    blocked_.push_back({plot.left, y - 18, plot.left + 8 + 7 * static_cast<double>(text.size()), y});
    blocked_.push_back({plot.left, y - 1, plot.right, y + 1});
  }

  void draw_frontier() {
    std::vector<PixelPoint> frontier;
    for (const ChartPoint& point : data_.points)
      if (point.on_frontier) frontier.push_back(at(point));
    if (frontier.size() > 1) svg_.polyline(frontier, "frontier");
  }

  void draw_interval(const ChartPoint& point) {
    if (!point.lower || !point.upper) return;
    const double top = at(point.bits_per_weight, *point.upper).y;
    const double bottom = at(point.bits_per_weight, *point.lower).y;
    const double x = at(point).x;
    if (bottom - top < 2 * marker_radius) return;  // hidden by the marker
    const std::string css_class = fmt::format("interval c{}", family_index(point.family) % family_colours);
    svg_.line({x, top}, {x, bottom}, css_class);
    for (const double y : {top, bottom}) svg_.line({x - 4, y}, {x + 4, y}, css_class);
    blocked_.push_back({x - 2, top, x + 2, bottom});
  }

  void draw_marker(PixelPoint centre, std::size_t family, const ChartPoint& point) {
    if (point.on_frontier) svg_.circle(centre, marker_radius + 3, "ring");
    draw_shape(centre, family,
               fmt::format("{}: {:.3f} bits per weight, {} {:.5g}", point.method, point.bits_per_weight, text_.name,
                           point.value));
  }

  // Families differ in shape as well as in colour. 0: circle; otherwise a polygon with that many corners, turned.
  void draw_shape(PixelPoint centre, std::size_t family, const std::string& tooltip) {
    struct Shape {
      int corners;
      double turn;
    };
    constexpr std::array<Shape, 5> shapes = {{{0, 0}, {4, 0.125}, {3, 0.25}, {4, 0}, {3, -0.25}}};
    const Shape shape = shapes[family % shapes.size()];
    const std::string css_class = fmt::format("c{}", family % family_colours);
    if (shape.corners == 0) {
      svg_.circle(centre, marker_radius, css_class, tooltip);
      return;
    }
    std::vector<PixelPoint> corners;
    for (int corner = 0; corner < shape.corners; ++corner) {
      const double angle = 2 * std::numbers::pi * (shape.turn + static_cast<double>(corner) / shape.corners);
      const double radius = marker_radius * 1.25;
      corners.push_back({centre.x + radius * std::cos(angle), centre.y - radius * std::sin(angle)});
    }
    svg_.polygon(corners, css_class, tooltip);
  }

  void draw_labels() {
    std::vector<const ChartPoint*> order;
    for (const ChartPoint& point : data_.points) order.push_back(&point);
    std::stable_partition(order.begin(), order.end(), [](const ChartPoint* point) { return point->on_frontier; });
    std::vector<LabelRequest> requests;
    for (const ChartPoint* point : order)
      requests.push_back({at(*point), label_font_width * static_cast<double>(point->label.size()) + 2, label_height});
    const auto boxes = place_labels(requests, {plot, marker_radius + 3, blocked_});
    for (std::size_t index = 0; index < order.size(); ++index)
      if (boxes[index]) draw_leader(*order[index], requests[index].anchor, *boxes[index]);
    for (std::size_t index = 0; index < order.size(); ++index)
      if (boxes[index]) draw_label(*order[index], *boxes[index]);
    if (const auto left_out = std::ranges::count_if(boxes, [](const auto& box) { return !box; }); left_out > 0)
      svg_.text({plot.right, plot.bottom + 42}, fmt::format("{} labels left out for lack of room", left_out), "muted",
                TextAnchor::end);
  }

  // A line from the marker to a label that is not beside it.
  void draw_leader(const ChartPoint& point, PixelPoint anchor, const Box& box) {
    const PixelPoint nearest{std::clamp(anchor.x, box.left, box.right), std::clamp(anchor.y, box.top, box.bottom)};
    const double distance = std::hypot(nearest.x - anchor.x, nearest.y - anchor.y);
    if (distance <= marker_radius + 10) return;
    const double start = (marker_radius + 3) / distance;
    svg_.line({anchor.x + start * (nearest.x - anchor.x), anchor.y + start * (nearest.y - anchor.y)}, nearest,
              fmt::format("leader c{}", family_index(point.family) % family_colours));
  }

  void draw_label(const ChartPoint& point, const Box& box) {
    svg_.text(
        {(box.left + box.right) / 2, box.bottom - 3}, point.label,
        fmt::format("halo {} t{}", point.on_frontier ? "strong" : "label", family_index(point.family) % family_colours),
        TextAnchor::middle);
  }

  const Report& report_;
  ChartMetric metric_;
  ChartData data_;
  MetricText text_;
  Axis x_, y_;
  SvgDocument svg_;
  std::vector<Box> blocked_;
};

}  // namespace

const std::vector<ChartMetric>& chart_metrics() {
  static const std::vector<ChartMetric> all = {ChartMetric::perplexity, ChartMetric::mean_kld,
                                               ChartMetric::relative_rmse};
  return all;
}

std::string_view to_string(ChartMetric metric) {
  constexpr std::array<std::string_view, 3> names = {"perplexity", "mean_kld", "relative_rmse"};
  return names[static_cast<std::size_t>(metric)];
}

std::string render_chart(const Report& report, ChartMetric metric) {
  ChartData data = chart_data(report, metric);
  if (data.points.size() < 2) fail("a chart of {} needs at least two cells with it", to_string(metric));
  return Chart(report, metric, std::move(data)).draw();
}

}  // namespace quantbench
