#include "kernels/cpu/repacked.h"

#include <algorithm>
#include <cmath>

#include "core/checked.h"
#include "core/error.h"
#include "core/parallel.h"
#include "kernels/cpu/int8_kernels.h"
#include "kernels/cpu/int8_repacked.h"

namespace quantbench {
namespace {

constexpr std::size_t runs_of_unit = repacked_unit / Int8Activations::run;

/// One unit of a band before it is repacked.
struct UnitOfRows {
  const std::byte* blocks[band_rows] = {};  // the first block of each row in the unit; null behind the last row
  std::size_t columns = 0;                  // of the unit: whole blocks
  std::uint8_t codes[band_rows][repacked_unit] = {};  // level - level_min
};

/// What a stored integer scale was multiplied with. Products of d with such integers are exact, so the quotient is. Where d is zero or
/// not finite any other multiple than zero gives the same: zero, or something not finite.
int multiple_of(float scale, float d) {
  const float ratio = scale / d;
  return std::isfinite(ratio) ? static_cast<int>(std::lround(ratio)) : 1;
}

template <class F>
class UnitRepacking {
  using R = repacked::Layout<F>;
  using Scales = repacked::Scales;

 public:
  UnitRepacking(const UnitOfRows& rows, std::byte* unit) : rows_(rows), unit_(unit) {}

  void run() const {
    for (std::size_t row = 0; row < band_rows && rows_.blocks[row] != nullptr; ++row) {
      if constexpr (R::multiples) write_units(row);
      for (std::size_t group = 0; group * R::group < rows_.columns; ++group) write_scale(row, group);
      if constexpr (R::octet_shifts) write_shifts(row);
      for (std::size_t column = 0; column < rows_.columns; ++column) write_code(row, column);
    }
  }

 private:
  const std::byte* block_of(std::size_t row, std::size_t group) const {
    return rows_.blocks[row] + group * R::group / F::block * F::block_bytes;
  }

  void write_units(std::size_t row) const {
    formats::HalfScale::store(unit_ + 2 * row, R::d(rows_.blocks[row]));
    if constexpr (R::has_offset) formats::HalfScale::store(unit_ + R::row_values + 2 * row, R::dmin(rows_.blocks[row]));
  }

  void write_scale(std::size_t row, std::size_t group) const {
    const std::byte* const block = block_of(row, group);
    const Affine affine = F::affine(block, static_cast<int>(group * R::group % F::block / R::group));
    std::byte* const scales = unit_ + R::scales_at;
    if constexpr (R::scales == Scales::halves) {
      formats::HalfScale::store(scales + group * R::row_values + 2 * row, affine.scale);
      if constexpr (R::has_offset)
        formats::HalfScale::store(scales + (R::groups + group) * R::row_values + 2 * row, affine.offset);
      return;
    }
    if constexpr (R::scales == Scales::odd_nibbles) {
      const int s = multiple_of(affine.scale, R::d(block) * R::factor / 2) / 2;
      scales[group / 2 * band_rows + row] |= static_cast<std::byte>(s << group % 2 * 4);
    } else if constexpr (R::multiples) {
      const int multiple = multiple_of(affine.scale, R::d(block));
      const int of_offset = R::has_offset ? multiple_of(-affine.offset, R::dmin(block)) : 0;
      if constexpr (R::scales == Scales::bytes) scales[group * band_rows + row] = static_cast<std::byte>(multiple);
      if constexpr (R::scales == Scales::nibbles)
        scales[group * band_rows + row] = static_cast<std::byte>(multiple | of_offset << 4);
      if constexpr (R::scales == Scales::sixes) {
        write_six(scales, row, static_cast<int>(group), multiple);
        write_six(scales, row, 8 + static_cast<int>(group), of_offset);
      }
    }
  }

  static void write_six(std::byte* words, std::size_t row, int index, int six) {
    const auto add = [&](int word, std::uint32_t bits) {
      std::byte* const p = words + 4 * (band_rows * static_cast<std::size_t>(word) + row);
      formats::store_u32(p, formats::load_u32(p) | bits);
    };
    const auto bits = static_cast<std::uint32_t>(six);
    if (index == repacked::six_in_upper_bits) {
      for (int word = 0; word < 3; ++word) add(word, (bits >> (2 * word) & 3) << 30);
    } else {
      const repacked::PlaceOfSix place = repacked::place_of_six(index);
      add(place.word, bits << place.shift);
    }
  }

  /// IQ1: level - level_min is 8 * entry, or two more where the octet is shifted up.
  void write_shifts(std::size_t row) const {
    for (std::size_t octet = 0; octet < rows_.columns / 8; ++octet)
      if (rows_.codes[row][8 * octet] % 8 == 0)
        unit_[R::shifts_at + 2 * octet + row / 8] |= static_cast<std::byte>(1 << row % 8);
  }

  static constexpr std::array<std::uint8_t, 256> codes_of_levels = [] {
    std::array<std::uint8_t, 256> codes{};
    for (int level = 0; level < 256; ++level)
      for (int code = 0; code < 1 << R::bits; ++code)
        if (R::byte_of(code) == (R::octet_shifts ? level / 8 * 8 : level))
          codes[static_cast<std::size_t>(level)] = static_cast<std::uint8_t>(code);
    return codes;
  }();

  void write_code(std::size_t row, std::size_t column) const {
    const unsigned code = codes_of_levels[rows_.codes[row][column]];
    std::byte* const run = unit_ + R::codes_at + column / 32 * R::run_bytes + 4 * row + column % 4;
    for (const repacked::Place& place : R::places(static_cast<int>(column % 32 / 4)))
      run[64 * place.reg] |= static_cast<std::byte>((code >> place.from & ((1u << place.bits) - 1)) << place.shift);
  }

  const UnitOfRows& rows_;
  std::byte* unit_;
};

using RepackUnit = void (*)(const UnitOfRows& rows, std::byte* unit);

template <class F>
constexpr RepackUnit repack_unit() {
  if constexpr (repacked::exists<F>)
    return [](const UnitOfRows& rows, std::byte* unit) { UnitRepacking<F>(rows, unit).run(); };
  else
    return nullptr;
}

template <class... F>
RepackUnit repack_unit_of(std::size_t layout, formats::List<F...>) {
  static constexpr RepackUnit table[] = {repack_unit<F>()...};
  return table[layout];
}

const RepackedKernels* table_of([[maybe_unused]] Isa isa) {
  if (isa == Isa::scalar) return repacked_kernels_scalar();
#if defined(__x86_64__)
  if (isa == Isa::avx512 && has_avx512_byte_products()) return repacked_kernels_avx512();
#endif
  return nullptr;
}

const RepackedKernels& kernels_of(const Format& format, Isa isa) {
  require_isa(isa);
  if (!is_repacked(format, isa)) fail("{}: weights are not repacked for {}", format.id, to_string(isa));
  return table_of(isa)[format.layout];
}

std::size_t units_of(std::size_t cols) { return divide_up(cols, repacked_unit); }

/// The repacking of one band at a time.
class BandRepacking {
 public:
  explicit BandRepacking(const Tensor& weights)
      : weights_(weights),
        unpack_(int8_kernels(*weights.format, Isa::scalar)),
        repack_(repack_unit_of(weights.format->layout, formats::All{})),
        unit_bytes_(kernels_of(*weights.format, Isa::scalar).unit_bytes) {}

  /// `out`: zeros.
  void run(std::size_t band, std::byte* out) const {
    for (std::size_t begin = 0; begin < weights_.cols; begin += repacked_unit, out += unit_bytes_) {
      const UnitOfRows rows = load(band, begin);
      repack_(rows, out);
    }
  }

 private:
  UnitOfRows load(std::size_t band, std::size_t begin) const {
    const Format& format = *weights_.format;
    UnitOfRows rows;
    rows.columns = std::min(repacked_unit, weights_.cols - begin);
    for (std::size_t i = 0; i < band_rows && band * band_rows + i < weights_.rows; ++i) {
      const RowBytes row = weights_.row(band * band_rows + i);
      rows.blocks[i] = row.row + format.row_bytes(format, begin);
      float scales[16], offsets[16];  // not used: the stored ones are wanted
      unpack_.unpack({&format, row, weights_.cols, begin, rows.columns}, {rows.codes[i], scales, offsets});
    }
    return rows;
  }

  const Tensor& weights_;
  const Int8Kernels& unpack_;
  RepackUnit repack_;
  std::size_t unit_bytes_;
};

/// What repacked products read of the activations: whole units.
class UnitActivations {
 public:
  UnitActivations(const Int8Activations& x, const RepackedKernels& kernels)
      : units_(divide_up(x.runs, runs_of_unit)),
        group_(static_cast<std::size_t>(kernels.group)),
        values_(checked_multiply(x.rows, units_ * repacked_unit)),
        scales_(x.rows * units_ * runs_of_unit),
        sums_(values_.size() / group_),
        starts_(sums_.size()),
        octets_(values_.size() / 8) {
    for (std::size_t row = 0; row < x.rows; ++row) {
      const auto values = x.values.begin() + static_cast<std::ptrdiff_t>(row * x.runs * Int8Activations::run);
      std::copy_n(values, x.runs * Int8Activations::run, values_.data() + row * units_ * repacked_unit);
      std::copy_n(x.scales.data() + row * x.runs, x.runs, scales_.data() + row * units_ * runs_of_unit);
    }
    if (kernels.octet_shifts)
      for (std::size_t octet = 0; octet < octets_.size(); ++octet) octets_[octet] = 2 * sum_of(8 * octet, 8);
    for (std::size_t group = 0; group < sums_.size(); ++group) {
      const std::int32_t sum = sum_of(group * group_, group_);
      starts_[group] = kernels.base * sum;
      sums_[group] = scales_[group * group_ / Int8Activations::run] * static_cast<float>(sum);
    }
  }

  RepackedVectors from(std::size_t row) const {
    const std::size_t values = row * units_ * repacked_unit;
    return {values_.data() + values,        scales_.data() + values / Int8Activations::run,
            sums_.data() + values / group_, starts_.data() + values / group_,
            octets_.data() + values / 8,    units_};
  }

 private:
  std::int32_t sum_of(std::size_t first, std::size_t count) const {
    std::int32_t sum = 0;
    for (std::size_t i = first; i < first + count; ++i) sum += values_[i];
    return sum;
  }

  std::size_t units_, group_;
  std::vector<std::int8_t> values_;
  std::vector<float> scales_, sums_;
  std::vector<std::int32_t> starts_, octets_;
};

struct BandRange {
  std::size_t first, count;
};

void multiply_bands(const RepackedProduct& product, const BandRange& bands, const RepackedKernels& kernels,
                    const UnitActivations& x, const BandOutputs& out) {
  const RepackedTensor& weights = *product.weights;
  const std::byte* const bytes = weights.bytes.data() + bands.first * units_of(weights.cols) * kernels.unit_bytes;
  for (std::size_t done = 0; done < product.batch;) {
    const std::size_t vectors = product.batch - done >= 4 ? 4 : 1;
    (vectors == 4 ? kernels.dot4 : kernels.dot)(bytes, x.from(done),
                                                {out.first + done * out.stride, out.stride, bands.count});
    done += vectors;
  }
}

/// Whole bands, their weights read from memory once: what one call of a kernel does not multiply by all vectors goes band by band.
void multiply_whole_bands(const RepackedProduct& product, const BandRange& bands, const RepackedKernels& kernels,
                          const UnitActivations& x) {
  const bool in_one_call = product.batch == 1 || product.batch == 4;
  const std::size_t step = in_one_call ? bands.count : 1;
  for (std::size_t band = bands.first; band < bands.first + bands.count; band += step)
    multiply_bands(product, {band, step}, kernels, x, {product.y + band * band_rows, product.y_stride, step});
}

/// The last band, if it has fewer rows than a band: through a buffer, since kernels write whole ones.
void multiply_rest(const RepackedProduct& product, std::size_t band, const RepackedKernels& kernels,
                   const UnitActivations& x) {
  const std::size_t first = band * band_rows, rows = product.weights->rows - first;
  std::vector<float> outputs(product.batch * band_rows);
  multiply_bands(product, {band, 1}, kernels, x, {outputs.data(), band_rows, 1});
  for (std::size_t b = 0; b < product.batch; ++b)
    std::copy_n(outputs.data() + b * band_rows, rows, product.y + b * product.y_stride + first);
}

}  // namespace

bool is_repacked(const Format& format, Isa isa) {
  const RepackedKernels* const table = table_of(isa);
  return table != nullptr && table[format.layout].unit_bytes != 0;
}

std::size_t repacked_bytes(const Format& format, std::size_t rows, std::size_t cols) {
  const std::size_t units = checked_multiply(divide_up(rows, band_rows), units_of(cols));
  return checked_multiply(units, kernels_of(format, Isa::scalar).unit_bytes);
}

LargePages<std::byte> repack(const Tensor& weights, int threads) {
  LargePages<std::byte> bytes(repacked_bytes(*weights.format, weights.rows, weights.cols));
  const BandRepacking repacking(weights);
  const std::size_t bands = divide_up(weights.rows, band_rows);
  parallel_for(threads, bands,
               [&](std::size_t band) { repacking.run(band, bytes.data() + band * (bytes.size() / bands)); });
  return bytes;
}

void matvec_repacked(const RepackedProduct& product, int threads, Isa isa) {
  const RepackedTensor& weights = *product.weights;
  const RepackedKernels& kernels = kernels_of(*weights.format, isa);
  const UnitActivations x(round_activations(product.x, product.batch, weights.cols, product.x_stride, threads),
                          kernels);
  const std::size_t bands = weights.rows / band_rows;
  const std::size_t tasks = std::size_t{4} * static_cast<std::size_t>(std::max(threads, 1));
  const std::size_t bands_of_task = std::max<std::size_t>(1, divide_up(bands, tasks));
  parallel_for(threads, divide_up(bands, bands_of_task), [&](std::size_t task) {
    const std::size_t first = task * bands_of_task, count = std::min(bands_of_task, bands - first);
    multiply_whole_bands(product, {first, count}, kernels, x);
  });
  if (weights.rows % band_rows != 0) multiply_rest(product, bands, kernels, x);
}

}  // namespace quantbench
