#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/error.h"
#include "eval/render/axis.h"
#include "eval/render/chart_style.h"
#include "eval/render/legend.h"
#include "eval/render/render.h"
#include "eval/render/svg.h"

namespace quantbench {
namespace {

struct RooflinePoint {
  const ThroughputReport* kernel;
  std::string op, label;
  double intensity = 0;  // operations per byte
};

constexpr double giga = 1e9;
constexpr const char* memory = "read_bandwidth";

/// The peaks behind the percentages, by name.
using Roofs = std::map<std::string, double>;

struct Roofline {
  int threads = 1;
  std::vector<RooflinePoint> points;
  Roofs roofs;  // bytes or operations per second
};

/// Products of the largest thread count that was measured.
Roofline roofline_of(const Report& report) {
  Roofline found;
  for (const ThroughputReport& kernel : report.kernels)
    if (kernel.flops_per_second > 0) found.threads = std::max(found.threads, kernel.threads);
  for (const ThroughputReport& kernel : report.kernels) {
    if (kernel.threads != found.threads || kernel.flops_per_second <= 0 || kernel.percent_of_peak <= 0) continue;
    const std::size_t first = kernel.id.find('/'), second = kernel.id.find('/', first + 1);  // op/format/isa
    found.points.push_back({&kernel, kernel.id.substr(0, first), kernel.id.substr(first + 1, second - first - 1),
                            kernel.flops_per_second / kernel.bytes_per_second});
    const double rate = kernel.peak == memory ? kernel.bytes_per_second : kernel.flops_per_second;
    double& roof = found.roofs[kernel.peak];
    roof = std::max(roof, rate * 100 / kernel.percent_of_peak);
  }
  return found;
}

std::string name_of_roof(const std::string& peak, double rate) {
  if (peak == memory) return fmt::format("memory {:.1f} GB/s", rate / 1e9);
  const std::map<std::string, std::string> numbers{{"int8_dot", "bytes"}, {"bf16_dot", "bf16"}, {"f32_fma", "f32"}};
  const auto known = numbers.find(peak);
  return fmt::format("multiply-adds of {} {:.0f} GOP/s", known == numbers.end() ? peak : known->second, rate / 1e9);
}

/// A few points are named all; of many that lie together only some: of each op those with the fewest and the most operations per byte and the
/// slowest and the fastest. The others are read from their tooltips and from the bars.
std::vector<const RooflinePoint*> points_to_name(const std::vector<RooflinePoint>& points, const std::string& op) {
  std::vector<const RooflinePoint*> of_op;
  for (const RooflinePoint& point : points)
    if (point.op == op) of_op.push_back(&point);
  const auto rate = [](const RooflinePoint* point) { return point->kernel->flops_per_second; };
  const auto [slowest, fastest] = std::ranges::minmax_element(of_op, {}, rate);
  const auto [left, right] = std::ranges::minmax_element(of_op, {}, &RooflinePoint::intensity);
  constexpr std::size_t few = 8;
  std::vector<const RooflinePoint*> named;  // of several shapes the first
  for (const RooflinePoint* point :
       of_op.size() <= few ? of_op : std::vector<const RooflinePoint*>{*fastest, *slowest, *left, *right})
    if (std::ranges::none_of(named, [&](const auto* known) { return known->kernel->id == point->kernel->id; }))
      named.push_back(point);
  return named;
}

class RooflineChart {
 public:
  RooflineChart(const Report& report, Roofline data, Placement placement)
      : data_(std::move(data)),
        svg_(canvas_width, canvas_height, chart_style_sheet(placement), "Roofline of the products",
             fmt::format("Operations per second against operations per byte of {} measurements", data_.points.size())),
        cpu_(report.environment.cpu) {
    for (const RooflinePoint& point : data_.points) ops_.insert(point.op);
    ValueRange x{1e300, 0}, y{1e300, 0};
    for (const RooflinePoint& point : data_.points) {
      x = {std::min(x.low, point.intensity), std::max(x.high, point.intensity)};
      y = {std::min(y.low, point.kernel->flops_per_second), std::max(y.high, point.kernel->flops_per_second)};
    }
    for (const auto& [peak, rate] : data_.roofs)
      if (peak != memory) y.high = std::max(y.high, rate);
    x_range_ = {x.low / 1.5, x.high * 1.5};
    y_range_ = {y.low / 1.5 / giga, y.high * 1.5 / giga};
    x_ = logarithmic_axis(x_range_);
    y_ = logarithmic_axis(y_range_);
  }

  std::string draw() {
    svg_.rectangle({0, 0}, canvas_width, canvas_height, "background");
    svg_.text({plot.left, 30}, "Roofline of the products of packed weights", "title");
    svg_.text({plot.left, 50},
              fmt::format("{}, {} thread{}; dashed: peaks measured in the same run", cpu_, data_.threads,
                          data_.threads == 1 ? "" : "s"),
              "muted");
    std::vector<LegendEntry> entries;
    for (const std::string& op : ops_)
      entries.push_back(mark_entry(op, {index_of(op), fmt::format("c{}", index_of(op) % family_colours)}));
    Legend(entries, plot.left + 1, canvas_width - 10).draw(svg_, 74);
    draw_axes(svg_, plot, x_, "operations per byte (log scale)", y_, "GOP/s (log scale)");
    for (const auto& [peak, rate] : data_.roofs) draw_roof(peak, rate);
    draw_points();
    draw_labels();
    for (const RoofName& name : roof_names_) svg_.text(name.at, name.text, "halo strong", TextAnchor::start);
    return svg_.finish();
  }

 private:
  struct RoofName {
    PixelPoint at;
    std::string text;
  };

  PixelPoint at(double intensity, double rate) const {
    return {plot.left + x_.position(intensity) * (plot.right - plot.left),
            plot.bottom - y_.position(rate / giga) * (plot.bottom - plot.top)};
  }
  PixelPoint at(const RooflinePoint& point) const { return at(point.intensity, point.kernel->flops_per_second); }

  std::size_t index_of(const std::string& op) const {
    return static_cast<std::size_t>(std::distance(ops_.begin(), ops_.find(op)));
  }

  void draw_roof(const std::string& peak, double rate) {
    if (peak == memory)
      draw_memory_roof(rate);
    else
      draw_arithmetic_roof(peak, rate);
  }

  // A slope that ends where the highest level of arithmetic begins. Its name is above its upper half, where no point can be.
  void draw_memory_roof(double rate) {
    double highest = 0;
    for (const auto& [peak, level] : data_.roofs)
      if (peak != memory) highest = std::max(highest, level);
    const double top = highest > 0 ? highest : y_range_.high * giga;
    const double first = std::max(x_range_.low, y_range_.low * giga / rate), last = std::min(x_range_.high, top / rate);
    if (first >= last) return;
    const PixelPoint from = at(first, rate * first), to = at(last, rate * last);
    svg_.line(from, to, "reference");
    const std::string text = name_of_roof(memory, rate);
    const PixelPoint middle{from.x + 0.62 * (to.x - from.x), from.y + 0.62 * (to.y - from.y)};
    const double left = std::max(plot.left + 8, middle.x - 14 - label_font_width * static_cast<double>(text.size()));
    name_roof({left, middle.y - 4}, text);
    constexpr int pieces = 40;
    for (int piece = 0; piece <= pieces; ++piece) {
      const double x = from.x + (to.x - from.x) * piece / pieces, y = from.y + (to.y - from.y) * piece / pieces;
      blocked_.push_back({x - 6, y - 6, x + 6, y + 6});
    }
  }

  // A level from where memory would allow it. Its name is above its left end: products of so few operations per byte are slower.
  void draw_arithmetic_roof(const std::string& peak, double rate) {
    const PixelPoint from = at(x_range_.low, rate), to = at(x_range_.high, rate);
    svg_.line(from, to, "reference");
    name_roof({plot.left + 8, from.y - 6}, name_of_roof(peak, rate));
    blocked_.push_back({plot.left, from.y - 2, plot.right, from.y + 2});
  }

  void name_roof(PixelPoint at, const std::string& text) {
    blocked_.push_back({at.x - 4, at.y - 13, at.x + label_font_width * static_cast<double>(text.size()), at.y + 4});
    roof_names_.push_back({at, text});
  }

  void draw_points() {
    for (const RooflinePoint& point : data_.points) {
      const ThroughputReport& kernel = *point.kernel;
      draw_mark(svg_, at(point),
                {index_of(point.op), fmt::format("faint c{}", index_of(point.op) % family_colours),
                 fmt::format("{} {}: {:.1f} GOP/s, {:.1f} GB/s, {:.0f} % of {}", kernel.id, kernel.shape,
                             kernel.flops_per_second / 1e9, kernel.bytes_per_second / 1e9, kernel.percent_of_peak,
                             kernel.peak)});
      const PixelPoint centre = at(point);
      constexpr double reach = marker_radius + 2;
      blocked_.push_back({centre.x - reach, centre.y - reach, centre.x + reach, centre.y + reach});
    }
  }

  void draw_labels() {
    std::vector<LabelRequest> requests;
    std::vector<const RooflinePoint*> labelled;
    for (const std::string& op : ops_) {
      for (const RooflinePoint* point : points_to_name(data_.points, op)) {
        labelled.push_back(point);
        requests.push_back(
            {at(*point), label_font_width * static_cast<double>(display_width(point->label)) + 2, label_height});
      }
    }
    const auto boxes = place_labels(requests, {plot, marker_radius + 2, blocked_});
    for (std::size_t i = 0; i < boxes.size(); ++i) {
      if (!boxes[i]) continue;
      const std::size_t colour = index_of(labelled[i]->op) % family_colours;
      const PixelPoint centre = requests[i].anchor;
      const PixelPoint nearest{std::clamp(centre.x, boxes[i]->left, boxes[i]->right),
                               std::clamp(centre.y, boxes[i]->top, boxes[i]->bottom)};
      if (std::hypot(nearest.x - centre.x, nearest.y - centre.y) > marker_radius + 8)
        svg_.line(centre, nearest, fmt::format("leader c{}", colour));
      svg_.text({(boxes[i]->left + boxes[i]->right) / 2, boxes[i]->bottom - 3}, labelled[i]->label,
                fmt::format("halo label t{}", colour), TextAnchor::middle);
    }
  }

  static constexpr Box plot = chart_plot;
  Roofline data_;
  SvgDocument svg_;
  std::string cpu_;
  std::set<std::string> ops_;
  ValueRange x_range_, y_range_;
  Axis x_, y_;
  std::vector<Box> blocked_;
  std::vector<RoofName> roof_names_;
};

}  // namespace

bool can_draw_roofline(const Report& report) { return roofline_of(report).points.size() > 1; }

std::string render_roofline(const Report& report, Placement placement) {
  Roofline data = roofline_of(report);
  if (data.points.size() < 2) fail("a roofline needs at least two products of kernels");
  return RooflineChart(report, std::move(data), placement).draw();
}

}  // namespace quantbench
