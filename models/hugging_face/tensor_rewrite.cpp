#include "models/hugging_face/tensor_rewrite.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "core/checked.h"
#include "core/error.h"
#include "quantizers/formats/registry.h"

namespace quantbench {
namespace {

std::size_t rows_of(const CheckpointTensor& tensor) {
  return checked_cast<std::size_t>(tensor.dims.size() == 1 ? tensor.dims[0] : tensor.row_count());
}

/// order[new row] = old row
std::vector<std::uint32_t> paired_rows(const CheckpointTensor& tensor, std::size_t heads, const std::string& file) {
  const std::size_t rows = rows_of(tensor), size = rows / heads;
  if (rows % heads != 0 || size % 2 != 0)
    fail("{}: tensor {} has {} rows, expected an even number for each of {} heads", file, tensor.name, rows, heads);
  std::vector<std::uint32_t> order;
  for (std::size_t head = 0; head < heads; ++head)
    for (std::size_t pair = 0; pair < size / 2; ++pair)
      for (const std::size_t half : {0, 1})
        order.push_back(static_cast<std::uint32_t>(head * size + half * (size / 2) + pair));
  return order;
}

std::vector<std::uint32_t> stacked_rows(const CheckpointTensor& tensor, std::size_t heads, const std::string& file) {
  const std::size_t rows = rows_of(tensor), size = rows / heads / 3;
  if (rows % (3 * heads) != 0)
    fail("{}: tensor {} has {} rows, expected equally many for queries, keys and values of {} heads", file, tensor.name,
         rows, heads);
  std::vector<std::uint32_t> order;
  for (std::size_t part = 0; part < 3; ++part)
    for (std::size_t head = 0; head < heads; ++head)
      for (std::size_t row = 0; row < size; ++row)
        order.push_back(static_cast<std::uint32_t>((head * 3 + part) * size + row));
  return order;
}

TensorData ordered(const Tensor& source, const std::vector<std::uint32_t>& order) {
  const Format& format = *source.format;
  const std::size_t header = format.header_bytes(source.rows, source.cols);
  if (header != 0 && !format.scale_per_tensor)
    fail("tensor {} is stored as {}, whose rows cannot be reordered", source.name, format.id);
  TensorData result(source.name, source.rows, source.cols, source.format);
  const std::size_t size = format.row_bytes(format, source.rows == 1 ? 1 : source.cols);
  const std::byte* const from = source.bytes.data() + header;
  std::byte* const to = result.row(0).row;
  if (header != 0) std::memcpy(result.row(0).header, source.bytes.data(), header);
  for (std::size_t row = 0; row < order.size(); ++row) std::memcpy(to + row * size, from + order[row] * size, size);
  return result;
}

/// In tiles, so that both sides stay in the cache.
template <class Number>
void transpose(const Tensor& source, TensorData& result) {
  constexpr std::size_t tile = 64;
  const auto* const from = reinterpret_cast<const Number*>(source.bytes.data());
  auto* const to = reinterpret_cast<Number*>(result.row(0).row);
  for (std::size_t first_row = 0; first_row < source.rows; first_row += tile)
    for (std::size_t first_col = 0; first_col < source.cols; first_col += tile)
      for (std::size_t col = first_col; col < std::min(first_col + tile, source.cols); ++col)
        for (std::size_t row = first_row; row < std::min(first_row + tile, source.rows); ++row)
          std::memcpy(to + col * source.rows + row, from + row * source.cols + col, sizeof(Number));
}

TensorData transposed(const Tensor& source) {
  TensorData result(source.name, source.cols, source.rows, source.format);
  source.format->id == "f32" ? transpose<std::uint32_t>(source, result) : transpose<std::uint16_t>(source, result);
  return result;
}

TensorData plus(const Tensor& source, float added) {
  TensorData result(source.name, source.rows, source.cols, find_format("f32"));
  for (std::size_t row = 0; row < source.rows; ++row) {
    const std::span<float> values(reinterpret_cast<float*>(result.row(row).row), source.cols);
    source.format->decode(*source.format, source.row(row), source.cols, 0, values);
    for (float& value : values) value += added;
  }
  return result;
}

/// Numbers that lie one by one, as permuting and transposing them needs.
void check_plain(const CheckpointTensor& tensor, const std::string& file) {
  const bool plain =
      tensor.format && (tensor.format->id == "f32" || tensor.format->id == "f16" || tensor.format->id == "bf16");
  if (!plain) fail("{}: tensor {} is of type {}, expected F32, F16 or BF16", file, tensor.name, tensor.type_name);
}

}  // namespace

CheckpointTensor rewritten(const CheckpointTensor& tensor, const TensorRewrite& rewrite, std::string name,
                           const std::string& file) {
  CheckpointTensor result = tensor;
  result.name = std::move(name);
  auto origin = std::make_shared<TensorOrigin>();
  origin->name = tensor.name;
  const bool packed = tensor.make != nullptr;
  const auto make_from = [&](auto function) {
    result.make = [tensor, function] { return function(tensor.tensor()); };
    if (!packed) result.sources = {tensor.bytes};
    result.bytes = {};
  };
  if (rewrite.rotated_heads > 0 || rewrite.fused_heads > 0) {
    if (!packed) check_plain(tensor, file);
    origin->row_order = rewrite.rotated_heads > 0 ? paired_rows(tensor, rewrite.rotated_heads, file)
                                                  : stacked_rows(tensor, rewrite.fused_heads, file);
    make_from([origin](const Tensor& source) { return ordered(source, origin->row_order); });
  } else if (rewrite.transposed && !packed && tensor.dims.size() == 2) {
    check_plain(tensor, file);
    origin->transposed = true;
    std::swap(result.dims[0], result.dims[1]);
    make_from(transposed);
  } else if (rewrite.added != 0) {
    check_plain(tensor, file);
    origin->added = rewrite.added;
    make_from([added = rewrite.added](const Tensor& source) { return plus(source, added); });
    result.format = find_format("f32");
    result.gguf_type = *result.format->gguf_type;
    result.type_name = "F32";
  }
  result.origin = std::move(origin);
  return result;
}

}  // namespace quantbench
