#include "models/packed_checkpoints/stored_tensor.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>

#include "core/half.h"
#include "models/checkpoints/safetensors_types.h"

namespace quantbench {
namespace {

template <class T>
void put(StoredTensor& tensor, std::size_t index, T value) {
  std::memcpy(tensor.bytes.data() + index * sizeof(T), &value, sizeof(T));
}

}  // namespace

std::uint64_t StoredTensor::size_bytes() const {
  const SafetensorsType* const known = find_safetensors_type(type);
  if (known == nullptr || known->bits % 8 != 0) fail("tensor '{}': cannot be written with type {}", name, type);
  std::uint64_t size = known->bits / 8;
  for (const std::uint64_t dim : shape) size = checked_multiply(size, dim);
  return size;
}

void allocate(StoredTensor& tensor) { tensor.bytes.assign(tensor.size_bytes(), std::byte{0}); }

void put_f16(StoredTensor& tensor, std::size_t index, float value) { put(tensor, index, f32_to_f16(value)); }
void put_i32(StoredTensor& tensor, std::size_t index, std::int32_t value) { put(tensor, index, value); }
void put_i64(StoredTensor& tensor, std::size_t index, std::int64_t value) { put(tensor, index, value); }

void check_fits(const LayoutLimits& limits, const std::string& name, const PackedShape& shape) {
  if (std::ranges::find(limits.bits, shape.bits) == limits.bits.end())
    fail("tensor '{}': {} holds codes of {} bits, and these have {}", name, limits.layout, fmt::join(limits.bits, ", "),
         shape.bits);
  if (shape.scale_type != "F16")
    fail(
        "tensor '{}': {} holds scales in f16, and these are in f32; leave scale=f32 (and reference, which implies it) "
        "out of the method, or add scale=f16",
        name, limits.layout);
  if (shape.scale_per_tensor && !limits.scale_per_tensor)
    fail("tensor '{}': {} has a scale for each row at least, and this one has one for the tensor; use row or gN", name,
         limits.layout);
  if (shape.act_order && !limits.act_order)
    fail("tensor '{}': {} cannot say which group a column is of, and these groups are scattered", name, limits.layout);
  if (shape.rows % limits.rows_multiple != 0 || shape.cols % limits.cols_multiple != 0)
    fail(
        "tensor '{}': {} with {} bits holds rows in multiples of {} and columns in multiples of {}, and this is a "
        "matrix "
        "of {} x {}",
        name, limits.layout, shape.bits, limits.rows_multiple, limits.cols_multiple, shape.rows, shape.cols);
  if (limits.whole_groups && shape.group != 0 && shape.cols % shape.group != 0)
    fail("tensor '{}': {} holds whole groups, and groups of {} do not divide rows of {}", name, limits.layout,
         shape.group, shape.cols);
}

}  // namespace quantbench
