#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "core/error.h"
#include "eval/render/axis.h"
#include "eval/render/chart_data.h"
#include "eval/render/chart_style.h"
#include "eval/render/label_layout.h"
#include "eval/render/legend.h"
#include "eval/render/svg.h"

namespace quantbench {
namespace {

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

ValueRange range_of(const ChartData& data) {
  ValueRange range{data.points.front().value, data.points.front().value};
  for (const ChartPoint& point : data.points) {
    // Of an interval that reaches zero, a logarithmic axis shows what lies above a third of the value.
    range.low = std::min(range.low, std::max(point.lower.value_or(point.value), point.value / 3));
    range.high = std::max(range.high, point.upper.value_or(point.value));
  }
  return range;
}

Axis value_axis(const ChartData& data, ChartMetric metric) {
  const ValueRange range = range_of(data);
  constexpr double narrow = 1.15;  // high / low up to which a linear axis shows everything
  const auto [least, most] = std::ranges::minmax_element(data.references, {}, &ChartReference::value);
  const bool near_each_other = least != data.references.end() && most->value / least->value < narrow;
  if (metric == ChartMetric::perplexity && near_each_other) {
    const double reference = least->value;
    if (range.high / reference > narrow) return excess_axis(range, reference);
    return linear_axis({std::min(range.low, reference), std::max(range.high, reference)});
  }
  if (metric == ChartMetric::perplexity && range.high / range.low < 2) return linear_axis(range);
  return logarithmic_axis(range);
}

/// Draws one chart.
class Chart {
 public:
  Chart(std::span<const Report> reports, ChartMetric metric, ChartData data, Placement placement)
      : reports_(reports),
        labels_(run_labels(reports)),
        several_(runs_with_cells(reports) > 1),
        metric_(metric),
        data_(std::move(data)),
        text_(text_of(metric)),
        x_(bits_axis({data_.points.front().bits_per_weight, data_.points.back().bits_per_weight})),
        y_(value_axis(data_, metric)),
        legend_(legend_entries(), chart_plot.left + 1, canvas_width - 10),
        plot_{chart_plot.left, chart_plot.top + legend_.extra_height(), chart_plot.right,
              chart_plot.bottom + legend_.extra_height()},
        svg_(canvas_width, canvas_height + legend_.extra_height(), chart_style_sheet(placement), title(),
             fmt::format("{} of {} methods against bits per weight", text_.name, data_.points.size())) {}

  std::string draw() {
    svg_.rectangle({0, 0}, canvas_width, canvas_height + legend_.extra_height(), "background");
    svg_.text({plot_.left, 30}, title(), "title");
    svg_.text({plot_.left, 50}, subtitle(), "muted");
    legend_.draw(svg_, 74);
    draw_axes(svg_, plot_, x_, "bits per weight, scales included (log scale)", y_, text_.axis);
    for (const ChartReference& reference : data_.references) draw_reference(reference);
    draw_bound();
    for (std::size_t run = 0; run < reports_.size(); ++run) draw_frontier(run);
    for (const ChartPoint& point : data_.points) draw_interval(point);
    for (const ChartPoint& point : data_.points) draw_point(point);
    draw_labels();
    return svg_.finish();
  }

 private:
  std::string title() const {
    const bool one_model = comparable(reports_, ChartMetric::relative_rmse);
    return fmt::format("{} against bits per weight{}", text_.name, one_model ? ": " + first_report().model_name : "");
  }

  const Report& first_report() const { return reports_[data_.points.front().place.run]; }

  // Of a long text only some windows may have been evaluated: what counts is the tokens scored.
  std::string measured_on() const {
    if (!comparable(reports_, metric_)) return "runs differ in what was measured: compare within a run only";
    if (metric_ == ChartMetric::relative_rmse) return "all quantized weights together";
    const Report& report = first_report();
    std::string text = fmt::format("{}, {}", report.dataset_name, report.protocol);
    const auto scored =
        std::ranges::find_if(report.cells, [](const auto& cell) { return cell.perplexity.has_value(); });
    return scored == report.cells.end() ? text : text + fmt::format(", {} tokens scored", scored->perplexity->tokens);
  }

  std::string subtitle() const {
    std::string text = measured_on();
    const bool intervals = std::ranges::any_of(data_.points, [](const auto& point) { return point.lower.has_value(); });
    if (!intervals) return text;
    if (metric_ == ChartMetric::perplexity && !data_.references.empty())
      return text + "; bars: 95 % confidence of the difference from f32, paired over tokens";
    return text + "; bars: 95 % confidence";
  }

  std::vector<LegendEntry> legend_entries() const {
    std::vector<LegendEntry> entries;
    for (std::size_t family = 0; family < data_.families.size(); ++family)
      if (std::ranges::find(data_.points, data_.families[family], &ChartPoint::family) != data_.points.end())
        entries.push_back(
            mark_entry(data_.families[family], {several_ ? 0 : family, fmt::format("c{}", family % family_colours)}));
    if (several_)
      for (std::size_t run = 0; run < reports_.size(); ++run)
        if (!reports_[run].cells.empty()) entries.push_back(mark_entry(labels_[run], {run, "ring"}));
    if (!data_.sources.empty()) entries.push_back(line_entry("Gaussian rate-distortion bound", "bound"));
    entries.push_back({"Pareto frontier: nothing smaller is as good", 34, [](SvgDocument& svg, PixelPoint left) {
                         svg.line(left, {left.x + 26, left.y}, "frontier");
                         svg.circle({left.x + 13, left.y}, marker_radius + 3, "ring");
                       }});
    return entries;
  }

  PixelPoint at(double bits, double value) const {
    return {plot_.left + x_.position(bits) * (plot_.right - plot_.left),
            plot_.bottom - y_.position(value) * (plot_.bottom - plot_.top)};
  }
  PixelPoint at(const ChartPoint& point) const { return at(point.bits_per_weight, point.value); }

  std::size_t family_index(const std::string& family) const {
    const auto found = std::ranges::find(data_.families, family);
    return static_cast<std::size_t>(found - data_.families.begin());
  }
  std::string colour_of(const ChartPoint& point) const {
    return fmt::format("c{}", family_index(point.family) % family_colours);
  }

  std::string name_of(const ChartReference& reference) const {
    const std::string text = fmt::format("{} {:.4g}", text_.reference, reference.value);
    return data_.references.size() > 1 ? fmt::format("{}, {}", text, labels_[reference.runs.front()]) : text;
  }

  void draw_reference(const ChartReference& reference) {
    const double position = y_.position(reference.value);
    if (position < 0 || position > 1) return;
    const double y = plot_.bottom - position * (plot_.bottom - plot_.top);
    svg_.line({plot_.left, y}, {plot_.right, y}, "reference");
    const std::string text = name_of(reference);
    const double width = 8 + 7 * static_cast<double>(display_width(text));
    Box box{plot_.left, y - 18, plot_.left + width, y};
    // Names of references that lie close together are stacked.
    while (std::ranges::any_of(blocked_, [&](const Box& other) { return other.overlaps(box); })) {
      box.top -= 15;
      box.bottom -= 15;
    }
    svg_.text({plot_.left + 8, box.bottom - 6}, text, "halo strong");
    blocked_.push_back(box);
    blocked_.push_back({plot_.left + width, y - 1, plot_.right, y + 1});
  }

  // As far as the plot shows it.
  void draw_bound() {
    if (data_.sources.empty()) return;
    std::vector<PixelPoint> line;
    constexpr int steps = 200;
    const double first = data_.points.front().bits_per_weight, last = data_.points.back().bits_per_weight;
    for (int step = 0; step <= steps; ++step) {
      const double bits = first * std::pow(last / first, static_cast<double>(step) / steps);
      const double bound = least_relative_rmse(data_.sources, bits);
      if (const double position = y_.position(bound); position > 0 && position < 1) line.push_back(at(bits, bound));
    }
    if (line.size() < 2) return;
    svg_.polyline(line, "bound");
    for (std::size_t next = 0; next < line.size(); next += 3)
      blocked_.push_back({line[next].x - 6, line[next].y - 6, line[next].x + 6, line[next].y + 6});
  }

  void draw_frontier(std::size_t run) {
    std::vector<PixelPoint> frontier;
    for (const ChartPoint& point : data_.points)
      if (point.on_frontier && point.place.run == run) frontier.push_back(at(point));
    if (frontier.size() > 1) svg_.polyline(frontier, "frontier");
  }

  void draw_interval(const ChartPoint& point) {
    if (!point.lower || !point.upper) return;
    const double top = at(point.bits_per_weight, *point.upper).y;
    const double bottom = std::min(at(point.bits_per_weight, *point.lower).y, plot_.bottom);
    const double x = at(point).x;
    if (bottom - top < 2 * marker_radius) return;  // hidden by the marker
    const std::string css_class = "interval " + colour_of(point);
    svg_.line({x, top}, {x, bottom}, css_class);
    for (const double y : {top, bottom}) svg_.line({x - 4, y}, {x + 4, y}, css_class);
    blocked_.push_back({x - 2, top, x + 2, bottom});
  }

  std::string tooltip_of(const ChartPoint& point) const {
    const std::string run = several_ ? labels_[point.place.run] + ", " : "";
    const std::string interval =
        point.lower && point.upper ? fmt::format(" (95 %: {:.5g} to {:.5g})", *point.lower, *point.upper) : "";
    return fmt::format("{}{}: {:.3f} bits per weight, {} {:.5g}{}{}", run, point.method, point.bits_per_weight,
                       text_.name, point.value, interval, point.on_frontier ? ", on the Pareto frontier" : "");
  }

  void draw_point(const ChartPoint& point) {
    if (point.on_frontier) svg_.circle(at(point), marker_radius + 3, "ring");
    const std::size_t shape = several_ ? point.place.run : family_index(point.family);
    draw_mark(svg_, at(point), {shape, colour_of(point), tooltip_of(point), cell_key(point.place)});
  }

  // Frontiers first. A method of several runs is named once where its points are together.
  std::vector<const ChartPoint*> points_to_label() const {
    std::vector<const ChartPoint*> order;
    std::map<std::string, std::vector<PixelPoint>> named;
    for (const bool frontier : {true, false}) {
      for (const ChartPoint& point : data_.points) {
        if (point.on_frontier != frontier) continue;
        const PixelPoint here = at(point);
        const bool is_named = std::ranges::any_of(named[point.method], [&](const PixelPoint& there) {
          return std::hypot(here.x - there.x, here.y - there.y) < 4 * marker_radius;
        });
        if (is_named) continue;
        named[point.method].push_back(here);
        order.push_back(&point);
      }
    }
    return order;
  }

  void draw_labels() {
    const std::vector<const ChartPoint*> order = points_to_label();
    std::vector<LabelRequest> requests;
    for (const ChartPoint* point : order)
      requests.push_back(
          {at(*point), label_font_width * static_cast<double>(display_width(point->label)) + 2, label_height});
    // All markers are in the way, not only those with a label.
    LabelLayout layout{plot_, marker_radius + 3, blocked_};
    for (const ChartPoint& point : data_.points) {
      const PixelPoint centre = at(point);
      layout.blocked.push_back({centre.x - layout.marker_radius, centre.y - layout.marker_radius,
                                centre.x + layout.marker_radius, centre.y + layout.marker_radius});
    }
    const auto boxes = place_labels(requests, layout);
    for (std::size_t index = 0; index < order.size(); ++index)
      if (boxes[index]) draw_leader(*order[index], requests[index].anchor, *boxes[index]);
    for (std::size_t index = 0; index < order.size(); ++index)
      if (boxes[index]) draw_label(*order[index], *boxes[index]);
    if (const auto left_out = std::ranges::count_if(boxes, [](const auto& box) { return !box; }); left_out > 0)
      svg_.text({plot_.right, plot_.bottom + 42}, fmt::format("{} labels left out for lack of room", left_out), "muted",
                TextAnchor::end);
  }

  // A line from the marker to a label that is not beside it.
  void draw_leader(const ChartPoint& point, PixelPoint anchor, const Box& box) {
    const PixelPoint nearest{std::clamp(anchor.x, box.left, box.right), std::clamp(anchor.y, box.top, box.bottom)};
    const double distance = std::hypot(nearest.x - anchor.x, nearest.y - anchor.y);
    if (distance <= marker_radius + 10) return;
    const double start = (marker_radius + 3) / distance;
    svg_.line({anchor.x + start * (nearest.x - anchor.x), anchor.y + start * (nearest.y - anchor.y)}, nearest,
              "leader " + colour_of(point));
  }

  void draw_label(const ChartPoint& point, const Box& box) {
    svg_.text(
        {(box.left + box.right) / 2, box.bottom - 3}, point.label,
        fmt::format("halo {} t{}", point.on_frontier ? "strong" : "label", family_index(point.family) % family_colours),
        TextAnchor::middle);
  }

  std::span<const Report> reports_;
  std::vector<std::string> labels_;
  bool several_;  // runs with cells
  ChartMetric metric_;
  ChartData data_;
  MetricText text_;
  Axis x_, y_;
  Legend legend_;
  Box plot_;
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

std::string render_chart(std::span<const Report> reports, ChartMetric metric, Placement placement) {
  ChartData data = chart_data(reports, metric);
  if (data.points.size() < 2) fail("a chart of {} needs at least two cells with it", to_string(metric));
  return Chart(reports, metric, std::move(data), placement).draw();
}

}  // namespace quantbench
