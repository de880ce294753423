// Percent of peak as bars: one drawing for each op and number of threads, one row for each format.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "eval/render/axis.h"
#include "eval/render/chart_style.h"
#include "eval/render/legend.h"
#include "eval/render/render.h"

namespace quantbench {
namespace {

using Bars = std::vector<const ThroughputReport*>;  // of one format, by shape

struct BarGroup {
  std::string op, peak;
  int threads = 1;
  std::vector<std::string> shapes;                    // in order of appearance
  std::vector<std::pair<std::string, Bars>> formats;  // the nearest to the peak first
  double greatest = 0;                                // percent
};

// Of "op/format/isa".
std::pair<std::string, std::string> op_and_format(const std::string& id) {
  const std::size_t first = id.find('/'), last = id.rfind('/');
  if (first == std::string::npos) return {id, id};
  return {id.substr(0, first), last == first ? id.substr(first + 1) : id.substr(first + 1, last - first - 1)};
}

template <class Key, class Value>
Value& entry_of(std::vector<std::pair<Key, Value>>& entries, const Key& key) {
  const auto known = std::ranges::find(entries, key, &std::pair<Key, Value>::first);
  return known == entries.end() ? entries.emplace_back(key, Value{}).second : known->second;
}

double best_of(const Bars& bars) {
  double best = 0;
  for (const ThroughputReport* bar : bars) best = std::max(best, bar->percent_of_peak);
  return best;
}

std::vector<BarGroup> groups_of(const Report& report) {
  std::vector<std::pair<std::pair<std::string, int>, BarGroup>> groups;
  for (const ThroughputReport& kernel : report.kernels) {
    if (!(kernel.percent_of_peak > 0)) continue;
    const auto [op, format] = op_and_format(kernel.id);
    BarGroup& group = entry_of(groups, {op, kernel.threads});
    group.op = op;
    group.peak = kernel.peak;
    group.threads = kernel.threads;
    if (std::ranges::find(group.shapes, kernel.shape) == group.shapes.end()) group.shapes.push_back(kernel.shape);
    entry_of(group.formats, format).push_back(&kernel);
    group.greatest = std::max(group.greatest, kernel.percent_of_peak);
  }
  std::vector<BarGroup> sorted;
  for (auto& [key, group] : groups) {
    std::ranges::stable_sort(group.formats,
                             [](const auto& a, const auto& b) { return best_of(a.second) > best_of(b.second); });
    sorted.push_back(std::move(group));
  }
  return sorted;
}

std::string name_of_peak(const std::string& peak) {
  const std::map<std::string, std::string> names{{"read_bandwidth", "the bandwidth of reading memory"},
                                                 {"f32_fma", "the multiply-adds of f32"},
                                                 {"int8_dot", "the multiply-adds of bytes"},
                                                 {"bf16_dot", "the multiply-adds of bf16"}};
  const auto known = names.find(peak);
  return known == names.end() ? peak : known->second;
}

class BarChart {
 public:
  BarChart(const BarGroup& group, Placement placement)
      : group_(group),
        legend_(entries(), margin, width - margin),
        row_height_(bar_height * static_cast<double>(group.shapes.size()) + 5),
        plot_{left_of_plot(), 76 + legend_.extra_height(), width - 56,
              80 + legend_.extra_height() + row_height_ * static_cast<double>(group.formats.size())},
        svg_(width, plot_.bottom + 44, chart_style_sheet(placement), title(),
             fmt::format("Percent of {} that {} formats reach", name_of_peak(group.peak), group.formats.size())) {}

  std::string title() const { return fmt::format("{}: percent of peak", group_.op); }

  std::string draw() {
    svg_.rectangle({0, 0}, width, plot_.bottom + 44, "background");
    svg_.text({margin, 24}, title(), "title");
    svg_.text({margin, 42},
              fmt::format("of {}, {} thread{}; lines: p10 to p90", name_of_peak(group_.peak), group_.threads,
                          group_.threads == 1 ? "" : "s"),
              "muted");
    legend_.draw(svg_, 60);
    draw_scale();
    double top = plot_.top + 4;
    for (const auto& [format, bars] : group_.formats) {
      svg_.text({plot_.left - 8, top + (row_height_ - 5) / 2 + 4}, format, "label", TextAnchor::end);
      draw_bars(format, bars, top);
      top += row_height_;
    }
    return svg_.finish();
  }

 private:
  static constexpr double width = 620, margin = 16, bar_height = 11;

  double left_of_plot() const {
    std::size_t longest = 4;
    for (const auto& [format, bars] : group_.formats) longest = std::max(longest, display_width(format));
    return std::min(margin + 10 + label_font_width * static_cast<double>(longest), 260.0);
  }
  double most() const { return std::max(100.0, group_.greatest * 1.04); }
  double x_of(double percent) const {
    return plot_.left + std::min(percent / most(), 1.0) * (plot_.right - plot_.left);
  }

  std::vector<LegendEntry> entries() const {
    std::vector<LegendEntry> entries;
    for (std::size_t shape = 0; shape < group_.shapes.size(); ++shape)
      entries.push_back({group_.shapes[shape], 20, [shape](SvgDocument& svg, PixelPoint left) {
                           svg.rectangle({left.x, left.y - 5}, 14, 10, fmt::format("c{}", shape % family_colours));
                         }});
    return entries;
  }

  void draw_scale() {
    for (int percent = 0; percent <= static_cast<int>(most()); percent += most() > 200 ? 50 : 20) {
      const double x = x_of(percent);
      svg_.line({x, plot_.top}, {x, plot_.bottom}, percent == 100 ? "reference" : "grid");
      svg_.text({x, plot_.bottom + 16}, fmt::format("{}", percent), "muted", TextAnchor::middle);
    }
    svg_.text({(plot_.left + plot_.right) / 2, plot_.bottom + 36}, "percent of peak", "axis", TextAnchor::middle);
  }

  void draw_bars(const std::string& format, const Bars& bars, double top) {
    for (const ThroughputReport* bar : bars) {
      const auto shape = static_cast<std::size_t>(std::ranges::find(group_.shapes, bar->shape) - group_.shapes.begin());
      const double y = top + bar_height * static_cast<double>(shape);
      const std::string text = fmt::format("{} {}: {:.1f} % of peak, {:.2f} GB/s, {:.2f} GFLOP/s, median {:.4g} ms",
                                           format, bar->shape, bar->percent_of_peak, bar->bytes_per_second / 1e9,
                                           bar->flops_per_second / 1e9, bar->seconds_median * 1e3);
      svg_.rectangle({plot_.left, y}, x_of(bar->percent_of_peak) - plot_.left, bar_height - 2,
                     fmt::format("c{}", shape % family_colours), text);
      const double end = draw_spread(*bar, y + (bar_height - 2) / 2);
      svg_.text({end + 5, y + bar_height - 2}, fmt::format("{:.0f}", bar->percent_of_peak), "label");
    }
  }

  // The percentages at the 10th and 90th percentile of the time. Gives where the bar and its line end.
  double draw_spread(const ThroughputReport& bar, double y) {
    const double end = x_of(bar.percent_of_peak);
    if (!(bar.seconds_p10 > 0) || !(bar.seconds_p90 > 0)) return end;
    const double slow = x_of(bar.percent_of_peak * bar.seconds_median / bar.seconds_p90);
    const double fast = x_of(bar.percent_of_peak * bar.seconds_median / bar.seconds_p10);
    svg_.line({slow, y}, {fast, y}, "ring");
    return std::max(end, fast);
  }

  const BarGroup& group_;
  Legend legend_;
  double row_height_;
  Box plot_;
  SvgDocument svg_;
};

}  // namespace

std::vector<Drawing> render_peak_bars(const Report& report, Placement placement) {
  std::vector<Drawing> drawings;
  for (const BarGroup& group : groups_of(report)) {
    BarChart chart(group, placement);
    drawings.push_back(
        {fmt::format("percent_of_peak_{}_{}_threads", group.op, group.threads), chart.title(), chart.draw()});
  }
  return drawings;
}

}  // namespace quantbench
