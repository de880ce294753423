// Decoding compared with the golden vectors of the GGUF reference implementation.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "quantizers/formats/registry.h"

namespace quantbench {
namespace {

const std::filesystem::path golden = std::filesystem::path(QUANTBENCH_SOURCE_DIR) / "testdata/formats/decode";

nlohmann::json read_json(const std::filesystem::path& path) { return nlohmann::json::parse(read_text(path)); }

class GoldenDecodeOf : public testing::TestWithParam<std::string> {};

TEST_P(GoldenDecodeOf, EveryBitEquals) {
  const nlohmann::json entry = read_json(golden / "index.json").at("types").at(GetParam());
  const MappedFile file(golden / (GetParam() + ".bin"));
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

/// All types of the golden set that this version decodes.
std::vector<std::string> golden_types() {
  std::vector<std::string> types;
  const nlohmann::json index = read_json(golden / "index.json");
  for (const auto& [type, entry] : index.at("types").items())
    if (find_gguf_format(entry["gguf_type_id"].get<std::uint32_t>()) != nullptr) types.push_back(type);
  return types;
}

INSTANTIATE_TEST_SUITE_P(, GoldenDecodeOf, testing::ValuesIn(golden_types()),
                         [](const auto& param_info) { return param_info.param; });

TEST(GoldenDecode, CoversEveryQuantizedGgufFormat) {
  const std::vector<std::string> types = golden_types();
  for (const std::string& id : format_ids())
    if (find_format(id)->gguf_type && id != "f32") {
      EXPECT_NE(std::ranges::find(types, id), types.end()) << id;
    }
}

}  // namespace
}  // namespace quantbench
