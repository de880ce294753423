// The golden vectors of the GGUF reference implementation, through the kernels of every instruction set.
#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "kernels/cpu/decode.h"
#include "quantizers/formats/registry.h"

namespace quantbench {
namespace {

TEST(GoldenDecodeKernels, EveryBitEqualsOnEveryIsa) {
  const std::filesystem::path folder = std::filesystem::path(QUANTBENCH_SOURCE_DIR) / "testdata/formats/decode";
  const auto index = nlohmann::json::parse(read_text(folder / "index.json"));
  int formats = 0;
  for (const auto& [type, entry] : index.at("types").items()) {
    const auto format = find_gguf_format(entry["gguf_type_id"].get<std::uint32_t>());
    if (format == nullptr) continue;
    ++formats;
    const MappedFile file(folder / (type + ".bin"));
    const std::size_t count = entry["f32_count"];
    const auto expected = file.bytes().subspan(entry["f32_offset"], count * sizeof(float));
    const Tensor tensor{type, 1, count, format, file.bytes().subspan(entry["raw_offset"], entry["raw_bytes"])};
    for (const Isa isa : available_isas()) {
      std::vector<float> decoded(count);
      decode_rows(tensor, 0, 1, decoded, 1, isa);
      EXPECT_EQ(std::memcmp(decoded.data(), expected.data(), expected.size()), 0) << type << ", " << to_string(isa);
    }
  }
  EXPECT_GE(formats, 22);
}

}  // namespace
}  // namespace quantbench
