#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/error.h"
#include "eval/render/axis.h"
#include "eval/render/chart_style.h"
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
    const double rate = kernel.peak == "read_bandwidth" ? kernel.bytes_per_second : kernel.flops_per_second;
    double& roof = found.roofs[kernel.peak];
    roof = std::max(roof, rate * 100 / kernel.percent_of_peak);
  }
  return found;
}

std::string name_of_roof(const std::string& peak, double rate) {
  if (peak == "read_bandwidth") return fmt::format("memory {:.1f} GB/s", rate / 1e9);
  const std::map<std::string, std::string> numbers{{"int8_dot", "bytes"}, {"bf16_dot", "bf16"}, {"f32_fma", "f32"}};
  return fmt::format("multiply-adds of {} {:.0f} GOP/s", numbers.at(peak), rate / 1e9);
}

class RooflineChart {
 public:
  RooflineChart(const Report& report, Roofline data)
      : data_(std::move(data)),
        svg_(canvas_width, canvas_height, chart_style_sheet(), "Roofline of the products",
             "Operations per second against operations per byte"),
        cpu_(report.environment.cpu) {
    ValueRange x{1e300, 0}, y{1e300, 0};
    for (const RooflinePoint& point : data_.points) {
      x = {std::min(x.low, point.intensity), std::max(x.high, point.intensity)};
      y = {std::min(y.low, point.kernel->flops_per_second), std::max(y.high, point.kernel->flops_per_second)};
    }
    for (const auto& [peak, rate] : data_.roofs)
      if (peak != "read_bandwidth") y.high = std::max(y.high, rate);
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
    draw_axes(svg_, x_, "operations per byte (log scale)", y_, "GOP/s (log scale)");
    for (const auto& [peak, rate] : data_.roofs) draw_roof(peak, rate);
    draw_points();
    return svg_.finish();
  }

 private:
  PixelPoint at(double intensity, double rate) const {
    return {plot.left + x_.position(intensity) * (plot.right - plot.left),
            plot.bottom - y_.position(rate / giga) * (plot.bottom - plot.top)};
  }

  /// Memory: a slope; arithmetic: a level.
  void draw_roof(const std::string& peak, double rate) {
    const bool slope = peak == "read_bandwidth";
    PixelPoint from = at(x_range_.low, rate), to = at(x_range_.high, rate);
    if (slope) {
      const double first = std::max(x_range_.low, y_range_.low * giga / rate),
                   last = std::min(x_range_.high, y_range_.high * giga / rate);
      if (first >= last) return;
      from = at(first, rate * first);
      to = at(last, rate * last);
    }
    svg_.line(from, to, "reference");
    const PixelPoint end =
        slope ? PixelPoint{(from.x + to.x) / 2 - 8, (from.y + to.y) / 2} : to;  // left of the slope no point is
    svg_.text({end.x - 8, end.y - 6}, name_of_roof(peak, rate), "strong", TextAnchor::end);
    blocked_.push_back({end.x - 230, end.y - 18, end.x, end.y + 2});
  }

  void draw_points() {
    std::set<std::string> ops;
    for (const RooflinePoint& point : data_.points) ops.insert(point.op);
    std::vector<LabelRequest> requests;
    std::vector<const RooflinePoint*> labelled;  // of several shapes the first
    std::set<std::string> seen;
    for (const RooflinePoint& point : data_.points) {
      const PixelPoint centre = at(point.intensity, point.kernel->flops_per_second);
      svg_.circle(centre, marker_radius, fmt::format("c{}", family_of(ops, point.op)),
                  fmt::format("{} {}: {:.1f} GOP/s, {:.1f} GB/s, {:.0f} % of {}", point.kernel->id, point.kernel->shape,
                              point.kernel->flops_per_second / 1e9, point.kernel->bytes_per_second / 1e9,
                              point.kernel->percent_of_peak, point.kernel->peak));
      if (!seen.insert(point.kernel->id).second) continue;
      labelled.push_back(&point);
      requests.push_back({centre, label_font_width * static_cast<double>(point.label.size()) + 2, label_height});
    }
    const auto boxes = place_labels(requests, {plot, marker_radius + 2, blocked_});
    for (std::size_t i = 0; i < boxes.size(); ++i)
      if (boxes[i])
        svg_.text({(boxes[i]->left + boxes[i]->right) / 2, boxes[i]->bottom - 3}, labelled[i]->label,
                  fmt::format("halo label t{}", family_of(ops, labelled[i]->op)), TextAnchor::middle);
    double x = plot.left + 6;
    for (const std::string& op : ops) {
      svg_.circle({x, 74}, marker_radius, fmt::format("c{}", family_of(ops, op)));
      svg_.text({x + 11, 78}, op, "label");
      x += 37 + 7 * static_cast<double>(op.size());
    }
  }

  static std::size_t family_of(const std::set<std::string>& ops, const std::string& op) {
    return static_cast<std::size_t>(std::distance(ops.begin(), ops.find(op))) % family_colours;
  }

  static constexpr Box plot = chart_plot;
  Roofline data_;
  SvgDocument svg_;
  std::string cpu_;
  ValueRange x_range_, y_range_;
  Axis x_, y_;
  std::vector<Box> blocked_;
};

}  // namespace

bool can_draw_roofline(const Report& report) { return roofline_of(report).points.size() > 1; }

std::string render_roofline(const Report& report) {
  Roofline data = roofline_of(report);
  if (data.points.size() < 2) fail("a roofline needs at least two products of kernels");
  return RooflineChart(report, std::move(data)).draw();
}

}  // namespace quantbench
