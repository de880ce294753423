// Which figures of a report make heat maps.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <string_view>

#include "eval/render/heat_map.h"
#include "quantizers/allocation/tensor_role.h"

namespace quantbench {
namespace {

constexpr const char* no_layer = "no layer";

std::string row_of(std::string_view name) {
  const auto layer = layer_of(name);
  return layer ? std::to_string(*layer) : no_layer;
}

std::size_t index_in(std::vector<std::string>& names, const std::string& name) {
  const auto known = std::ranges::find(names, name);
  if (known != names.end()) return static_cast<std::size_t>(known - names.begin());
  names.push_back(name);
  return names.size() - 1;
}

// Layers by number, then the row of those without.
std::vector<std::string> rows_of(const std::vector<TensorReport>& tensors) {
  std::map<std::size_t, std::string> layers;
  bool outside = false;
  for (const TensorReport& tensor : tensors) {
    if (const auto layer = layer_of(tensor.name))
      layers[*layer] = std::to_string(*layer);
    else
      outside = true;
  }
  std::vector<std::string> rows;
  for (const auto& [number, text] : layers) rows.push_back(text);
  if (outside) rows.emplace_back(no_layer);
  return rows;
}

HeatCell cell_of(const TensorReport& tensor) {
  const double percent = 100 * tensor.relative_rmse;
  std::string tooltip = fmt::format("{}: {} %, {}, {:.3f} bits, {} × {}", tensor.name, three_digits(percent),
                                    tensor.format, tensor.bits_per_weight, tensor.rows, tensor.cols);
  if (tensor.rate_distortion_db) tooltip += fmt::format(", {:.2f} dB", *tensor.rate_distortion_db);
  if (!tensor.fallback.empty()) tooltip += "; instead: " + tensor.fallback;
  return {percent, three_digits(percent), tooltip};
}

std::string interval_text(const MeasuredDivergence& kld) {
  return fmt::format("KL divergence {:.3g} nats (95 %: {:.3g} to {:.3g})", kld.mean, kld.lower, kld.upper);
}

struct SensitivityColumn {
  std::string format;
  double bits_per_weight = 0;
};

std::vector<SensitivityColumn> columns_of(const Sensitivity& sensitivity) {
  std::vector<SensitivityColumn> columns;
  for (const TensorSensitivity& tensor : sensitivity.tensors)
    for (const FormatSensitivity& format : tensor.formats)
      if (std::ranges::find(columns, format.format, &SensitivityColumn::format) == columns.end())
        columns.push_back(
            {format.format, 8 * static_cast<double>(format.bytes) / static_cast<double>(tensor.weights())});
  std::ranges::stable_sort(columns, {}, &SensitivityColumn::bits_per_weight);
  return columns;
}

}  // namespace

std::string role_text(std::string_view tensor_name) {
  constexpr std::string_view ending = ".weight";
  std::string text(tensor_name.substr(0, tensor_name.size() - (tensor_name.ends_with(ending) ? ending.size() : 0)));
  const auto layer = layer_of(tensor_name);
  if (!layer) return text;
  const std::string number = fmt::format(".{}.", *layer);
  const std::size_t at = text.find(number);
  return at == std::string::npos ? text : text.substr(at + number.size());
}

HeatMap tensor_error_map(const CellReport& cell) {
  HeatMap map;
  map.title = "Error of each tensor: " + cell.method;
  map.subtitle = "relative RMSE in percent, layer by role";
  map.row_title = "layer";
  map.column_title = "role";
  map.unit = "relative RMSE %";
  map.rows = rows_of(cell.tensors);
  for (const TensorReport& tensor : cell.tensors) index_in(map.columns, role_text(tensor.name));
  map.cells.assign(map.rows.size(), std::vector<std::optional<HeatCell>>(map.columns.size()));
  for (const TensorReport& tensor : cell.tensors)
    map.cells[index_in(map.rows, row_of(tensor.name))][index_in(map.columns, role_text(tensor.name))] = cell_of(tensor);
  return map;
}

HeatMap sensitivity_map(const Sensitivity& sensitivity) {
  HeatMap map;
  map.title = "Sensitivity of each tensor";
  map.subtitle = "KL divergence, 1e-6 nats, when this tensor alone is quantized";
  map.row_title = "tensor";
  map.column_title = "format";
  map.unit = "1e-6 nats";
  const std::vector<SensitivityColumn> columns = columns_of(sensitivity);
  for (const SensitivityColumn& column : columns) map.columns.push_back(column.format);
  for (const TensorSensitivity& tensor : sensitivity.tensors) {
    map.rows.push_back(tensor.name);
    auto& row = map.cells.emplace_back();
    for (const SensitivityColumn& column : columns) {
      const FormatSensitivity* format = tensor.find(column.format);
      auto& cell = row.emplace_back();
      if (format == nullptr || !format->kld) continue;
      constexpr double shown_unit = 1e-6;
      cell = HeatCell{format->kld->mean / shown_unit, three_digits(format->kld->mean / shown_unit),
                      fmt::format("{} as {} ({:.3f} bits per weight): {}", tensor.name, column.format,
                                  column.bits_per_weight, interval_text(*format->kld))};
    }
  }
  return map;
}

std::vector<Drawing> render_tensor_errors(const Report& report, Placement placement) {
  std::vector<Drawing> drawings;
  std::size_t number = 0;
  for (const CellReport& cell : report.cells) {
    ++number;
    const HeatMap map = tensor_error_map(cell);
    const auto scale = scale_of({map});
    if (!scale) continue;  // f32: no error
    std::string name = fmt::format("{:03}_{}", number, cell.method);
    std::ranges::replace_if(
        name, [](unsigned char c) { return std::isalnum(c) == 0 && c != '_' && c != '-' && c != '.'; }, '_');
    drawings.push_back({"tensor_error/" + name, map.title, render_heat_map(map, *scale, placement)});
  }
  return drawings;
}

}  // namespace quantbench
