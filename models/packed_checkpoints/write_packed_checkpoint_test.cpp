#include "models/packed_checkpoints/write_packed_checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "core/testing/temporary_folder.h"
#include "models/checkpoints/testing/file_bytes.h"
#include "models/packed_checkpoints/safetensors_stream.h"
#include "models/packed_checkpoints/testing/stored_checkpoint.h"
#include "models/packed_checkpoints/unpack_checkpoint.h"

namespace quantbench {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;
using testing_support::random_integers;
using testing_support::scattered_integers;
using testing_support::TemporaryFolder;

std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    names.push_back(entry.path().filename().string());
  return names;
}

class WritePackedCheckpoint : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(source_);
    std::vector<StoredTensor> tensors = {
        {"embed.weight", "F16", {8, 64}, {}},       {"layers.0.q.weight", "F16", {32, 64}, {}},
        {"layers.0.norm.weight", "BF16", {64}, {}}, {"layers.1.q.weight", "F16", {64, 96}, {}},
        {"layers.1.q.bias", "F16", {64}, {}},       {"lm_head.weight", "F16", {8, 64}, {}}};
    SafetensorsStream stream(source_ / "model.safetensors", tensors);
    std::uint8_t next = 0;
    for (StoredTensor& tensor : tensors) {
      allocate(tensor);
      for (std::byte& byte : tensor.bytes) byte = static_cast<std::byte>(next++ % 0x70);
      stream.append(tensor.name, tensor.bytes);
    }
    stream.commit();
    write_text_atomically(source_ / "config.json", R"({"model_type": "llama", "zeta": [1], "alpha": 0.5})");
    write_text_atomically(source_ / "tokenizer.json", "{}");
    write_text_atomically(source_ / "generation_config.json", "{\"top_k\": 3}");
    write_text_atomically(source_ / "pytorch_model.bin", "pickle");
    write_text_atomically(source_ / ".gitattributes", "x");
    std::filesystem::create_directory(source_ / "original");
  }

  Checkpoint original() const { return open_checkpoint(source_); }

  /// Both layers q as these tensors.
  PackedCheckpointPlan plan(PackedLayout layout, const std::string& id0, const std::string& id1) {
    tensors_.clear();
    tensors_.push_back(random_integers("layers.0.q.weight", 32, 64, id0, 1));
    tensors_.push_back(random_integers("layers.1.q.weight", 64, 96, id1, 2));
    PackedCheckpointPlan plan;
    plan.layout = layout;
    plan.config.writer = "quantbench:test";
    for (const TensorData& tensor : tensors_) {
      const std::string name = tensor.view().name.substr(0, tensor.view().name.rfind('.'));
      plan.layers.push_back({name, layer_of(tensor.view()).shape, [&tensor] { return layer_of(tensor.view()); }});
    }
    return plan;
  }

  void expect_read_back() const {
    const Checkpoint back = unpack_if_packed(open_checkpoint(out_));
    for (const TensorData& tensor : tensors_) {
      const CheckpointTensor& read = back.at(tensor.view().name);
      EXPECT_EQ(read.format->id, tensor.view().format->id);
      EXPECT_TRUE(std::ranges::equal(read.tensor().bytes, tensor.view().bytes)) << read.name;
    }
    const Checkpoint first = original();
    for (const char* name : {"embed.weight", "layers.0.norm.weight", "layers.1.q.bias", "lm_head.weight"}) {
      EXPECT_EQ(back.at(name).type_name, first.at(name).type_name);
      EXPECT_TRUE(std::ranges::equal(back.at(name).bytes, first.at(name).bytes)) << name;
    }
    EXPECT_FALSE(back.metadata().contains("quantization.note.0"));
  }

  json config(const char* name = "config.json") const { return json::parse(read_text(out_ / name)); }

  TemporaryFolder folder_;
  std::filesystem::path source_ = folder_.path() / "source", out_ = folder_.path() / "out";
  std::vector<TensorData> tensors_;
};

TEST_F(WritePackedCheckpoint, EveryLayoutIsReadBackByteForByte) {
  const std::vector<std::tuple<PackedLayout, std::string, std::string>> cases = {
      {PackedLayout::gptq, "int4:g32", "int4:g32"},
      {PackedLayout::gptq, "int3:g32:sym", "int3:g32:sym"},
      {PackedLayout::gptq, "int2:row", "int8:g32:sym"},  // dynamic
      {PackedLayout::gptq_v2, "int4:g32:sym", "int4:g32:sym"},
      {PackedLayout::gptq_v2, "int2:g32", "int2:g32"},
      {PackedLayout::gptq_v2, "int8:row", "int8:row"},
      {PackedLayout::awq, "int4:g32", "int4:g32"},
      {PackedLayout::awq, "int4:row:sym", "int4:row:sym"},
      {PackedLayout::compressed_tensors, "int4:g32:sym", "int4:g32:sym"},
      {PackedLayout::compressed_tensors, "int5:g16", "int6:row"},  // two groups
      {PackedLayout::compressed_tensors, "int3:tensor", "int7:tensor:sym"},
      {PackedLayout::compressed_tensors, "int2:g32", "int8:g32"}};
  for (const auto& [layout, id0, id1] : cases) {
    SCOPED_TRACE(fmt::format("{} {} {}", to_string(layout), id0, id1));
    write_packed_checkpoint(original(), plan(layout, id0, id1), out_);
    expect_read_back();
    EXPECT_EQ(config()["zeta"], json::parse("[1]"));
    std::filesystem::remove_all(out_);
  }
}

TEST_F(WritePackedCheckpoint, ActOrderIsReadBackWithTheSameScalesAndLevels) {
  for (const PackedLayout layout : {PackedLayout::gptq, PackedLayout::gptq_v2, PackedLayout::compressed_tensors}) {
    PackedCheckpointPlan plan = this->plan(layout, "int4:g32", "int4:g32");
    tensors_[0] = scattered_integers("layers.0.q.weight", 32, 64, 32, "int4", 7);
    tensors_[1] = scattered_integers("layers.1.q.weight", 64, 96, 32, "int4", 8);
    for (std::size_t i = 0; i < 2; ++i) {
      plan.layers[i].make = [this, i] { return layer_of(tensors_[i].view()); };
      plan.layers[i].shape = plan.layers[i].make().shape;
    }
    write_packed_checkpoint(original(), plan, out_);
    const Checkpoint back = unpack_if_packed(open_checkpoint(out_));
    for (const TensorData& tensor : tensors_)
      EXPECT_TRUE(std::ranges::equal(back.at(tensor.view().name).tensor().bytes, tensor.view().bytes));
    EXPECT_EQ(back.metadata().text("quantization.act_order"), "yes");
    std::filesystem::remove_all(out_);
  }
}

TEST_F(WritePackedCheckpoint, ConfigsSayWhatOtherProgramsExpect) {
  PackedCheckpointPlan gptq = plan(PackedLayout::gptq, "int4:g32:sym", "int8:g32:sym");
  gptq.config.kept_layers = {"layers.1.k"};
  write_packed_checkpoint(original(), gptq, out_);
  EXPECT_EQ(config()["quantization_config"], config("quantize_config.json"));
  EXPECT_EQ(config("quantize_config.json"), json::parse(R"({
    "quant_method": "gptq", "bits": 4, "group_size": 32, "sym": true, "desc_act": false, "checkpoint_format": "gptq",
    "pack_dtype": "int32", "lm_head": false, "meta": {"quantizer": ["quantbench:test"]},
    "dynamic": {"-:^layers\\.1\\.k$": {},
                "+:^layers\\.1\\.q$": {"bits": 8, "group_size": 32, "sym": true, "desc_act": false}}})"));
  std::filesystem::remove_all(out_);
  write_packed_checkpoint(original(), plan(PackedLayout::awq, "int4:g32", "int4:g32"), out_);
  EXPECT_EQ(config("quant_config.json"), json::parse(R"({
    "quant_method": "awq", "bits": 4, "group_size": 32, "zero_point": true, "version": "gemm",
    "modules_to_not_convert": null})"));
  std::filesystem::remove_all(out_);
  write_packed_checkpoint(original(), plan(PackedLayout::compressed_tensors, "int4:row", "int4:row"), out_);
  const json compressed = config()["quantization_config"];
  EXPECT_EQ(compressed["ignore"], json::parse(R"(["lm_head"])"));
  EXPECT_EQ(compressed["config_groups"]["group_0"]["weights"], json::parse(R"({
    "num_bits": 4, "type": "int", "symmetric": false, "strategy": "channel", "group_size": null, "actorder": null,
    "dynamic": false})"));
  EXPECT_EQ(compressed["config_groups"]["group_0"]["targets"], json::parse(R"(["Linear"])"));
}

TEST_F(WritePackedCheckpoint, OtherFilesAreCopiedAndWeightsAreNot) {
  write_packed_checkpoint(original(), plan(PackedLayout::gptq, "int4:g32", "int4:g32"), out_);
  EXPECT_THAT(names_in(out_), UnorderedElementsAre("config.json", "quantize_config.json", "model.safetensors",
                                                   "tokenizer.json", "generation_config.json"));
  EXPECT_EQ(read_text(out_ / "generation_config.json"), "{\"top_k\": 3}");
  EXPECT_THAT(names_in(folder_.path()), UnorderedElementsAre("source", "out"));
}

TEST_F(WritePackedCheckpoint, LargeModelsAreWrittenInShards) {
  PackedCheckpointPlan small = plan(PackedLayout::gptq, "int4:g32", "int4:g32");
  small.shard_bytes = 2000;
  write_packed_checkpoint(original(), small, out_);
  expect_read_back();
  const json index = config("model.safetensors.index.json");
  EXPECT_EQ(index["weight_map"]["embed.weight"], "model-00001-of-00004.safetensors");
  std::uint64_t bytes = 0;
  const Checkpoint written = open_checkpoint(out_);
  for (const CheckpointTensor& tensor : written.tensors()) bytes += tensor.bytes.size();
  EXPECT_EQ(index["metadata"]["total_size"], bytes);
}

TEST_F(WritePackedCheckpoint, ChangedTensorsAreStoredInF32) {
  PackedCheckpointPlan changed = plan(PackedLayout::awq, "int4:g32", "int4:g32");
  changed.replaced.push_back({"layers.0.norm.weight", [] { return std::vector<float>(64, 0.1f); }});
  write_packed_checkpoint(original(), changed, out_);
  const Checkpoint back = open_checkpoint(out_);
  EXPECT_EQ(back.at("layers.0.norm.weight").type_name, "F32");
  EXPECT_EQ(float_at(back.at("layers.0.norm.weight"), 63), 0.1f);
}

TEST_F(WritePackedCheckpoint, AFailureLeavesNothingBehind) {
  PackedCheckpointPlan broken = plan(PackedLayout::gptq, "int4:g32", "int4:g32");
  broken.layers[1].make = []() -> PackedLayer { fail("no more"); };
  EXPECT_EQ(error_of([&] { write_packed_checkpoint(original(), broken, out_); }), "no more");
  EXPECT_THAT(names_in(folder_.path()), ElementsAre("source"));
}

TEST_F(WritePackedCheckpoint, WhatCannotBeWrittenIsRefusedBeforehand) {
  const auto refusal = [&](const PackedCheckpointPlan& plan) {
    return error_of([&] { check_plan(original(), plan, out_); });
  };
  EXPECT_EQ(refusal(plan(PackedLayout::gptq, "int4:g32", "int4:g32")), "");
  EXPECT_THAT(refusal(plan(PackedLayout::gptq, "int6:g32", "int4:g32")), HasSubstr("holds codes of 2, 3, 4, 8 bits"));
  EXPECT_THAT(refusal(plan(PackedLayout::awq, "int4:g32", "int4:row")), HasSubstr("one group size for all layers"));
  EXPECT_THAT(refusal(plan(PackedLayout::awq_gemv, "int4:g32", "int4:g32")), HasSubstr("read, and not written"));
  PackedCheckpointPlan unknown = plan(PackedLayout::gptq, "int4:g32", "int4:g32");
  unknown.layers[0].name = "layers.0.k";
  EXPECT_THAT(refusal(unknown), HasSubstr("no tensor 'layers.0.k.weight'"));
  unknown.layers[0].name = "layers.1.q";
  EXPECT_THAT(refusal(unknown), HasSubstr("2048 weights are to take its place"));
  std::filesystem::create_directory(out_);
  EXPECT_EQ(refusal(plan(PackedLayout::gptq, "int4:g32", "int4:g32")), "");  // empty: as good as new
  write_text_atomically(out_ / "mine.txt", "x");
  EXPECT_THAT(refusal(plan(PackedLayout::gptq, "int4:g32", "int4:g32")),
              HasSubstr("exists; give the name of a new directory"));
}

}  // namespace
}  // namespace quantbench
