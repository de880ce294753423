#include "quantizers/formats/integer_rows.h"

#include "core/error.h"
#include "quantizers/formats/all.h"

namespace quantbench {
namespace {

template <class F>
concept IsInteger = requires {
  F::symmetric;
};

template <class F>
int level_of(const formats::BlockView& block, int i) {
  return i < block.weights / 32 * 32 ? F::template levels<formats::OneLane>(block.codes, i)
                                     : F::tail_level(block.codes, i, block.weights);
}

template <class F>
void read_row(const Tensor& tensor, std::size_t row, IntegerRow& out) {
  const formats::RowShape shape = F::shape(*tensor.format, tensor.cols);
  for (std::size_t group = 0; group < out.scales.size(); ++group) {
    const formats::BlockView block = F::block_at(shape, tensor.row(row), group);
    const Affine affine = F::affine(block.affine, 0);
    out.scales[group] = affine.scale;
    out.zeros[group] = static_cast<std::int8_t>(F::symmetric ? 0 : F::zero_point(affine));
    for (int i = 0; i < block.weights; ++i)
      out.levels[block.begin + static_cast<std::size_t>(i)] = static_cast<std::int8_t>(level_of<F>(block, i));
  }
}

}  // namespace

std::optional<IntegerKind> integer_kind(const Format& format) {
  std::optional<IntegerKind> kind;
  formats::for_each_format([&]<class F>(std::size_t layout) {
    if constexpr (IsInteger<F>)
      if (layout == format.layout)
        kind = IntegerKind{F::bits, F::symmetric, std::is_same_v<typename F::Scale, formats::FloatScale>};
  });
  return kind;
}

void read_integer_row(const Tensor& tensor, std::size_t row, IntegerRow& out) {
  out.levels.resize(tensor.cols);
  out.scales.resize(tensor.format->groups_of_row(tensor.cols));
  out.zeros.resize(out.scales.size());
  bool found = false;
  formats::for_each_format([&]<class F>(std::size_t layout) {
    if constexpr (IsInteger<F>) {
      if (layout != tensor.format->layout) return;
      found = true;
      read_row<F>(tensor, row, out);
    }
  });
  if (!found) fail("tensor '{}' is stored as {}, expected an integer format", tensor.name, tensor.format->id);
}

void write_integer_row(const IntegerRow& parts, std::size_t row, TensorData& tensor) {
  const Format& format = *tensor.view().format;
  std::vector<Affine> affines(parts.scales.size());
  for (std::size_t group = 0; group < affines.size(); ++group) {
    const float scale = parts.scales[group];
    affines[group] = {scale, format.has_offset ? -(scale * static_cast<float>(parts.zeros[group])) : 0};
  }
  MutableRowBytes out = tensor.row(row);
  if (row != 0) out.header = nullptr;
  format.pack(format, affines, parts.levels, out);
}

}  // namespace quantbench
