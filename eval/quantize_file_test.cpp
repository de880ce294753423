#include "eval/quantize_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "core/error.h"
#include "eval/testing/tiny_experiment.h"
#include "kernels/cpu/decode.h"
#include "models/model.h"
#include "models/model_facts.h"
#include "models/tokenizers/tokenizer.h"
#include "quantizers/formats/registry.h"
#include "quantizers/quantize.h"

namespace quantbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::ThrowsMessage;

class QuantizedFile : public testing::Test {
 protected:
  static std::vector<float> values(std::size_t count) {
    std::vector<float> all(count);
    for (std::size_t i = 0; i < count; ++i) all[i] = std::sin(static_cast<float>(i * i % 1013)) * 0.2F;
    return all;
  }

  static std::vector<std::byte> bytes_in(const char* format_id, const std::vector<float>& weights) {
    const auto format = find_format(format_id);
    TensorData data("x", 1, weights.size(), format);
    format->encode_reference(*format, weights, data.row(0));
    return {data.view().bytes.begin(), data.view().bytes.end()};
  }

  struct Source {
    std::string name;
    std::vector<std::uint64_t> dims;
    const char* format = "f32";
  };

  Checkpoint write(const std::vector<Source>& tensors, const Metadata& metadata = {}) const {
    std::vector<GgufTensorInfo> infos;
    for (const Source& tensor : tensors)
      infos.push_back({tensor.name, tensor.dims, *find_format(tensor.format)->gguf_type});
    GgufWriter writer(folder_ / "in.gguf", metadata, infos);
    for (const Source& tensor : tensors) {
      const std::size_t count =
          std::accumulate(tensor.dims.begin(), tensor.dims.end(), std::size_t{1}, std::multiplies<>());
      writer.append(tensor.name, bytes_in(tensor.format, values(count)));
    }
    writer.commit();
    return open_checkpoint(folder_ / "in.gguf");
  }

  static Metadata model_metadata() {
    Metadata metadata;
    metadata.set("general.architecture", MetadataScalar(std::string("toy")));
    metadata.set("tokenizer.ggml.tokens", MetadataArray(std::vector<std::string>{"a", "b"}));
    return metadata;
  }

  Checkpoint quantize(const Checkpoint& checkpoint, QuantizeFileOptions options) {
    FileQuantizer quantizer(checkpoint, std::move(options));
    quantizer.write(folder_ / "out.gguf", {});
    notes_ = quantizer.notes();
    return open_checkpoint(folder_ / "out.gguf");
  }

  static QuantizeFileOptions with(const char* method) {
    QuantizeFileOptions options;
    options.method = parse_method(method);
    return options;
  }

  testing_support::TemporaryFolder folder_;
  std::vector<std::string> notes_;
};

TEST_F(QuantizedFile, FilesThatAreNoModelsAreQuantizedWhole) {
  const Checkpoint in = write({{"gauss", {64, 3}}, {"outlier.b", {32, 2}, "bf16"}, {"scale", {5}, "f16"}});
  const Checkpoint out = quantize(in, with("rtn:q4_0"));
  EXPECT_EQ(out.at("gauss").type_name, "Q4_0");
  EXPECT_EQ(out.at("outlier.b").type_name, "Q4_0");
  EXPECT_EQ(out.at("scale").type_name, "F32") << "vectors become f32";
  const std::vector<float> original = values(64 * 3);
  const TensorData expected = quantize_tensor(parse_method("rtn:q4_0"), "gauss", {original, 3, 64}, {}, 1);
  EXPECT_TRUE(std::ranges::equal(out.at("gauss").bytes, expected.view().bytes));
}

TEST_F(QuantizedFile, OfAModelOnlyMatricesCalledWeight) {
  const Checkpoint in = write({{"blk.0.ssm_a", {32, 2}},
                               {"blk.0.attn_q.weight", {32, 2}},
                               {"blk.0.ffn_gate_inp.weight", {32, 2}, "bf16"},
                               {"blk.0.attn_norm.weight", {32}, "bf16"},
                               {"token_embd.weight", {32, 2}, "f16"}},
                              model_metadata());
  const Checkpoint out = quantize(in, with("rtn:q8_0"));
  EXPECT_EQ(out.at("blk.0.attn_q.weight").type_name, "Q8_0");
  EXPECT_EQ(out.at("blk.0.attn_norm.weight").type_name, "F32");
  for (const char* copied : {"blk.0.ssm_a", "blk.0.ffn_gate_inp.weight", "token_embd.weight"})
    EXPECT_TRUE(std::ranges::equal(out.at(copied).bytes, in.at(copied).bytes)) << copied;
  EXPECT_EQ(out.metadata().texts("tokenizer.ggml.tokens"), (std::vector<std::string>{"a", "b"}));
}

TEST_F(QuantizedFile, WhatIsGivenIsStoredInsteadOfTheFilesOwn) {
  const Checkpoint in =
      write({{"blk.0.attn_q.weight", {32, 2}}, {"blk.0.attn_norm.weight", {32}, "bf16"}, {"v", {3}}}, model_metadata());
  const std::vector<float> ones(64, 1);
  const auto made = [&](const char* method) {
    std::map<std::string, TensorData, std::less<>> tensors;
    tensors["blk.0.attn_q.weight"] = quantize_tensor(parse_method(method), "blk.0.attn_q.weight", {ones, 2, 32}, {}, 1);
    tensors["blk.0.attn_norm.weight"] =
        quantize_tensor(parse_method("f32"), "blk.0.attn_norm.weight", {std::span(ones).first(32), 1, 32}, {}, 1);
    return tensors;
  };
  for (const bool dequantized : {false, true}) {
    QuantizeFileOptions options = with("rtn:q8_0");
    options.dequantized = dequantized;
    FileQuantizer quantizer(in, options);
    quantizer.use(made("rtn:q8_0"));
    quantizer.write(folder_ / "out.gguf", {});
    const Checkpoint out = open_checkpoint(folder_ / "out.gguf");
    EXPECT_EQ(out.at("blk.0.attn_q.weight").type_name, dequantized ? "F32" : "Q8_0");
    for (const char* name : {"blk.0.attn_q.weight", "blk.0.attn_norm.weight"}) {
      const Tensor stored = out.at(name).tensor();
      std::vector<float> values(stored.weights());
      decode_rows(stored, 0, stored.rows, values, 1);
      for (const float value : values) ASSERT_NEAR(value, 1, 1e-3) << name;
    }
    EXPECT_TRUE(std::ranges::equal(out.at("v").bytes, in.at("v").bytes));
  }
  FileQuantizer other(in, with("rtn:q4_0"));
  EXPECT_THAT([&] { other.use(made("rtn:q8_0")); }, ThrowsMessage<Error>(HasSubstr("was made as q8_0")));
}

TEST_F(QuantizedFile, DequantizingGivesTheDecodedWeightsBack) {
  const Checkpoint in = write({{"w", {64, 4}}, {"v", {3}, "f16"}});
  const Checkpoint packed = quantize(in, with("rtn:q5_1"));
  std::filesystem::rename(folder_ / "out.gguf", folder_ / "packed.gguf");
  const Checkpoint q5_1 = open_checkpoint(folder_ / "packed.gguf");
  const Checkpoint wide = quantize(q5_1, with("f32"));
  EXPECT_EQ(wide.at("w").type_name, "F32");
  EXPECT_EQ(wide.at("v").type_name, "F32");
  std::vector<float> decoded(4 * 64);
  decode_rows(q5_1.at("w").tensor(), 0, 4, decoded, 1);
  EXPECT_TRUE(std::ranges::equal(wide.at("w").bytes, std::as_bytes(std::span(decoded))));
  QuantizeFileOptions stored = with("rtn:q5_1");
  stored.dequantized = true;
  EXPECT_TRUE(std::ranges::equal(quantize(in, stored).at("w").bytes, std::as_bytes(std::span(decoded))));
}

TEST_F(QuantizedFile, TheNumberOfThreadsDoesNotMatter) {
  const Checkpoint in = write({{"a", {64, 33}}, {"b", {96, 7}, "f16"}});
  QuantizeFileOptions three = with("rtn:q4_1");
  three.threads = 3;
  quantize(in, with("rtn:q4_1"));
  const std::string one = read_text(folder_ / "out.gguf");
  quantize(in, three);
  EXPECT_EQ(read_text(folder_ / "out.gguf"), one);
}

TEST_F(QuantizedFile, ExpertsAreQuantizedLikeOneLongMatrix) {
  const Checkpoint in = write({{"blk.0.ffn_up_exps.weight", {32, 2, 3}}}, model_metadata());
  const Checkpoint out = quantize(in, with("rtn:q8_0"));
  EXPECT_EQ(out.at("blk.0.ffn_up_exps.weight").dims, (std::vector<std::uint64_t>{32, 2, 3}));
  const std::vector<float> original = values(32 * 6);
  const TensorData expected = quantize_tensor(parse_method("rtn:q8_0"), "x", {original, 6, 32}, {}, 1);
  EXPECT_TRUE(std::ranges::equal(out.at("blk.0.ffn_up_exps.weight").bytes, expected.view().bytes));
}

TEST_F(QuantizedFile, SubstitutesAreNotedWhereTheyWarn) {
  const Checkpoint in = write({{"w", {48, 4}}, {"v", {64, 4}}});
  EXPECT_THROW(quantize(in, with("rtn:q4_0")), Error);
  for (const Fallback fallback : {Fallback::warn, Fallback::allow}) {
    QuantizeFileOptions options = with("rtn:q4_0");
    options.fallback = fallback;
    EXPECT_EQ(quantize(in, options).at("w").type_name, "F16");
    if (fallback == Fallback::warn)
      EXPECT_THAT(notes_, ElementsAre(HasSubstr("w: rows of 48 weights")));
    else
      EXPECT_THAT(notes_, IsEmpty());
  }
}

TEST_F(QuantizedFile, TheFileSaysWhatItIs) {
  const Checkpoint in = write({{"blk.0.attn_q.weight", {32, 2}}}, model_metadata());
  const std::vector<std::pair<const char*, std::uint32_t>> table = {
      {"f16", 1}, {"rtn:q4_0", 2}, {"rtn:q5_1", 9}, {"rtn:tq2_0", 37}, {"bf16", 32}, {"rtn:mix:q8_0", 7}};
  for (const auto& [method, type] : table) {
    QuantizeFileOptions options = with(method);
    options.fallback = Fallback::allow;
    const Checkpoint out = quantize(in, options);
    EXPECT_EQ(out.metadata().unsigned_integer("general.file_type"), type) << method;
    EXPECT_EQ(out.metadata().unsigned_integer("general.quantization_version"), 2u);
    EXPECT_FALSE(out.metadata().contains("quantize.imatrix.file"));
  }
}

TEST_F(QuantizedFile, ImportanceIsForSearchOnlyAndIsNamedInTheFile) {
  const Checkpoint in = write({{"blk.0.attn_q.weight", {32, 8}}, {"blk.0.attn_k.weight", {32, 8}}}, model_metadata());
  QuantizeFileOptions options = with("rtn:q4_0");
  options.importance = NamedImportance{"i.gguf", {}};
  options.importance->matrix.entries["blk.0.attn_q.weight"] = {std::vector<float>(32, 1), {1}};
  options.importance->matrix.entries["blk.0.attn_q.weight"].sums_of_squares[3] = 1000;
  options.importance->matrix.datasets = {"wiki.txt"};
  options.importance->matrix.chunk_count = 9;
  EXPECT_THAT([&] { quantize(in, options); }, ThrowsMessage<Error>(HasSubstr("does not use importance")));
  options.method = parse_method("q4_0");
  const Checkpoint out = quantize(in, options);
  EXPECT_EQ(out.metadata().text("quantize.imatrix.file"), "i.gguf");
  EXPECT_EQ(out.metadata().text("quantize.imatrix.dataset"), "wiki.txt");
  EXPECT_EQ(out.metadata().unsigned_integer("quantize.imatrix.chunks_count"), 9u);
  EXPECT_THAT(notes_,
              ElementsAre(HasSubstr("not in the importance matrix, so every column counts the same: blk.0.attn_k")));
  const Checkpoint plain = quantize(in, with("q4_0"));
  EXPECT_FALSE(std::ranges::equal(open_checkpoint(folder_ / "out.gguf").at("blk.0.attn_q.weight").bytes,
                                  out.at("blk.0.attn_q.weight").bytes));
  EXPECT_TRUE(std::ranges::equal(plain.at("blk.0.attn_k.weight").bytes, out.at("blk.0.attn_k.weight").bytes));
  options.method = parse_method("q4_0:imatrix=off");
  EXPECT_THROW(quantize(in, options), Error);
}

/// What holds for the file of every mix.
TEST_F(QuantizedFile, EveryMixWritesAModelThatRuns) {
  testing_support::write_tiny_model(folder_ / "model.gguf", 256);
  const Checkpoint in = open_checkpoint(folder_ / "model.gguf");
  const std::vector<std::int32_t> tokens = testing_support::random_tokens(8, 259, 1);
  for (const Mix& mix : mix_table().mixes) {
    SCOPED_TRACE(mix.name);
    QuantizeFileOptions options;
    options.method = parse_method("mix:" + mix.name + ":effort=fast");
    options.fallback = Fallback::allow;
    options.threads = 2;
    const Checkpoint out = quantize(in, options);
    EXPECT_EQ(out.metadata().unsigned_integer("general.file_type"), mix.file_type);
    const Allocation allocation(
        options.method, {.model = model_facts(in), .rules = {}, .importance = false, .fallback = Fallback::allow});
    for (const CheckpointTensor& tensor : out.tensors()) {
      const auto expected = allocation.of(tensor.name, {tensor.row_count(), tensor.row_length()});
      EXPECT_EQ(tensor.format->id, expected ? expected->format->id : "f32") << tensor.name;
      EXPECT_EQ(expected.has_value(), tensor.dims.size() == 2) << tensor.name;
    }
    const auto model = load_model(out);
    std::size_t logits = 0;
    model->forward(weights_of(out), {tokens, 1, tokens.size()}, {}, [&](const LogitsBlock& block) {
      for (const float logit : block.logits.values) ASSERT_TRUE(std::isfinite(logit));
      logits += block.logits.values.size();
    });
    EXPECT_EQ(logits, tokens.size() * 259);
  }
}

TEST(ImportanceUse, MissingEntriesAreNotedOrAnErrorByFormat) {
  ImportanceMatrix matrix;
  matrix.entries["blk.0.attn_q.weight"] = {{0, 0}, {3}};
  ImportanceUse use(&matrix);
  EXPECT_THAT(use.of("blk.0.attn_q.weight", {1, 2}, "iq1_s"), ElementsAre(1, 1));
  EXPECT_THAT(use.of("blk.0.attn_k.weight", {1, 2}, "q4_k"), IsEmpty());
  EXPECT_THAT(use.of("output.weight", {1, 2}, "iq2_xs"), IsEmpty()) << "output and embedding are exempt";
  EXPECT_THAT(
      [&] {
        use.of("blk.0.attn_k.weight", {1, 2}, "iq2_xxs");
      },
      ThrowsMessage<Error>(HasSubstr("tensor 'blk.0.attn_k.weight': iq2_xxs needs importance")));
  EXPECT_THAT(use.notes(), ElementsAre(HasSubstr("blk.0.attn_q.weight: the importance matrix is zero"),
                                       HasSubstr("the same: blk.0.attn_k.weight, output.weight")));
  ImportanceUse none(nullptr);
  EXPECT_THAT(none.of("blk.0.attn_k.weight", {1, 2}, "iq2_xxs"), IsEmpty());
  EXPECT_THAT(none.notes(), IsEmpty());
}

TEST_F(QuantizedFile, CarriesTheTokenizerOfAHuggingFaceDirectory) {
  const Checkpoint written = write({{"token_embd.weight", {32, 600}}, {"blk.0.attn_q.weight", {32, 4}}});
  Metadata metadata;
  metadata.set("general.architecture", MetadataScalar(std::string("toy")));
  const std::filesystem::path config = std::filesystem::path(folder_ / "config.json");
  const Checkpoint directory(metadata, written.tensors(), "directory", written.files(),
                             std::make_shared<const Checkpoint>(written), config);
  quantize(directory, with("q8_0"));
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("the GGUF file gets no tokenizer: the directory has none")));

  const std::filesystem::path fixture = std::filesystem::path(QUANTBENCH_SOURCE_DIR) / "testdata/tokenizers/llama3";
  std::filesystem::copy_file(fixture / "tokenizer.json", folder_ / "tokenizer.json");
  const auto tokenizer = load_tokenizer(quantize(directory, with("q8_0")));
  EXPECT_THAT(notes_, IsEmpty());
  EXPECT_EQ(tokenizer->kind(), "gpt2/llama-bpe");
  EXPECT_EQ(tokenizer->vocabulary_size(), 600u);
  EXPECT_EQ(tokenizer->encode("I've 1234"), load_tokenizer(directory)->encode("I've 1234"));
}

}  // namespace
}  // namespace quantbench
