// Decoding compared with the golden vectors of the GGUF reference implementation.
#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "quantizers/formats/registry.h"

namespace quantbench {
namespace {

const std::filesystem::path golden = std::filesystem::path(QUANTBENCH_SOURCE_DIR) / "testdata/formats/decode";

nlohmann::json read_json(const std::filesystem::path& path) { return nlohmann::json::parse(read_text(path)); }

class GoldenDecode : public testing::TestWithParam<const char*> {};

TEST_P(GoldenDecode, EveryBitEquals) {
  const nlohmann::json entry = read_json(golden / "index.json").at("types").at(GetParam());
  const MappedFile file(golden / (std::string(GetParam()) + ".bin"));
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

}  // namespace
}  // namespace quantbench
