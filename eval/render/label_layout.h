// Where the labels of a scatter plot go so that none covers another, or a marker.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "eval/render/svg.h"

namespace quantbench {

struct Box {
  double left = 0, top = 0, right = 0, bottom = 0;
  bool operator==(const Box&) const = default;
  bool overlaps(const Box& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
  bool contains(const Box& other) const {
    return left <= other.left && top <= other.top && right >= other.right && bottom >= other.bottom;
  }
};

struct LabelRequest {
  PixelPoint anchor;  // centre of the marker
  double width = 0, height = 0;
};

struct LabelLayout {
  Box plot;  // labels stay inside
  double marker_radius = 5;
  std::vector<Box> blocked;  // other things that labels must not cover
};

/// For each request, in order of precedence, the box of its label; empty when there is no room.
std::vector<std::optional<Box>> place_labels(const std::vector<LabelRequest>& requests, const LabelLayout& layout);

}  // namespace quantbench
