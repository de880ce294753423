// Quantized models written as packed checkpoints and read back: the same numbers come out of the same evaluation.
#include "eval/packed_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "core/file.h"
#include "core/testing/temporary_folder.h"
#include "eval/evaluate.h"
#include "eval/model_quantizer.h"
#include "eval/transforms/block_scaling.h"
#include "models/checkpoints/testing/file_bytes.h"
#include "models/hugging_face/open_model.h"
#include "models/packed_checkpoints/safetensors_stream.h"
#include "models/testing/tiny_llama.h"

namespace quantbench {
namespace {

using testing::HasSubstr;
using testing_support::TemporaryFolder;

constexpr std::size_t width = 64, inner = 96, head = 32, kv_heads = 1, vocabulary = 40;

class PackedOutputTest : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(source_);
    add("model.embed_tokens.weight", vocabulary, width);
    for (int layer = 0; layer < 2; ++layer) {
      const std::string prefix = fmt::format("model.layers.{}.", layer);
      add(prefix + "input_layernorm.weight", width);
      add(prefix + "self_attn.q_proj.weight", width, width);
      add(prefix + "self_attn.k_proj.weight", kv_heads * head, width);
      add(prefix + "self_attn.v_proj.weight", kv_heads * head, width);
      add(prefix + "self_attn.o_proj.weight", width, width);
      add(prefix + "post_attention_layernorm.weight", width);
      add(prefix + "mlp.gate_proj.weight", inner, width);
      add(prefix + "mlp.up_proj.weight", inner, width);
      add(prefix + "mlp.down_proj.weight", width, inner);
    }
    add("model.norm.weight", width);
    add("lm_head.weight", vocabulary, width);
    write_model();
    write_text_atomically(source_ / "config.json",
                          R"({"model_type": "llama", "hidden_size": 64, "intermediate_size": 96,
      "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 40, "rms_norm_eps": 1e-5,
      "max_position_embeddings": 64, "hidden_act": "silu", "tie_word_embeddings": false})");
  }

  void add(const std::string& name, std::size_t rows, std::size_t cols = 0) {
    std::normal_distribution<float> normal(cols == 0 ? 1 : 0, cols == 0 ? 0.2f : 0.2f);
    std::vector<float> values(rows * std::max<std::size_t>(cols, 1));
    for (float& value : values) value = normal(random_);
    tensors_.push_back({name, cols == 0 ? std::vector<std::uint64_t>{rows} : std::vector<std::uint64_t>{rows, cols},
                        std::move(values)});
  }

  void write_model() const {
    std::vector<StoredTensor> announced;
    for (const auto& tensor : tensors_) announced.push_back({tensor.name, "F32", tensor.shape, {}});
    SafetensorsStream stream(source_ / "model.safetensors", announced);
    for (const auto& tensor : tensors_) stream.append(tensor.name, std::as_bytes(std::span(tensor.values)));
    stream.commit();
  }

  static QuantizeFileOptions options(const std::string& method) {
    QuantizeFileOptions options;
    options.method = parse_method(method);
    options.for_gguf = false;
    return options;
  }

  static std::vector<float> losses(const Checkpoint& checkpoint, const Weights& weights) {
    const Protocol protocol = parse_protocol("gptq-32");
    const Windows windows = cut_windows(testing_support::random_tokens(200, vocabulary, 5), protocol, {});
    return evaluate(*load_model(checkpoint), weights, windows, protocol, {.threads = 2}).nll;
  }

  /// With all that `quantizer` makes in place of what the model has.
  static Weights quantized_weights(const Checkpoint& model, const FileQuantizer& quantizer) {
    Weights weights = weights_of(model);
    ImportanceUse importance = quantizer.importance_use();
    for (const FileTensor& task : quantizer.tensors()) {
      if (task.allocated)
        weights.insert_or_assign(task.tensor->name, quantizer.quantized(task, importance));
      else if (const Tensor* made = quantizer.made(task.tensor->name))
        weights.insert_or_assign(task.tensor->name, *made);
    }
    return weights;
  }

  void expect_same_evaluation(const Checkpoint& model, const FileQuantizer& quantizer, PackedLayout layout) {
    const PackedOutput output{model, source_, layout, out_};
    const PackedOutputResult result = write_packed_output(output, quantizer, {});
    const Checkpoint back = open_model(out_);
    const Weights expected = quantized_weights(model, quantizer), read = weights_of(back);
    std::uint64_t bytes = 0;
    for (const FileTensor& task : quantizer.tensors()) {
      if (!task.allocated) continue;
      const Tensor& ours = expected.at(task.tensor->name);
      EXPECT_EQ(read.at(ours.name).format->id, ours.format->id);
      EXPECT_TRUE(std::ranges::equal(loaded(read.at(ours.name)).bytes, ours.bytes)) << ours.name;
      bytes += back.at(ours.name).size_bytes();
    }
    EXPECT_EQ(result.layer_bytes, bytes);
    EXPECT_EQ(losses(back, read), losses(model, expected));
    EXPECT_NE(losses(back, read), losses(model, weights_of(model)));
    std::filesystem::remove_all(out_);
  }

  struct Numbers {
    std::string name;
    std::vector<std::uint64_t> shape;
    std::vector<float> values;
  };

  TemporaryFolder folder_;
  std::filesystem::path source_ = folder_.path() / "source", out_ = folder_.path() / "out";
  std::mt19937 random_{3};
  std::vector<Numbers> tensors_;
};

TEST_F(PackedOutputTest, EvaluatesAsTheQuantizedModelInMemory) {
  const std::vector<std::pair<PackedLayout, std::string>> cases = {
      {PackedLayout::gptq, "zero_point:int4:g32"},
      {PackedLayout::gptq, "absmax:int3:g32"},

      {PackedLayout::gptq_v2, "zero_point:int2:g32"},
      {PackedLayout::awq, "search:int4:g32"},
      {PackedLayout::compressed_tensors, "zero_point:int3:g32"},
      {PackedLayout::compressed_tensors, "absmax:int4:tensor"}};
  for (const auto& [layout, method] : cases) {
    SCOPED_TRACE(method);
    const Checkpoint model = open_model(source_);
    const FileQuantizer quantizer(model, options(method));
    check_packed_output({model, source_, layout, out_}, quantizer);
    expect_same_evaluation(model, quantizer, layout);
  }
}

/// GPTQ, with act-order in groups of scattered columns; AWQ, which changes norms.
TEST_F(PackedOutputTest, CalibratedModelsToo) {
  const std::vector<std::pair<PackedLayout, std::string>> cases = {
      {PackedLayout::gptq, "gptq:int4:g32"},
      {PackedLayout::gptq, "gptq:int4:g1:actorder:dynamic=32"},
      {PackedLayout::compressed_tensors, "gptq:int3:g1:actorder:dynamic=32"},
      {PackedLayout::awq, "awq:int4:g32"}};
  for (const auto& [layout, method] : cases) {
    SCOPED_TRACE(method);
    const Checkpoint model = open_model(source_);
    FileQuantizer quantizer(model, options(method));
    const auto loaded_model = load_model(model);
    const Weights weights = weights_of(model);
    const Windows windows =
        cut_windows(testing_support::random_tokens(900, vocabulary, 9), parse_protocol("gptq-32"), {});
    BlockwiseTask task{*loaded_model, weights, windows, {}};
    for (const std::string& name : loaded_model->linear_layers()) task.methods.emplace(name, parse_method(method));
    BlockwiseOptions blockwise;
    blockwise.transform = block_transform(task.methods);
    BlockwiseResult made = quantize_blockwise(task, blockwise);
    ASSERT_TRUE(made.outside.empty());
    quantizer.use(std::move(made.tensors));
    expect_same_evaluation(model, quantizer, layout);
  }
}

TEST_F(PackedOutputTest, WhatCannotBeWrittenIsRefusedBeforehand) {
  const Checkpoint model = open_model(source_);
  const auto refusal = [&](PackedLayout layout, const std::string& method) {
    return error_of([&] {
      check_packed_output({model, source_, layout, out_}, FileQuantizer(model, options(method)));
    });
  };
  EXPECT_THAT(refusal(PackedLayout::awq, "zero_point:int3:g32"), HasSubstr("codes of 4 bits, and these have 3"));
  EXPECT_THAT(refusal(PackedLayout::gptq, "q4_0"), HasSubstr("only the integer formats"));
  EXPECT_THAT(refusal(PackedLayout::awq, "zero_point:int4:g40"), HasSubstr("groups of 40 do not divide rows of 64"));
  const Checkpoint gguf = testing_support::tiny_llama();
  EXPECT_THAT(error_of([&] {
                check_packed_output({gguf, "m.gguf", PackedLayout::gptq, out_},
                                    FileQuantizer(gguf, options("absmax:int4:row")));
              }),
              HasSubstr("m.gguf: not a Hugging Face directory"));
  EXPECT_THAT(error_of([] { parse_packed_layout("gtpq"); }), HasSubstr("did you mean gptq"));
}

TEST_F(PackedOutputTest, APackedModelIsNotPackedAgain) {
  const Checkpoint model = open_model(source_);
  write_packed_output({model, source_, PackedLayout::gptq, out_}, FileQuantizer(model, options("absmax:int4:g32")), {});
  const Checkpoint packed = open_model(out_);
  EXPECT_THAT(error_of([&] {
                check_packed_output({packed, out_, PackedLayout::awq, folder_.path() / "again"},
                                    FileQuantizer(packed, options("absmax:int4:g32")));
              }),
              HasSubstr("its layers are packed already (gptq)"));
}

}  // namespace
}  // namespace quantbench
