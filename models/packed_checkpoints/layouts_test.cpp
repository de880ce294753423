// The layouts against the figures of their descriptions, against a slower way to find every code, and against themselves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "models/checkpoints/testing/file_bytes.h"
#include "models/packed_checkpoints/awq_layout.h"
#include "models/packed_checkpoints/code_line.h"
#include "models/packed_checkpoints/compressed_tensors_layout.h"
#include "models/packed_checkpoints/gptq_layout.h"
#include "models/packed_checkpoints/testing/stored_checkpoint.h"

namespace quantbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::random_integers;
using testing_support::scattered_integers;
using testing_support::stored_checkpoint;
using testing_support::word_at;

std::vector<unsigned> counting_codes(std::size_t count, unsigned modulus) {
  std::vector<unsigned> codes(count);
  for (std::size_t i = 0; i < count; ++i) codes[i] = static_cast<unsigned>(i) % modulus;
  return codes;
}

std::vector<std::uint32_t> packed_words(const std::vector<unsigned>& codes, CodeLayout layout) {
  std::vector<std::uint32_t> words(layout.words(codes.size()));
  const CodeLine<std::byte> line{reinterpret_cast<std::byte*>(words.data()), layout.word_bytes, layout};
  for (std::size_t i = 0; i < codes.size(); ++i) line.put(i, codes[i]);
  return words;
}

TEST(CodeLine, WordsAreThoseOfTheDescriptions) {
  EXPECT_THAT(packed_words(counting_codes(8, 16), {.bits = 4}), ElementsAre(0x76543210u));
  EXPECT_THAT(packed_words(counting_codes(32, 8), {.bits = 3}), ElementsAre(0x88fac688u, 0xc688fac6u, 0xfac688fau));
  EXPECT_EQ(CodeLayout{.bits = 3}.words(4096), 384u);
  EXPECT_EQ((CodeLayout{.bits = 3, .packing = CodePacking::whole_codes}.words(4096)), 410u);
}

/// Bit by bit: code i is at bit `start(i)` of the stream of words, lowest bit of each word first.
TEST(CodeLine, EveryBitOfEveryCodeIsWhereItShouldBe) {
  for (int bits = 1; bits <= 8; ++bits)
    for (const std::size_t word_bytes : {1u, 2u, 4u, 8u})
      for (const CodePacking packing : {CodePacking::dense, CodePacking::whole_codes}) {
        const CodeLayout layout{bits, packing, word_bytes};
        const std::size_t word_bits = 8 * word_bytes, per_word = word_bits / static_cast<std::size_t>(bits);
        constexpr std::size_t count = 67, gap = 3;  // words lie apart
        const std::size_t stride = word_bytes + gap;
        for (std::size_t chosen = 0; chosen < count; ++chosen) {
          std::vector<std::byte> bytes(layout.words(count) * stride);
          const CodeLine<std::byte> line{bytes.data(), stride, layout};
          line.put(chosen, 0xFF);
          std::vector<std::byte> expected(bytes.size());
          const std::size_t start =
              packing == CodePacking::dense
                  ? chosen * static_cast<std::size_t>(bits)
                  : chosen / per_word * word_bits + chosen % per_word * static_cast<std::size_t>(bits);
          for (std::size_t bit = start; bit < start + static_cast<std::size_t>(bits); ++bit)
            expected[bit / word_bits * stride + bit % word_bits / 8] |= static_cast<std::byte>(1u << bit % 8);
          ASSERT_EQ(bytes, expected) << bits << " bits, words of " << word_bytes << ", code " << chosen;
          for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(line.at(i), i == chosen ? (1u << bits) - 1 : 0);
        }
      }
}

enum class Layout { gptq_v1, gptq_v2, awq, compressed_tensors };

std::vector<StoredTensor> pack(Layout layout, const std::string& prefix, const Tensor& tensor) {
  const PackedLayer layer = layer_of(tensor);
  switch (layout) {
    case Layout::gptq_v1:
      return pack_gptq_layer(prefix, layer, GptqVersion::v1);
    case Layout::gptq_v2:
      return pack_gptq_layer(prefix, layer, GptqVersion::v2);
    case Layout::awq:
      return pack_awq_layer(prefix, layer);
    case Layout::compressed_tensors:
      break;
  }
  return pack_compressed_tensors_layer(prefix, layer);
}

/// Of a tensor of 32 x 32 with all levels and zero points 0: symmetric.
std::vector<StoredTensor> symmetric_zeros(Layout layout, int bits) {
  const TensorData zeros("w", 32, 32, find_format(fmt::format("int{}:row:sym", bits)));
  return pack(layout, "p", zeros.view());
}

TEST(GptqLayout, SymmetricZeroPointsAreThoseOfTheDescriptions) {
  const std::vector<std::tuple<int, std::uint32_t, std::uint32_t>> cases = {
      {2, 0x55555555u, 0xAAAAAAAAu}, {4, 0x77777777u, 0x88888888u}, {8, 0x7F7F7F7Fu, 0x80808080u}};
  for (const auto& [bits, v1, v2] : cases) {
    EXPECT_EQ(word_at(symmetric_zeros(Layout::gptq_v1, bits)[1], 0), v1) << bits;
    EXPECT_EQ(word_at(symmetric_zeros(Layout::gptq_v2, bits)[1], 0), v2) << bits;
  }
  const StoredTensor three = symmetric_zeros(Layout::gptq_v1, 3)[1];  // a stream of threes
  EXPECT_EQ(word_at(three, 0), 0xDB6DB6DBu);
  EXPECT_EQ(word_at(three, 1), 0xB6DB6DB6u);
  EXPECT_EQ(word_at(three, 2), 0x6DB6DB6Du);
}

TEST(GptqLayout, WordsRunAlongTheInputsAndZeroPointsAlongTheOutputs) {
  TensorData tensor("w", 8, 32, find_format("int4:g16"));
  for (std::size_t row = 0; row < 8; ++row) {
    IntegerRow parts{std::vector<std::int8_t>(32), {0.5f, 0.25f}, {}};
    for (std::size_t column = 0; column < 32; ++column)
      parts.levels[column] = static_cast<std::int8_t>(static_cast<int>((row + column) % 16) - 8);
    parts.zeros = {static_cast<std::int8_t>(static_cast<int>(row) - 8),
                   static_cast<std::int8_t>(-static_cast<int>(row))};
    write_integer_row(parts, row, tensor);
  }
  const std::vector<StoredTensor> v1 = pack(Layout::gptq_v1, "p", tensor.view());
  ASSERT_EQ(v1.size(), 4u);
  EXPECT_EQ(v1[0].name, "p.qweight");
  EXPECT_THAT(v1[0].shape, ElementsAre(4, 8));
  EXPECT_EQ(word_at(v1[0], 0), 0x76543210u);  // inputs 0..7 of output 0
  EXPECT_EQ(word_at(v1[0], 1), 0x87654321u);  // of output 1
  EXPECT_EQ(word_at(v1[0], 8), 0xFEDCBA98u);  // inputs 8..15 of output 0
  EXPECT_THAT(v1[1].shape, ElementsAre(2, 1));
  EXPECT_EQ(word_at(v1[1], 0), 0x6543210Fu);  // zero points 0..7 less one: 0 wraps round
  EXPECT_EQ(word_at(v1[1], 1), 0x01234567u);  // 8, 7, .. 1 less one
  EXPECT_THAT(v1[2].shape, ElementsAre(2, 8));
  EXPECT_EQ(word_at(v1[2], 0), 0x38003800u);  // 0.5 in f16
  EXPECT_EQ(word_at(v1[2], 4), 0x34003400u);
  EXPECT_EQ(word_at(v1[3], 15), 0u);  // g_idx
  EXPECT_EQ(word_at(v1[3], 16), 1u);
  EXPECT_EQ(word_at(pack(Layout::gptq_v2, "p", tensor.view())[1], 0), 0x76543210u);
}

TEST(AwqLayout, OutputsAreInterleaved) {
  TensorData tensor("w", 8, 32, find_format("int4:g32"));
  for (std::size_t row = 0; row < 8; ++row) {
    const auto level = static_cast<std::int8_t>(static_cast<int>(row) - 8);
    write_integer_row({std::vector<std::int8_t>(32, level), {1}, {level}}, row, tensor);
  }
  const std::vector<StoredTensor> stored = pack(Layout::awq, "p", tensor.view());
  EXPECT_THAT(stored[0].shape, ElementsAre(32, 1));
  EXPECT_THAT(stored[1].shape, ElementsAre(1, 1));
  EXPECT_THAT(stored[2].shape, ElementsAre(1, 8));
  EXPECT_EQ(word_at(stored[0], 5), 0x75316420u);
  EXPECT_EQ(word_at(stored[1], 0), 0x75316420u);  // zero points as they are
}

TEST(CompressedTensorsLayout, SignedLevelsAreStoredWithHalfTheRangeAdded) {
  TensorData tensor("w", 8, 8, find_format("int4:row"));
  for (std::size_t row = 0; row < 8; ++row)
    write_integer_row({{-8, -7, -6, -5, -4, -3, -2, -1}, {1}, {static_cast<std::int8_t>(static_cast<int>(row) - 8)}},
                      row, tensor);
  const std::vector<StoredTensor> stored = pack(Layout::compressed_tensors, "p", tensor.view());
  EXPECT_EQ(word_at(stored[0], 3), 0x76543210u);
  EXPECT_THAT(stored[1].shape, ElementsAre(8, 1));
  EXPECT_THAT(stored[3].shape, ElementsAre(1, 1));
  EXPECT_EQ(word_at(stored[3], 0), 0x76543210u);  // zero points along the outputs
}

/// What is read from the packed tensors of `tensor`, in the format that holds it.
TensorData read_back(Layout layout, const Tensor& tensor) {
  const Checkpoint checkpoint = stored_checkpoint(pack(layout, "p", tensor));
  const LayerTensors parts(checkpoint, "p");
  const PackedShape shape = layer_of(tensor).shape;
  const LayerScheme scheme{shape.bits, shape.group, shape.scale_per_tensor, std::nullopt};
  PackedLayer layer;
  if (layout == Layout::awq)
    layer = open_awq_layer(parts, scheme, AwqVersion::gemm);
  else if (layout == Layout::compressed_tensors)
    layer = open_compressed_tensors_layer(parts, scheme).layer;
  else
    layer = open_gptq_layer(parts, scheme);
  if (layout == Layout::gptq_v1)
    layer.zero = [field = layer.zero, bits = shape.bits](std::size_t row, std::size_t group) {
      return (field(row, group) + 1) % (1 << bits);
    };
  EXPECT_EQ(layer.shape.act_order, shape.act_order);
  layer.shape.symmetric = shape.symmetric;
  return tensor_of(layer, "w", format_of(layer.shape, (1 << shape.bits) - 1));
}

void expect_same(Layout layout, const Tensor& tensor) {
  const TensorData back = read_back(layout, tensor);
  EXPECT_EQ(back.view().format->id, tensor.format->id);
  EXPECT_TRUE(std::ranges::equal(back.view().bytes, tensor.bytes)) << tensor.format->id;
}

TEST(PackedLayouts, ReadBackIsByteForByteWhatWasPacked) {
  for (const int bits : {2, 3, 4, 8})
    for (const char* rest : {"row", "row:sym", "g32", "g32:sym", "g96", "g128:sym"}) {
      const TensorData tensor = random_integers("w", 64, 192, fmt::format("int{}:{}", bits, rest));
      expect_same(Layout::gptq_v1, tensor.view());
      expect_same(Layout::gptq_v2, tensor.view());
    }
  for (const char* id : {"int4:row", "int4:g16", "int4:g64:sym", "int4:g96", "int4:g1"})
    expect_same(Layout::awq, random_integers("w", 24, 192, id).view());
  for (int bits = 2; bits <= 8; ++bits)
    for (const char* rest : {"row", "row:sym", "tensor", "tensor:sym", "g20", "g40:sym", "g120"})
      expect_same(Layout::compressed_tensors,
                  random_integers("w", 13, 120, fmt::format("int{}:{}", bits, rest)).view());
}

TEST(PackedLayouts, ScatteredColumnsAreFoundAgain) {
  for (const char* kind : {"int3", "int4:sym", "int8"}) {
    const TensorData tensor = scattered_integers("w", 32, 160, 64, kind);  // the last group has 32
    EXPECT_EQ(layer_of(tensor.view()).shape.group, 64u);
    expect_same(Layout::gptq_v1, tensor.view());
    expect_same(Layout::gptq_v2, tensor.view());
    expect_same(Layout::compressed_tensors, scattered_integers("w", 8, 96, 32, kind).view());
  }
}

TEST(PackedLayouts, WhatALayoutCannotHoldIsRefusedWithTheReason) {
  const auto refusal = [](Layout layout, const std::string& id, std::size_t rows = 32, std::size_t cols = 64) {
    return error_of([&] { pack(layout, "blk.q", random_integers("w", rows, cols, id).view()); });
  };
  EXPECT_THAT(refusal(Layout::gptq_v1, "int5:g32"), HasSubstr("a GPTQ checkpoint holds codes of 2, 3, 4, 8 bits"));
  EXPECT_THAT(refusal(Layout::gptq_v1, "int4:tensor"), HasSubstr("a scale for each row at least"));
  EXPECT_THAT(refusal(Layout::gptq_v1, "int4:g32:scale=f32"), HasSubstr("scales in f16"));
  EXPECT_THAT(refusal(Layout::gptq_v1, "int3:g32", 40), HasSubstr("rows in multiples of 32"));
  EXPECT_THAT(refusal(Layout::gptq_v1, "int4:g16", 32, 48), HasSubstr("columns in multiples of 32"));
  EXPECT_THAT(refusal(Layout::awq, "int3:g32"), HasSubstr("codes of 4 bits, and these have 3"));
  EXPECT_THAT(refusal(Layout::awq, "int4:g32", 12), HasSubstr("rows in multiples of 8"));
  EXPECT_THAT(refusal(Layout::awq, "int4:g48"), HasSubstr("groups of 48 do not divide rows of 64"));
  EXPECT_THAT(refusal(Layout::compressed_tensors, "nf4:g64"), HasSubstr("only the integer formats"));
  const TensorData scattered = scattered_integers("w", 32, 64, 32, "int4");
  EXPECT_THAT(error_of([&] { pack(Layout::awq, "blk.q", scattered.view()); }), HasSubstr("these groups are scattered"));
}

}  // namespace
}  // namespace quantbench
