// Which tensors need the bits: the divergence that the probe's format causes in each tensor, along the layers.
#include <fmt/format.h>

#include <algorithm>

#include "eval/render/axis.h"
#include "eval/render/chart_style.h"
#include "eval/render/heat_map.h"
#include "eval/render/legend.h"
#include "quantizers/allocation/tensor_role.h"

namespace quantbench {
namespace {

struct SensitivityPoint {
  std::string name, role;
  std::optional<std::size_t> layer;
  MeasuredDivergence kld;
};

std::vector<SensitivityPoint> points_of(const Sensitivity& sensitivity) {
  std::vector<SensitivityPoint> points;
  for (const TensorSensitivity& tensor : sensitivity.tensors) {
    const FormatSensitivity* probe = tensor.find(sensitivity.probe);
    if (probe == nullptr || !probe->kld || !(probe->kld->mean > 0)) continue;
    points.push_back({tensor.name, role_text(tensor.name), layer_of(tensor.name), *probe->kld});
  }
  return points;
}

ValueRange range_of(const std::vector<SensitivityPoint>& points) {
  ValueRange range{points.front().kld.mean, points.front().kld.mean};
  for (const SensitivityPoint& point : points) {
    range.low = std::min(range.low, std::max(point.kld.lower, point.kld.mean / 3));
    range.high = std::max(range.high, point.kld.upper);
  }
  return range;
}

class SensitivityChart {
 public:
  SensitivityChart(const Sensitivity& sensitivity, std::vector<SensitivityPoint> points, Placement placement)
      : sensitivity_(sensitivity),
        points_(std::move(points)),
        y_(logarithmic_axis(range_of(points_))),
        legend_(legend_entries(), chart_plot.left + 1, canvas_width - 10),
        plot_{chart_plot.left, chart_plot.top + legend_.extra_height(), canvas_width - 24,
              chart_plot.bottom + legend_.extra_height()},
        svg_(canvas_width, canvas_height + legend_.extra_height(), chart_style_sheet(placement), title(),
             fmt::format("KL divergence of {} tensors along the layers", points_.size())) {
    for (const SensitivityPoint& point : points_)
      if (point.layer) layers_ = std::max(layers_, *point.layer + 1);
  }

  std::string draw() {
    svg_.rectangle({0, 0}, canvas_width, canvas_height + legend_.extra_height(), "background");
    svg_.text({plot_.left, 30}, title(), "title");
    svg_.text({plot_.left, 50},
              fmt::format("{}, one tensor at a time in {}; {}, {}, {} windows; bars: 95 % confidence",
                          sensitivity_.origin.model, sensitivity_.probe, sensitivity_.origin.text,
                          sensitivity_.origin.protocol, sensitivity_.origin.divergence_windows),
              "muted");
    legend_.draw(svg_, 74);
    draw_axes(svg_, plot_, layer_axis(), "layer", y_, "KL divergence, nats (log scale)");
    for (std::size_t role = 0; role < roles_.size(); ++role) draw_role(role);
    return svg_.finish();
  }

 private:
  static std::string title() { return "Sensitivity: what quantizing each tensor alone costs"; }

  std::vector<LegendEntry> legend_entries() {
    for (const SensitivityPoint& point : points_)
      if (std::ranges::find(roles_, point.role) == roles_.end()) roles_.push_back(point.role);
    for (const SensitivityPoint& point : points_)
      if (!point.layer) roles_outside_.push_back(point.role);
    std::vector<LegendEntry> entries;
    for (std::size_t role = 0; role < roles_.size(); ++role)
      entries.push_back(mark_entry(roles_[role], {role, fmt::format("c{}", role % family_colours)}));
    return entries;
  }

  // One place for each layer, and one for the tensors of none.
  std::size_t places() const {
    const bool outside = std::ranges::any_of(points_, [](const auto& point) { return !point.layer; });
    return layers_ + (outside ? 1 : 0);
  }
  double position(std::size_t place) const {
    return (static_cast<double>(place) + 0.5) / static_cast<double>(places());
  }

  Axis layer_axis() const {
    Axis axis;
    const std::size_t step = std::max<std::size_t>(1, (layers_ + 23) / 24);
    for (std::size_t layer = 0; layer < layers_; layer += step)
      axis.ticks.push_back({position(layer), std::to_string(layer), ""});
    if (places() > layers_) axis.ticks.push_back({position(layers_), "no layer", ""});
    return axis;
  }

  // Roles stand side by side within their layer, so that intervals do not cover each other.
  PixelPoint at(const SensitivityPoint& point, std::size_t role, double value) const {
    const double place_width = (plot_.right - plot_.left) / static_cast<double>(places());
    const double spread = std::min(0.6 * place_width, 12.0 * static_cast<double>(roles_.size()));
    const std::vector<std::string>& beside = point.layer ? roles_ : roles_outside_;
    const auto index = static_cast<double>(std::ranges::find(beside, roles_[role]) - beside.begin());
    const double offset = beside.size() < 2 ? 0 : index / static_cast<double>(beside.size() - 1) - 0.5;
    return {plot_.left + position(point.layer.value_or(layers_)) * (plot_.right - plot_.left) + offset * spread,
            plot_.bottom - std::clamp(y_.position(value), 0.0, 1.0) * (plot_.bottom - plot_.top)};
  }

  void draw_role(std::size_t role) {
    const std::string colour = fmt::format("c{}", role % family_colours);
    std::vector<PixelPoint> line;
    for (const SensitivityPoint& point : points_)
      if (point.role == roles_[role] && point.layer) line.push_back(at(point, role, point.kld.mean));
    for (std::size_t next = 1; next < line.size(); ++next) svg_.line(line[next - 1], line[next], "leader " + colour);
    for (const SensitivityPoint& point : points_) {
      if (point.role != roles_[role]) continue;
      const PixelPoint lower = at(point, role, std::max(point.kld.lower, 1e-300)),
                       upper = at(point, role, point.kld.upper);
      svg_.line(lower, upper, "interval " + colour);
      draw_mark(svg_, at(point, role, point.kld.mean),
                {role, colour,
                 fmt::format("{} in {}: KL divergence {:.3g} nats (95 %: {:.3g} to {:.3g})", point.name,
                             sensitivity_.probe, point.kld.mean, point.kld.lower, point.kld.upper)});
    }
  }

  const Sensitivity& sensitivity_;
  std::vector<SensitivityPoint> points_;
  std::vector<std::string> roles_, roles_outside_;  // of all tensors; of those of no layer
  std::size_t layers_ = 0;
  Axis y_;
  Legend legend_;
  Box plot_;
  SvgDocument svg_;
};

}  // namespace

std::vector<Drawing> render_sensitivity(const Sensitivity& sensitivity, Placement placement) {
  std::vector<Drawing> drawings;
  std::vector<SensitivityPoint> points = points_of(sensitivity);
  if (points.size() > 1)
    drawings.push_back({"sensitivity", "Sensitivity of each tensor along the layers",
                        SensitivityChart(sensitivity, std::move(points), placement).draw()});
  const HeatMap map = sensitivity_map(sensitivity);
  if (const auto scale = scale_of({map}))
    drawings.push_back({"sensitivity_formats", map.title, render_heat_map(map, *scale, placement)});
  return drawings;
}

}  // namespace quantbench
