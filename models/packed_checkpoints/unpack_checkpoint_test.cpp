// Packed checkpoints of other programs and of our own packers, read.
#include "models/packed_checkpoints/unpack_checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "core/file.h"
#include "core/half.h"
#include "models/checkpoints/safetensors_reader.h"
#include "models/checkpoints/testing/file_bytes.h"
#include "models/packed_checkpoints/awq_layout.h"
#include "models/packed_checkpoints/compressed_tensors_layout.h"
#include "models/packed_checkpoints/testing/stored_checkpoint.h"
#include "models/testing/fixture_folders.h"

namespace quantbench {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing_support::random_integers;
using testing_support::scattered_integers;
using testing_support::stored_checkpoint;

const std::filesystem::path fixtures = std::filesystem::path(QUANTBENCH_SOURCE_DIR) / "testdata/packed_checkpoints";

std::vector<float> decoded(const Tensor& tensor) {
  std::vector<float> values(tensor.weights());
  for (std::size_t row = 0; row < tensor.rows; ++row)
    tensor.format->decode(*tensor.format, tensor.row(row), tensor.cols, 0,
                          std::span(values).subspan(row * tensor.cols, tensor.cols));
  return values;
}

/// As the other program stores the number.
float rounded(float value, std::string_view type) {
  if (type == "F16") return f16_to_f32(f32_to_f16(value));
  return type == "BF16" ? bf16_to_f32(f32_to_bf16(value)) : value;
}

/// Packed and decoded by the code of the projects that own the layouts (scripts/make_packed_fixtures.py).
class PackedFixtures : public testing::TestWithParam<std::string> {};

TEST_P(PackedFixtures, DecodeToTheSameBits) {
  const Checkpoint checkpoint = unpack_if_packed(open_checkpoint(fixtures / GetParam() / "model.safetensors"));
  const Checkpoint expected = open_checkpoint(fixtures / GetParam() / "expected.safetensors");
  ASSERT_EQ(checkpoint.tensors().size(), 1u);
  const CheckpointTensor& weight = checkpoint.tensors().front();
  const CheckpointTensor& truth = expected.at(weight.name);
  ASSERT_EQ(weight.dims, truth.dims);
  const std::vector<float> ours = decoded(weight.tensor()), theirs = decoded(truth.tensor());
  for (std::size_t i = 0; i < ours.size(); ++i)
    ASSERT_EQ(rounded(ours[i], truth.type_name), theirs[i]) << "weight " << i;
}

INSTANTIATE_TEST_SUITE_P(All, PackedFixtures, testing::ValuesIn(testing_support::folders_in(fixtures)),
                         [](const auto& each) { return each.param; });

TEST(PackedFixtures, AreOfEveryLayout) {
  EXPECT_GE(testing_support::folders_in(fixtures).size(), 30u);
  std::set<std::string> layouts;
  for (const std::string& name : testing_support::folders_in(fixtures))
    layouts.insert(unpack_if_packed(open_checkpoint(fixtures / name / "model.safetensors"))
                       .metadata()
                       .text("quantization.layout"));
  EXPECT_EQ(layouts,
            (std::set<std::string>{"gptq", "gptq_v2", "awq", "awq_gemv", "awq_gemv_fast", "compressed-tensors"}));
}

/// Our packer gives the very bytes of theirs.
TEST(PackedFixtures, ArePackedAgainToTheSameBytes) {
  std::size_t compared = 0;
  for (const std::string& name : testing_support::folders_in(fixtures)) {
    const Checkpoint raw = open_checkpoint(fixtures / name / "model.safetensors");
    const Checkpoint checkpoint = unpack_if_packed(raw);
    const std::string layout = checkpoint.metadata().text("quantization.layout");
    const CheckpointTensor& weight = checkpoint.tensors().front();
    const std::string prefix = weight.name.substr(0, weight.name.rfind('.'));
    const bool other = layout == "awq_gemv" || layout == "awq_gemv_fast" || name.starts_with("older") ||
                       name.find("bf16") != std::string::npos;
    if (other) continue;  // read only
    const PackedLayer layer = layer_of(weight.tensor());
    const auto packed = layout == "awq" ? pack_awq_layer(prefix, layer)
                        : layout == "compressed-tensors"
                            ? pack_compressed_tensors_layer(prefix, layer)
                            : pack_gptq_layer(prefix, layer, layout == "gptq" ? GptqVersion::v1 : GptqVersion::v2);
    for (const StoredTensor& tensor : packed) {
      if (name.find("act_order") != std::string::npos && !tensor.name.ends_with("qweight"))
        continue;  // groups have other numbers
      const CheckpointTensor& theirs = raw.at(tensor.name);
      EXPECT_EQ(stored_shape(theirs), tensor.shape) << name << " " << tensor.name;
      EXPECT_EQ(theirs.type_name, tensor.type) << name << " " << tensor.name;
      EXPECT_TRUE(std::ranges::equal(theirs.bytes, tensor.bytes)) << name << " " << tensor.name;
      ++compared;
    }
  }
  EXPECT_GT(compared, 60u);
}

QuantizationFacts gptq_facts(const std::string& more, std::string_view default_method = "gptq") {
  const std::string text = R"({"bits": 4, "group_size": 32)" + (more.empty() ? "" : ", " + more) + "}";
  return parse_quantization_facts(json::parse(text), "quantize_config.json", default_method);
}

std::vector<StoredTensor> gptq_layer(GptqVersion version, const std::string& id = "int4:g32",
                                     const std::string& prefix = "model.q") {
  return pack_gptq_layer(prefix, layer_of(random_integers("w", 32, 64, id).view()), version);
}

TEST(UnpackCheckpoint, KeepsEverythingElseInItsPlace) {
  std::vector<StoredTensor> stored = gptq_layer(GptqVersion::v1);
  StoredTensor norm{"model.norm.weight", "F16", {4}, {}};
  allocate(norm);
  stored.insert(stored.begin() + 1, norm);  // between the parts of the layer
  stored.push_back({"model.q.bias", "F16", {32}, std::vector<std::byte>(64)});
  const Checkpoint checkpoint = unpack_checkpoint(stored_checkpoint(stored), gptq_facts(""));
  ASSERT_EQ(checkpoint.tensors().size(), 3u);
  EXPECT_EQ(checkpoint.tensors()[0].name, "model.q.weight");
  EXPECT_EQ(checkpoint.tensors()[1].name, "model.norm.weight");
  EXPECT_EQ(checkpoint.tensors()[2].name, "model.q.bias");
  const CheckpointTensor& weight = checkpoint.tensors()[0];
  EXPECT_EQ(weight.format->id, "int4:g32");
  // 4 bits, a zero point of 4 bits and a scale of 16 in groups of 32, and 4 bytes for each column.
  EXPECT_EQ(weight.size_bytes(), 32 * 64 / 2 + 32 * 2 / 2 + 32 * 2 * 2 + 64 * 4);
  EXPECT_EQ(checkpoint.metadata().text("quantization.layout"), "gptq");
  EXPECT_EQ(checkpoint.metadata().text("quantization.group_size"), "32");
  EXPECT_EQ(checkpoint.metadata().text("quantization.act_order"), "no");
  EXPECT_THAT(packing_notes(checkpoint.metadata()),
              testing::ElementsAre(testing::StartsWith(
                  "the model's 1 packed layers (gptq): 4 bits, group size 32, 5.6250 bits per weight, act-order: no; "
                  "zero points stored less one (v1); ")));
  EXPECT_TRUE(packing_notes(Metadata()).empty());
}

TEST(UnpackCheckpoint, AFileOfTheOtherVersionThanItsLabelIsFoundAndReported) {
  const TensorData tensor = random_integers("model.q.weight", 32, 64, "int4:g32:sym");
  for (const GptqVersion stored : {GptqVersion::v1, GptqVersion::v2})
    for (const char* label : {"gptq", "gptq_v2"}) {
      const QuantizationFacts facts = gptq_facts(fmt::format(R"("sym": true, "checkpoint_format": "{}")", label));
      const Checkpoint checkpoint =
          unpack_checkpoint(stored_checkpoint(pack_gptq_layer("model.q", layer_of(tensor.view()), stored)), facts);
      const std::string name = stored == GptqVersion::v1 ? "gptq" : "gptq_v2";
      EXPECT_EQ(checkpoint.metadata().text("quantization.layout"), name);
      EXPECT_TRUE(std::ranges::equal(checkpoint.at("model.q.weight").tensor().bytes, tensor.view().bytes));
      ASSERT_EQ(checkpoint.metadata().contains("quantization.note.0"), name != label);
      if (name != label) {
        EXPECT_THAT(checkpoint.metadata().text("quantization.note.0"),
                    HasSubstr(fmt::format("labelled {}, but 64 of the 64 zero fields", label)));
      }
    }
}

TEST(UnpackCheckpoint, WithoutSymTheLabelIsFollowedAndTheDoubtReported) {
  const Checkpoint checkpoint =
      unpack_checkpoint(stored_checkpoint(gptq_layer(GptqVersion::v2, "int4:g32:sym")), gptq_facts(""));
  EXPECT_EQ(checkpoint.metadata().text("quantization.layout"), "gptq");
  EXPECT_THAT(checkpoint.metadata().text("quantization.note.0"), HasSubstr("does not say sym: true"));
  EXPECT_EQ(checkpoint.at("model.q.weight").format->id, "int4:g32");  // zero points of 9
}

/// Zero point 0 less one is all ones, to which readers add one with a mask or without.
TEST(UnpackCheckpoint, ZeroFieldsOfAllOnesWrapOrCarry) {
  TensorData tensor("model.q.weight", 32, 32, find_format("int4:g32"));
  for (std::size_t row = 0; row < 32; ++row)
    write_integer_row({std::vector<std::int8_t>(32, 3), {0.5f}, {static_cast<std::int8_t>(row == 7 ? -8 : 0)}}, row,
                      tensor);
  const Checkpoint raw = stored_checkpoint(pack_gptq_layer("model.q", layer_of(tensor.view()), GptqVersion::v1));
  const Checkpoint wraps = unpack_checkpoint(raw, gptq_facts(R"("sym": false)"));
  EXPECT_TRUE(std::ranges::equal(wraps.at("model.q.weight").tensor().bytes, tensor.view().bytes));
  EXPECT_THAT(wraps.metadata().text("quantization.zero_points"),
              HasSubstr("1 of 32 fields are all ones, read as 0 (masked)"));
  const Checkpoint carries = unpack_checkpoint(raw, gptq_facts(R"("zero_point_overflow": "carries")"));
  EXPECT_EQ(carries.at("model.q.weight").format->id, "int5:g32");
  const std::vector<float> weights = decoded(carries.at("model.q.weight").tensor());
  EXPECT_EQ(weights[6 * 32], 0.5f * (11 - 8));
  EXPECT_EQ(weights[7 * 32], 0.5f * (11 - 16));
  EXPECT_THAT(carries.metadata().text("quantization.zero_points"), HasSubstr("2^bits (not masked)"));
  EXPECT_THAT(carries.metadata().text("quantization.note.0"), HasSubstr("held with one bit more"));
}

TEST(UnpackCheckpoint, ActOrderIsHeldWithAScaleForEachWeight) {
  const TensorData tensor = scattered_integers("model.q.weight", 32, 64, 32, "int4");
  const Checkpoint checkpoint = unpack_checkpoint(
      stored_checkpoint(pack_gptq_layer("model.q", layer_of(tensor.view()), GptqVersion::v1)), gptq_facts(""));
  EXPECT_EQ(checkpoint.at("model.q.weight").format->id, "int4:g1");
  EXPECT_TRUE(std::ranges::equal(checkpoint.at("model.q.weight").tensor().bytes, tensor.view().bytes));
  EXPECT_EQ(checkpoint.metadata().text("quantization.act_order"), "yes");
  EXPECT_THAT(checkpoint.metadata().text("quantization.note.0"), HasSubstr("1 of 1 layers: act-order"));
}

TEST(UnpackCheckpoint, LayersMayDiffer) {
  std::vector<StoredTensor> stored = gptq_layer(GptqVersion::v1, "int4:g32", "model.layers.0.q");
  std::ranges::move(gptq_layer(GptqVersion::v1, "int8:g64", "model.layers.1.q"), std::back_inserter(stored));
  const QuantizationFacts facts =
      gptq_facts(R"("dynamic": {"+:.*\\.1\\.q": {"bits": 8, "group_size": 64}, "-:.*head": {}})");
  const Checkpoint checkpoint = unpack_checkpoint(stored_checkpoint(stored), facts);
  EXPECT_EQ(checkpoint.at("model.layers.0.q.weight").format->id, "int4:g32");
  EXPECT_EQ(checkpoint.at("model.layers.1.q.weight").format->id, "int8:g64");
  EXPECT_EQ(checkpoint.metadata().text("quantization.bits"), "4, 8");
}

/// The tensor with this suffix of the packed layer is changed.
std::string unpack_error(const std::function<void(StoredTensor&)>& change, std::string_view suffix,
                         const std::string& more = "") {
  std::vector<StoredTensor> stored = gptq_layer(GptqVersion::v1);
  const auto tensor =
      std::ranges::find_if(stored, [&](const StoredTensor& each) { return each.name.ends_with(suffix); });
  change(*tensor);
  std::erase_if(stored, [](const StoredTensor& each) { return each.name.empty(); });
  return error_of([&] {
    const Checkpoint checkpoint = unpack_checkpoint(stored_checkpoint(stored), gptq_facts(more));
    for (const CheckpointTensor& each : checkpoint.tensors()) (void)each.tensor();
  });
}

std::function<void(StoredTensor&)> with_shape(StoredShape shape) {
  return [shape](StoredTensor& tensor) {
    tensor.shape = shape;
    allocate(tensor);
  };
}

TEST(UnpackCheckpoint, MalformedLayersAreRefusedWithPlaceFoundAndExpected) {
  const auto removed = [](StoredTensor& tensor) { tensor.name.clear(); };
  const auto half = [](std::size_t index, float value) {
    return [=](StoredTensor& tensor) { put_f16(tensor, index, value); };
  };
  const auto group = [](std::size_t column, std::int32_t value) {
    return [=](StoredTensor& tensor) { put_i32(tensor, column, value); };
  };
  constexpr float infinite = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(unpack_error([](StoredTensor&) {}, "qweight"), "");
  EXPECT_THAT(unpack_error(removed, "qzeros"), HasSubstr("test.safetensors: no tensor 'model.q.qzeros'"));
  EXPECT_THAT(unpack_error(removed, "scales"), HasSubstr("no tensor 'model.q.scales'"));
  EXPECT_THAT(unpack_error(removed, "qweight"), HasSubstr("no tensor '*.qweight'"));
  EXPECT_THAT(unpack_error(with_shape({9, 32}), "qweight"),
              HasSubstr("'model.q.scales': shape [2, 32], expected [3, 32]"));
  EXPECT_THAT(unpack_error(with_shape({8, 32, 1}), "qweight"), HasSubstr("shape [8, 32, 1], expected a matrix"));
  EXPECT_THAT(unpack_error(with_shape({0, 32}), "qweight"), HasSubstr("expected a matrix"));
  EXPECT_THAT(unpack_error(with_shape({2, 3}), "qzeros"), HasSubstr("'model.q.qzeros': shape [2, 3], expected [2, 4]"));
  EXPECT_THAT(unpack_error(with_shape({1, 32}), "scales"), HasSubstr("shape [1, 32], expected [2, 32]"));
  EXPECT_THAT(unpack_error(with_shape({63}), "g_idx"), HasSubstr("shape [63], expected [64]"));
  EXPECT_THAT(unpack_error([](StoredTensor& tensor) { tensor.type = "F32"; }, "qweight"),
              HasSubstr("type F32, expected I32"));
  EXPECT_THAT(unpack_error(group(5, 2), "g_idx"), HasSubstr("element 5 is 2, expected a group of 0 .. 1"));
  EXPECT_THAT(unpack_error(group(5, -1), "g_idx"), HasSubstr("element 5 is -1"));
  EXPECT_THAT(unpack_error(group(5, 1), "g_idx"), HasSubstr("group 0 has 31 columns, expected 32"));
  EXPECT_THAT(unpack_error(half(33, infinite), "scales"),
              HasSubstr("test.safetensors: layer 'model.q': the scale of row 1, group 1 is inf"));
  EXPECT_THAT(unpack_error(half(0, nan), "scales"), HasSubstr("the scale of row 0, group 0 is nan"));
  EXPECT_THAT(unpack_error([](StoredTensor&) {}, "qweight", R"("dynamic": {"model.q": {"bits": 3}})"),
              HasSubstr("do not hold whole codes of 3 bits"));
  EXPECT_THAT(unpack_error([](StoredTensor&) {}, "qweight", R"("dynamic": {"model.q": {"bits": 5}})"),
              HasSubstr("codes of 5 bits, which GPTQ programs store in planes"));
  EXPECT_THAT(unpack_error([](StoredTensor&) {}, "qweight", R"("dynamic": {"-:model.q": {}})"),
              HasSubstr("dynamic says that it is not quantized"));
}

/// What the fuzzer does, a little of it in every test run: damaged files give tensors or an Error.
TEST(UnpackCheckpoint, DamagedFilesGiveTensorsOrAnError) {
  std::mt19937 random(11);
  const auto below = [&](std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
  };
  std::size_t refused = 0, read = 0;
  for (const std::string& name : testing_support::folders_in(fixtures)) {
    const std::string whole = read_text(fixtures / name / "model.safetensors");
    const auto facts = find_quantization_facts(fixtures / name);
    for (int round = 0; round < 40; ++round) {
      std::string damaged = whole;
      const std::size_t end =
          round % 2 == 0 ? std::min<std::size_t>(whole.size(), 600) : whole.size();  // the header, or all
      for (int change = 0; change < 3; ++change) damaged[below(end)] = static_cast<char>(below(256));
      const std::string error = error_of([&] {
        const SafetensorsFile file = parse_safetensors(bytes_of(damaged), "damaged");
        const Checkpoint raw(Metadata("damaged"), file.tensors, "damaged", {}, nullptr);
        const Checkpoint checkpoint = unpack_checkpoint(raw, *facts);
        for (const CheckpointTensor& tensor : checkpoint.tensors())
          if (tensor.make) (void)tensor.tensor();
      });
      ++(error.empty() ? read : refused);
    }
  }
  EXPECT_GT(refused, 200u);
  EXPECT_GT(read, 200u);
}

TEST(UnpackCheckpoint, ActivationScalesOfAwqAreRefused) {
  const TensorData tensor = random_integers("w", 32, 64, "int4:g32");
  const PackedLayer layer = layer_of(tensor.view());
  std::vector<StoredTensor> stored = pack_awq_layer("mlp.down", layer);
  stored.push_back({"mlp.act.scales", "F16", {64}, std::vector<std::byte>(128)});
  EXPECT_THAT(error_of([&] { unpack_checkpoint(stored_checkpoint(stored), gptq_facts(R"("quant_method": "awq")")); }),
              HasSubstr("'mlp.act.scales' belongs to no packed layer"));
}

TEST(UnpackCheckpoint, PackingsThatCannotBeToldApartAreReported) {
  const QuantizationFacts facts = parse_quantization_facts(
      json::parse(R"({"quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": {"a": {
        "targets": ["Linear"], "weights": {"num_bits": 3, "type": "int", "strategy": "channel"}}}})"),
      "config.json");
  const auto unpacked = [&](std::size_t cols) {
    const TensorData tensor = random_integers("q.weight", 4, cols, "int3:row");
    const Checkpoint checkpoint =
        unpack_checkpoint(stored_checkpoint(pack_compressed_tensors_layer("q", layer_of(tensor.view()))), facts);
    EXPECT_TRUE(std::ranges::equal(checkpoint.at("q.weight").tensor().bytes, tensor.view().bytes)) << cols;
    return checkpoint.metadata().contains("quantization.note.0");
  };
  EXPECT_FALSE(unpacked(10));  // one word, either way
  EXPECT_TRUE(unpacked(20));   // two words, and the second begins elsewhere
  EXPECT_FALSE(unpacked(21));  // two and three words
}

}  // namespace
}  // namespace quantbench
