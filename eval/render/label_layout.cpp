#include "eval/render/label_layout.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace quantbench {
namespace {

/// Boxes around the marker, nearest first; on each ring to the right, left, above and below before the diagonals.
std::vector<Box> candidates(const LabelRequest& request, double marker_radius) {
  constexpr std::array eighths_of_turn = {0, 4, 6, 2, 7, 1, 5, 3};
  constexpr std::array distances = {4.0, 10.0, 18.0, 28.0, 40.0, 54.0};
  std::vector<Box> boxes;
  for (const double distance : distances) {
    for (const int eighth : eighths_of_turn) {
      const double angle = eighth * std::numbers::pi / 4;
      const double reach = marker_radius + distance;
      const double x = request.anchor.x + std::cos(angle) * (reach + request.width / 2);
      const double y = request.anchor.y + std::sin(angle) * (reach + request.height / 2);
      boxes.push_back({x - request.width / 2, y - request.height / 2, x + request.width / 2, y + request.height / 2});
    }
  }
  return boxes;
}

Box marker_box(PixelPoint centre, double radius) {
  return {centre.x - radius, centre.y - radius, centre.x + radius, centre.y + radius};
}

}  // namespace

std::vector<std::optional<Box>> place_labels(const std::vector<LabelRequest>& requests, const LabelLayout& layout) {
  std::vector<Box> taken = layout.blocked;
  for (const LabelRequest& request : requests) taken.push_back(marker_box(request.anchor, layout.marker_radius));
  std::vector<std::optional<Box>> placed;
  for (const LabelRequest& request : requests) {
    const auto boxes = candidates(request, layout.marker_radius);
    const auto free = std::ranges::find_if(boxes, [&](const Box& box) {
      return layout.plot.contains(box) &&
             std::ranges::none_of(taken, [&](const Box& other) { return other.overlaps(box); });
    });
    placed.push_back(free == boxes.end() ? std::nullopt : std::optional<Box>(*free));
    if (free != boxes.end()) taken.push_back(*free);
  }
  return placed;
}

}  // namespace quantbench
