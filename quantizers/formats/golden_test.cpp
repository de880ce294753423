// Decoding and plain rounding compared with the golden vectors of the GGUF reference implementation.
#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "core/hash.h"
#include "core/tensor.h"
#include "quantizers/formats/registry.h"

namespace quantbench {
namespace {

const std::filesystem::path golden = std::filesystem::path(QUANTBENCH_SOURCE_DIR) / "testdata/formats";

nlohmann::json read_json(const std::filesystem::path& path) { return nlohmann::json::parse(read_text(path)); }

std::vector<float> floats(std::span<const std::byte> bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

class GoldenDecode : public testing::TestWithParam<const char*> {};

TEST_P(GoldenDecode, EveryBitEquals) {
  const nlohmann::json entry = read_json(golden / "decode/index.json").at("types").at(GetParam());
  const MappedFile file(golden / "decode" / (std::string(GetParam()) + ".bin"));
  const auto raw = file.bytes().subspan(entry["raw_offset"], entry["raw_bytes"]);
  const std::size_t count = entry["f32_count"];
  const auto expected = file.bytes().subspan(entry["f32_offset"], count * sizeof(float));

  const auto format = find_format(GetParam());
  EXPECT_EQ(format, find_gguf_format(entry["gguf_type_id"].get<std::uint32_t>()));
  ASSERT_EQ(format->row_bytes(*format, count), raw.size());
  std::vector<float> decoded(count);
  format->decode(*format, {nullptr, raw.data()}, count, 0, decoded);
  EXPECT_EQ(std::memcmp(decoded.data(), expected.data(), expected.size()), 0);

  // From any block on, and any number of weights of it.
  const std::size_t begin = count / 2 / format->block * format->block;
  std::vector<float> part(77);
  format->decode(*format, {nullptr, raw.data()}, count, begin, part);
  EXPECT_EQ(std::memcmp(part.data(), expected.data() + begin * sizeof(float), part.size() * sizeof(float)), 0);
}

INSTANTIATE_TEST_SUITE_P(, GoldenDecode, testing::Values("f16", "bf16", "q4_0", "q4_1", "q5_0", "q5_1", "q8_0"),
                         [](const auto& param_info) { return std::string(param_info.param); });

TEST(GoldenEncode, PlainRoundingWritesTheBytesOfTheReference) {
  const nlohmann::json reference = read_json(golden / "encode/reference.json");
  const std::size_t rows = reference["rows"], cols = reference["cols"];
  ASSERT_EQ(reference["results"].size(), 21u);
  for (const auto& result : reference["results"]) {
    const auto tensor = result["tensor"].get<std::string>();
    const auto weights = floats(MappedFile(golden / "encode" / (tensor + ".f32")).bytes());
    ASSERT_EQ(weights.size(), rows * cols);
    TensorData encoded(tensor, rows, cols, find_format(result["type"].get<std::string>()));
    const Format& format = *encoded.view().format;
    for (std::size_t row = 0; row < rows; ++row)
      format.encode_reference(format, std::span(weights).subspan(row * cols, cols), encoded.row(row));
    EXPECT_EQ(encoded.view().bytes.size(), result["bytes"].get<std::size_t>());
    EXPECT_EQ(sha256(encoded.view().bytes), result["sha256"].get<std::string>()) << result;
    EXPECT_EQ(format.bits_per_weight(rows, cols), result["bpw"].get<double>());
  }
}

}  // namespace
}  // namespace quantbench
