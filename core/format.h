// A storage format of weights, as the rest of the program sees it: constants and three functions.
//
// Every format obeys one law,
//     weight = scale(group) * level(i) + offset(group)        level: a small signed integer or codebook entry
// where some formats have a table of numbers that levels stand for (`float_levels`): value(level(i)) in place of level(i);
// and is described in exactly one header under quantizers/formats/; the functions here are instantiated from it.
//
// A tensor of `rows` x `cols` weights is stored as a header of `header_bytes(rows, cols)` bytes (0 for all formats but those
// that keep scales for the whole tensor there), then the rows back to back, `row_bytes(cols)` each. A row is a sequence of blocks; a block is the
// smallest run of weights that can be decoded on its own (with the header), and holds one or more groups; all weights
// of a group share one scale and offset.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace quantbench {

struct Affine {
  float scale = 0;
  float offset = 0;
  bool operator==(const Affine&) const = default;
};

/// Where the bytes of one row are. `header` is the tensor's header (null when the format has none), `index` the number of the
/// row in its tensor (of use to formats whose header knows rows apart).
struct RowBytes {
  const std::byte* header = nullptr;
  const std::byte* row = nullptr;
  std::size_t index = 0;
};
struct MutableRowBytes {
  std::byte* header = nullptr;
  std::byte* row = nullptr;
  std::size_t index = 0;
};

/// One block of a format whose groups have integer scales and mins in the unit of the block:
///     weight = (d * scales[group]) * level - (dmin * mins[group])
struct TwoLevelBlock {
  float d = 0;                          // rounded to its storage type
  float dmin = 0;                       // likewise; formats without mins ignore it
  const std::int8_t* scales = nullptr;  // one per group of the block
  const std::int8_t* mins = nullptr;    // likewise; null in formats without mins
  const std::int8_t* levels = nullptr;  // one per weight of the block
};

/// What a format with scales of two levels can hold (0..largest_min is empty when its groups have no mins), and how a block
/// is written.
struct TwoLevelScales {
  int scale_min = 0, scale_max = 0;
  int largest_min = 0;
  void (*pack_block)(const TwoLevelBlock& parts, std::byte* block) = nullptr;
};

/// One super-block of a format with codebooks: 256 weights as 32 octets, which are codewords or pairs of them.
///     weight = d * (2 scales[group] + 1) * unit * level
///     level  = codeword entry, negative where the weight's sign bit is set; or signed codeword entry +- 1 (`shifted`)
struct CodebookBlock {
  float d = 0;                        // rounded to binary16
  std::uint8_t scales[16] = {};       // (groups)
  std::uint16_t codewords[64] = {};   // (codewords of the block) indices
  std::uint8_t signs[32] = {};        // (octets) bit j: weight j is negative
  std::uint8_t shifts_down[32] = {};  // (octets) the shift is -1, where there are shifts; else +1
};

enum class CodebookSigns {
  free,     // any
  even,     // an even number of minus signs an octet
  shifted,  // codeword entries have their own signs; instead, each octet or group has a shift
};

struct CodebookLayout {
  std::span<const std::int8_t> values;  // (codewords, codeword_weights)
  int codeword_weights = 0;             // 8 or 4
  float unit = 0;
  int largest_scale = 0;
  CodebookSigns signs = CodebookSigns::free;
  bool shift_of_group = false;  // the octets of a group have the same shift
  void (*pack_block)(const CodebookBlock& parts, std::byte* block) = nullptr;
};

struct Format {
  /// Canonical id as in method ids: "q4_0", "int4:g128:sym", "f16".
  std::string id;
  /// Index of the description in the list of quantizers/formats/all.h: kernels keep one table entry for each.
  std::size_t layout = 0;
  /// Weights that share one scale; 0 when the group is a whole row or a whole tensor.
  std::size_t group = 0;
  /// Row lengths must be a multiple of this; 1 when any length can be stored.
  std::size_t block = 1;
  /// One scale for the whole tensor, kept in the header.
  bool scale_per_tensor = false;
  /// Of the header, what does not depend on the shape.
  std::size_t fixed_header_bytes = 0;
  /// Double quantization: this many groups, in the order of the tensor, have scales in the unit of an f32 in the header. 0: scales
  /// are stored each by itself.
  std::size_t groups_per_unit = 0;
  /// The same format with a scale of its own, in f32, for each group. Null but for double quantization.
  std::shared_ptr<const Format> with_single_scales;
  /// Type id in GGUF files, when the format is one that GGUF holds.
  std::optional<std::uint32_t> gguf_type;
  /// Inclusive range of stored levels (0, 0 for floating point formats, which store the weights themselves).
  int level_min = 0;
  int level_max = 0;
  /// The levels that exist, ascending; empty when all from level_min to level_max do.
  std::span<const std::int8_t> level_values;
  /// The numbers that the levels level_min .. level_max stand for, ascending, 0 for level 0. Empty: a level stands for itself.
  std::span<const float> float_levels;
  /// False: every offset is zero (symmetric).
  bool has_offset = false;
  /// f32, f16, bf16: levels do not exist, `encode_float` is used.
  bool floating_point = false;

  std::size_t (*row_bytes)(const Format&, std::size_t cols) = nullptr;

  /// Decodes weights [begin, begin + out.size()) of a row of `cols` weights with the scalar reference. `begin` must be
  /// a multiple of `block`.
  void (*decode)(const Format&, RowBytes, std::size_t cols, std::size_t begin, std::span<float> out) = nullptr;

  /// The affine that would be stored for `wanted` in this format: scale (and offset) rounded to their storage types,
  /// the zero point to an integer in range. Null for formats with coupled groups (`two_level`, `codebook`, double
  /// quantization) and for floating point formats.
  Affine (*round_affine)(const Format&, Affine wanted) = nullptr;

  /// Stores the groups' affines and the levels of one row. affines: one per group of the row; levels: cols. The affines
  /// must be values that round_affine returned. Formats with a header write it too, unless out.header is null: so one
  /// call of a tensor does, and the others can run in parallel; with double quantization they read what round_scales wrote there.
  /// Null for formats with two levels of scales or codebooks and for floating point formats.
  void (*pack)(const Format&, std::span<const Affine> affines, std::span<const std::int8_t> levels,
               MutableRowBytes out) = nullptr;

  /// Double quantization: rounds the scales of a tensor, (rows, groups of a row), to what can be stored together, and writes the
  /// header. They may change sign. Null for all others.
  void (*round_scales)(const Format&, std::span<float> scales, std::byte* header) = nullptr;

  /// Null but for formats whose groups have integer scales in the unit of their block; those are written by it.
  const TwoLevelScales* two_level = nullptr;

  /// Null but for formats with codebooks; those are written by it.
  const CodebookLayout* codebook = nullptr;

  /// Plain reference rounding of one row, where the format defines one of its own (the GGUF Q-family, f16, bf16, f32):
  /// byte-identical with the reference encoder without importance. Null where the solver `rtn` does the rounding.
  void (*encode_reference)(const Format&, std::span<const float> weights, MutableRowBytes out) = nullptr;

  std::size_t groups_of_row(std::size_t cols) const { return group == 0 ? 1 : (cols + group - 1) / group; }
  /// What a level stands for.
  float value(int level) const {
    return float_levels.empty() ? static_cast<float>(level) : float_levels[static_cast<std::size_t>(level - level_min)];
  }
  std::size_t header_bytes(std::size_t rows, std::size_t cols) const;
  /// Bytes of a whole tensor. Throws Error on overflow or when cols is not a multiple of `block`.
  std::size_t tensor_bytes(std::size_t rows, std::size_t cols) const;
  double bits_per_weight(std::size_t rows, std::size_t cols) const;
};

}  // namespace quantbench
