#include "kernels/cuda/resident_products.h"

#include <algorithm>

#include "core/error.h"
#include "kernels/cuda/gpu_session.h"

namespace quantbench {
namespace {

constexpr std::size_t most_working_bytes = std::size_t{1} << 30;

/// What tells weights from others at the same place; null where nothing does.
std::shared_ptr<const void> identity_of(const Tensor& weight) {
  return weight.source ? std::shared_ptr<const void>(weight.source) : weight.owner;
}

bool same(const std::weak_ptr<const void>& kept, const std::shared_ptr<const void>& identity) {
  return !kept.owner_before(identity) && !identity.owner_before(kept);
}

std::size_t bytes_of(const Tensor& weight) { return weight.format->tensor_bytes(weight.rows, weight.cols); }

}  // namespace

ResidentLimits resident_limits(const ProductDevice& device) {
  const std::size_t free = device.free_bytes();
  const std::size_t working = std::min(free / 8, most_working_bytes);
  return {free - 2 * working, working};
}

bool ResidentProducts::Resident::is(const Tensor& weight) const {
  const std::shared_ptr<const void> other = identity_of(weight);
  return rows == weight.rows && cols == weight.cols && format->id == weight.format->id &&
         (weight.source || place == weight.bytes.data()) && identified == (other != nullptr) && same(identity, other);
}

void ResidentProducts::multiply(MatrixView input, const Tensor& weight, std::span<float> output) {
  const DeviceWeights& on_device = resident(weight);
  const Op op = runs_on_gpu(op_, *weight.format) ? op_ : Op::matvec;
  const std::size_t most = rows_at_once(op, weight, input.rows);
  for (std::size_t first = 0; first < input.rows; first += most) {
    const std::size_t rows = std::min(most, input.rows - first);
    device_.multiply(op, on_device, {input.values.subspan(first * input.cols, rows * input.cols), rows, input.cols},
                     output.subspan(first * weight.rows, rows * weight.rows));
  }
}

const DeviceWeights& ResidentProducts::resident(const Tensor& weight) {
  const auto found = std::ranges::find_if(residents_, [&](const Resident& entry) { return entry.is(weight); });
  if (found != residents_.end()) {
    residents_.splice(residents_.begin(), residents_, found);
    return *found->on_device;
  }
  make_room(weight);
  const std::shared_ptr<const void> identity = identity_of(weight);
  residents_.push_front({weight.rows, weight.cols, weight.format, weight.bytes.data(), identity, identity != nullptr,
                         device_.upload(loaded(weight))});
  ++figures_.uploads;
  figures_.uploaded_bytes += bytes_of(weight);
  figures_.resident_bytes += bytes_of(weight);
  return *residents_.front().on_device;
}

void ResidentProducts::make_room(const Tensor& weight) {
  const std::size_t bytes = bytes_of(weight);
  if (bytes > limits_.weight_bytes)
    fail("tensor {} has {} bytes; {} has room for {} bytes of weights", weight.name, bytes, device_.device().name,
         limits_.weight_bytes);
  for (auto entry = residents_.begin(); entry != residents_.end();) {
    const auto next = std::next(entry);
    if (entry->is_gone()) drop(entry);
    entry = next;
  }
  for (; figures_.resident_bytes > limits_.weight_bytes - bytes; ++figures_.evictions) drop(residents_.begin());
}

void ResidentProducts::drop(std::list<Resident>::iterator entry) {
  figures_.resident_bytes -= entry->format->tensor_bytes(entry->rows, entry->cols);
  residents_.erase(entry);
}

/// As many as fit, all alike but for the last.
std::size_t ResidentProducts::rows_at_once(Op op, const Tensor& weight, std::size_t rows) const {
  std::size_t parts = 1;
  const auto rows_of_part = [&] { return (rows + parts - 1) / parts; };
  while (rows_of_part() > 1 && device_.working_bytes(op, weight, rows_of_part()) > limits_.working_bytes) parts *= 2;
  return rows_of_part();
}

}  // namespace quantbench
