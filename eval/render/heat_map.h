// Heat maps: figures by row and column, coloured by their size. As SVG for files; as an HTML table for the page, where the figures
// can be read by everybody.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eval/render/render.h"

namespace quantbench {

struct HeatCell {
  double value = 0;
  std::string text;     // in the cell
  std::string tooltip;  // all that is known of it
};

struct HeatMap {
  std::string title, subtitle;
  std::string row_title, column_title;
  std::string unit;  // of the values: "relative RMSE %"
  std::vector<std::string> rows, columns;
  std::vector<std::vector<std::optional<HeatCell>>> cells;  // (rows, columns)
};

struct HeatScale {
  double low = 0, high = 0;  // low > 0
};

/// Of the positive values. Nothing when there is none.
std::optional<HeatScale> scale_of(const std::vector<HeatMap>& maps);
/// The colour of a value: steps of equal ratio from `low` to `high`; the first also for what is not positive.
std::size_t heat_step(double value, HeatScale scale);
/// The least value of each step, and after them the greatest of the last.
std::vector<double> step_bounds(HeatScale scale);

/// What the tensor is in its layer: "attn_v" of "blk.3.attn_v.weight"; the name without ".weight" outside of layers.
std::string role_text(std::string_view tensor_name);

/// A layer for each row and a role for each column; tensors of no layer are in a last row. Relative RMSE in percent.
HeatMap tensor_error_map(const CellReport& cell);
/// A tensor for each row and a format for each column, those of fewest bits first: 1e-6 nats.
HeatMap sensitivity_map(const Sensitivity& sensitivity);

/// Three digits, as many in every cell: "0.0537", "14.0", "1240".
std::string three_digits(double value);

std::string render_heat_map(const HeatMap& map, HeatScale scale, Placement placement);
/// A `<table>`; each cell has the classes aK and bK: its steps on the scale that all maps share and on the map's own.
std::string heat_table(const HeatMap& map, HeatScale shared, HeatScale own);

}  // namespace quantbench
