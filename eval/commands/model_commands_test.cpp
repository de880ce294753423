// The commands that read and write models, run as a person would.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/error.h"
#include "core/testing/temporary_folder.h"
#include "eval/commands/run_program_for_tests.h"
#include "models/checkpoints/checkpoint.h"
#include "models/checkpoints/gguf_writer.h"
#include "models/checkpoints/safetensors_writer.h"

namespace quantbench {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class ModelCommands : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  /// (rows, cols) f32, values a mild function of the index.
  static std::vector<float> weights(std::size_t count) {
    std::vector<float> values(count);
    for (std::size_t i = 0; i < count; ++i) values[i] = std::sin(static_cast<float>(i)) * 0.25F;
    return values;
  }

  void write_matrix(const std::string& file, const std::string& name, const std::vector<float>& values,
                    std::size_t rows) const {
    const NamedMatrix matrix{name, {values, rows, values.size() / rows}};
    write_safetensors(path(file), std::span(&matrix, 1));
  }

  /// An embedding, a linear layer of 4 x 64, a norm and an output head.
  void write_model(const std::string& file) const {
    Metadata metadata;
    metadata.set("general.architecture", MetadataScalar(std::string("toy")));
    metadata.set("general.file_type", MetadataScalar(std::uint32_t{0}));
    metadata.set("split.no", MetadataScalar(std::uint16_t{0}));
    const std::vector<GgufTensorInfo> infos = {{"token_embd.weight", {64, 4}, 0},
                                               {"blk.0.attn_q.weight", {64, 4}, 0},
                                               {"blk.0.attn_norm.weight", {64}, 0},
                                               {"output.weight", {64, 4}, 0}};
    GgufWriter writer(path(file), metadata, infos);
    for (const GgufTensorInfo& info : infos) {
      const std::vector<float> values = weights(info.dims.size() == 1 ? 64 : 256);
      writer.append(info.name, std::as_bytes(std::span(values)));
    }
    writer.commit();
  }

  void expect_failure(const std::string& arguments, const std::string& message) const {
    const ProgramResult result = run_program(arguments);
    EXPECT_EQ(result.exit_code, 2) << arguments;
    EXPECT_THAT(result.errors, HasSubstr(message));
    EXPECT_EQ(std::ranges::count(result.errors, '\n'), 1) << result.errors;
  }

  testing_support::TemporaryFolder folder_;
};

using LayerCommand = ModelCommands;

TEST_F(LayerCommand, OrthonormalInputsMakeTheOutputErrorTheWeightError) {
  write_matrix("w.safetensors", "weight", weights(6 * 32), 6);
  std::vector<float> identity(32 * 32);
  for (std::size_t i = 0; i < 32; ++i) identity[i * 33] = 1;
  write_matrix("x.safetensors", "x", identity, 32);
  const ProgramResult result =
      run_program(fmt::format("layer {0}/w.safetensors --activations {0}/x.safetensors --method absmax:int4:g32 --out "
                              "{0}/q.safetensors --json {0}/r.json --repeat 3",
                              folder_.path().string()));
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  const json figures = json::parse(read_text(path("r.json")));
  EXPECT_EQ(figures["quantize_seconds"].size(), 3u);
  EXPECT_EQ(figures["quantize_processor_seconds"].size(), 3u);
  EXPECT_GT(figures["quantize_seconds"][2], 0.0);
  const double error = figures["relative_rmse"];
  EXPECT_GT(error, 0.01);
  EXPECT_LT(error, 0.2);
  EXPECT_NEAR(figures["output_relative_error"].get<double>(), error, 1e-6);
  EXPECT_NEAR(figures["weighted_relative_rmse"].get<double>(), error, 1e-6);
  EXPECT_EQ(figures["bits_per_weight"], 4.5);
  EXPECT_EQ(figures["method"], "absmax:int4:g32");

  // The written weights have the error that was reported.
  const Checkpoint written = open_checkpoint(path("q.safetensors"));
  const auto* values = reinterpret_cast<const float*>(written.at("weight").bytes.data());
  double squared_error = 0, squared = 0;
  const std::vector<float> original = weights(6 * 32);
  for (std::size_t i = 0; i < original.size(); ++i) {
    squared_error += std::pow(static_cast<double>(original[i]) - static_cast<double>(values[i]), 2);
    squared += std::pow(static_cast<double>(original[i]), 2);
  }
  EXPECT_NEAR(std::sqrt(squared_error / squared), error, 1e-9);
}

TEST_F(LayerCommand, HiddenInputsAreMeasuredToo) {
  write_matrix("w.safetensors", "weight", weights(6 * 32), 6);
  write_matrix("x.safetensors", "x", weights(64 * 32), 64);
  std::vector<float> twice = weights(64 * 32);
  for (float& value : twice) value *= 2;
  write_matrix("t.safetensors", "x", twice, 64);
  const ProgramResult result = run_program(
      fmt::format("layer {0}/w.safetensors --activations {0}/x.safetensors --test-activations {0}/t.safetensors "
                  "--method gptq:int3:g32:damp=0 --out {0}/q.safetensors --json {0}/r.json",
                  folder_.path().string()));
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  const json figures = json::parse(read_text(path("r.json")));
  const double error = figures["layer_error"], hidden = figures["test_layer_error"];
  EXPECT_GT(error, 0.0);
  EXPECT_NEAR(hidden / error, 4, 1e-5);
  EXPECT_NEAR(figures["test_output_relative_error"].get<double>() / figures["output_relative_error"].get<double>(), 1,
              1e-5);

  // By definition, from what was written.
  const Checkpoint written = open_checkpoint(path("q.safetensors"));
  const auto* values = reinterpret_cast<const float*>(written.at("weight").bytes.data());
  const std::vector<float> original = weights(6 * 32), x = weights(64 * 32);
  double sum = 0;
  for (std::size_t token = 0; token < 64; ++token)
    for (std::size_t row = 0; row < 6; ++row) {
      double output = 0;
      for (std::size_t i = 0; i < 32; ++i)
        output += static_cast<double>(x[token * 32 + i]) *
                  (static_cast<double>(original[row * 32 + i]) - static_cast<double>(values[row * 32 + i]));
      sum += output * output;
    }
  EXPECT_NEAR(error / (2 * sum / 64), 1, 1e-5);
  expect_failure(fmt::format("layer {0}/w.safetensors --activations {0}/x.safetensors --out {0}/q "
                             "--method gptq:int3:g32:asymmetric=1",
                             folder_.path().string()),
                 "--original-activations");
}

// Inputs that move together let errors of one column be made good by others.
TEST_F(LayerCommand, GivesSolversTheMomentsOfTheInputs) {
  write_matrix("w.safetensors", "weight", weights(6 * 32), 6);
  std::vector<float> x = weights(100 * 32), original = x;
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = 0.3f * x[i] + original[i / 32 * 32];
    original[i] = x[i] * (i % 32 < 16 ? 1.1f : 1);
  }
  write_matrix("x.safetensors", "x", x, 100);
  write_matrix("o.safetensors", "x", original, 100);
  const std::string files = fmt::format(
      "layer {0}/w.safetensors --activations {0}/x.safetensors --out {0}/q.safetensors "
      "--json {0}/r.json --method ",
      folder_.path().string());
  const auto error = [&](const std::string& method) {
    const ProgramResult result = run_program(files + method);
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    return json::parse(read_text(path("r.json")))["output_relative_error"].get<double>();
  };
  const double gptq = error("gptq:int3:g32");
  EXPECT_LT(gptq, 0.85 * error("zero_point:int3:g32"));
  EXPECT_GT(error("gptq:int3:g32:asymmetric=1 --original-activations " + path("o.safetensors")), gptq)
      << "it aims at the outputs of other inputs";
}

TEST_F(LayerCommand, RefusesWhatItCannotMeasure) {
  write_matrix("w.safetensors", "weight", weights(6 * 32), 6);
  write_matrix("x.safetensors", "x", weights(2 * 16), 2);
  const std::string files =
      fmt::format("layer {0}/w.safetensors --activations {0}/x.safetensors --out {0}/q ", folder_.path().string());
  expect_failure(files + "--method f16", "'x' has 16 columns, but 'weight'");
  expect_failure(files + "--method absmax:int4:g32:symm", "absmax:int4:g32:symm");
  std::vector<float> bad = weights(2 * 32);
  bad[33] = NAN;
  write_matrix("x.safetensors", "x", bad, 2);
  expect_failure(files + "--method f16", "holds nan at row 1, column 1");
  EXPECT_FALSE(std::filesystem::exists(path("q")));
}

using QuantizeCommand = ModelCommands;

TEST_F(QuantizeCommand, QuantizesTheLinearLayersAndCopiesTheRest) {
  write_model("in.gguf");
  const ProgramResult result =
      run_program(fmt::format("quantize {0}/in.gguf {0}/out.gguf --method rtn:q8_0", folder_.path().string()));
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("1 of 4 tensors with rtn:q8_0"));
  EXPECT_THAT(result.output, HasSubstr("  token_embd.weight (F32)\n"));
  const Checkpoint before = open_checkpoint(path("in.gguf"));
  const Checkpoint after = open_checkpoint(path("out.gguf"));
  EXPECT_EQ(after.at("blk.0.attn_q.weight").type_name, "Q8_0");
  for (const char* kept : {"token_embd.weight", "blk.0.attn_norm.weight", "output.weight"})
    EXPECT_TRUE(std::ranges::equal(after.at(kept).bytes, before.at(kept).bytes)) << kept;
  EXPECT_EQ(after.metadata().unsigned_integer("general.file_type"), 7u);
  EXPECT_EQ(after.metadata().unsigned_integer("general.quantization_version"), 2u);
  EXPECT_EQ(after.metadata().text("general.architecture"), "toy");
  EXPECT_FALSE(after.metadata().contains("split.no"));
}

TEST_F(QuantizeCommand, FloatMethodsConvertEveryMatrixAndBack) {
  write_model("in.gguf");
  ASSERT_EQ(
      run_program(fmt::format("quantize {0}/in.gguf {0}/half.gguf --method f16", folder_.path().string())).exit_code,
      0);
  const Checkpoint half = open_checkpoint(path("half.gguf"));
  EXPECT_EQ(half.at("token_embd.weight").type_name, "F16");
  EXPECT_EQ(half.at("blk.0.attn_norm.weight").type_name, "F32");
  ASSERT_EQ(
      run_program(fmt::format("quantize {0}/half.gguf {0}/full.gguf --method f32", folder_.path().string())).exit_code,
      0);
  EXPECT_EQ(open_checkpoint(path("full.gguf")).at("output.weight").type_name, "F32");
}

TEST_F(QuantizeCommand, FormatsThatGgufLacksAreStoredDecodedOnlyOnRequest) {
  write_model("in.gguf");
  const std::string command =
      fmt::format("quantize {0}/in.gguf {0}/out.gguf --method zero_point:int3:g32", folder_.path().string());
  expect_failure(command, "--dequantized");
  EXPECT_FALSE(std::filesystem::exists(path("out.gguf")));
  ASSERT_EQ(run_program(command + " --dequantized").exit_code, 0);
  const Checkpoint out = open_checkpoint(path("out.gguf"));
  EXPECT_EQ(out.at("blk.0.attn_q.weight").type_name, "F32");
  EXPECT_FALSE(std::ranges::equal(out.at("blk.0.attn_q.weight").bytes,
                                  open_checkpoint(path("in.gguf")).at("blk.0.attn_q.weight").bytes));
}

TEST_F(QuantizeCommand, RefusalsSayWhy) {
  write_model("in.gguf");
  const std::string files = fmt::format("quantize {0}/in.gguf {0}/out.gguf ", folder_.path().string());
  expect_failure(files + "--method rtn:q8_0 --imatrix i.gguf", "i.gguf");
  expect_failure(files + "--method rtn:q8_0 --rules none.yaml", "none.yaml");
  expect_failure(files + "--method rtn:q8_0 --fallback maybe", "error, warn or allow");
  expect_failure(files + "--method rtn:q8_0:rules=careful", "the rules 'careful' are not given");
  expect_failure(files + "--method rtn:q9_0", "q9_0");
  expect_failure(fmt::format("quantize {0}/in.gguf {0}/in.gguf --method rtn:q8_0", folder_.path().string()),
                 "is the model itself");
  expect_failure(fmt::format("quantize {0}/none.gguf {0}/out.gguf --method rtn:q8_0", folder_.path().string()),
                 "none.gguf");
  EXPECT_FALSE(std::filesystem::exists(path("out.gguf")));
}

TEST_F(QuantizeCommand, MixesTakeEmbeddingAndOutputToo) {
  write_model("in.gguf");
  const ProgramResult result =
      run_program(fmt::format("quantize {0}/in.gguf {0}/out.gguf --method rtn:mix:q8_0", folder_.path().string()));
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("3 of 4 tensors with rtn:mix:q8_0 (3 q8_0)"));
  const Checkpoint out = open_checkpoint(path("out.gguf"));
  for (const char* name : {"token_embd.weight", "output.weight", "blk.0.attn_q.weight"})
    EXPECT_EQ(out.at(name).type_name, "Q8_0") << name;
  EXPECT_EQ(out.metadata().unsigned_integer("general.file_type"), 7u);
}

TEST_F(QuantizeCommand, RulesOfTheUserGoFirst) {
  write_model("in.gguf");
  write_text_atomically(path("rules.yaml"),
                        "- {tensor: 'attn_q', format: q4_1}\n- {tensor: 'token_embd|attn', format: f16}\n");
  const std::string command = fmt::format("quantize {0}/in.gguf {0}/out.gguf --method rtn:q8_0 --rules {0}/rules.yaml",
                                          folder_.path().string());
  ASSERT_EQ(run_program(command).exit_code, 0);
  const Checkpoint out = open_checkpoint(path("out.gguf"));
  EXPECT_EQ(out.at("blk.0.attn_q.weight").type_name, "Q4_1");
  EXPECT_EQ(out.at("token_embd.weight").type_name, "F16");
  EXPECT_EQ(out.at("output.weight").type_name, "F32");
  EXPECT_EQ(out.at("blk.0.attn_norm.weight").type_name, "F32");
  write_text_atomically(path("rules.yaml"), "- {tensor: 'attn_(q', format: q4_1}\n");
  expect_failure(command, "rules.yaml:1:3: regular expression 'attn_(q'");
  write_text_atomically(path("rules.yaml"), "- {tensor: attn_q, fromat: q4_1}\n");
  expect_failure(command, "did you mean format");
}

TEST_F(QuantizeCommand, RowsThatDoNotFitAreRefusedOrSubstituted) {
  write_matrix("in.safetensors", "weight", weights(3 * 48), 3);
  const std::string command =
      fmt::format("quantize {0}/in.safetensors {0}/out.gguf --method rtn:q4_0", folder_.path().string());
  expect_failure(command, "rows of 48 weights");
  EXPECT_FALSE(std::filesystem::exists(path("out.gguf")));
  const ProgramResult warned = run_program(command + " --fallback warn");
  EXPECT_EQ(warned.exit_code, 0);
  EXPECT_THAT(warned.errors, HasSubstr("weight: rows of 48 weights are no multiple of 32: f16 instead of q4_0"));
  EXPECT_EQ(open_checkpoint(path("out.gguf")).at("weight").type_name, "F16");
  EXPECT_EQ(run_program(command + " --fallback allow").errors, "");
}

TEST_F(QuantizeCommand, MethodsThatLookAtInputsGoThroughTheModelBlockByBlock) {
  const std::string command = fmt::format(
      "quantize embedded:stories {}/out.gguf --dequantized --calibration embedded:stories/calibration "
      "--chunks 1 --method gptq:int3:g128 --threads ",
      folder_.path().string());
  const auto weight = [&](const std::string& more) {
    const ProgramResult result = run_program(command + more);
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    const Checkpoint out = open_checkpoint(path("out.gguf"));
    const auto bytes = out.at("blk.3.ffn_down.weight").bytes;
    return std::vector<std::byte>(bytes.begin(), bytes.end());
  };
  const std::vector<std::byte> one = weight("1");
  EXPECT_EQ(weight("2"), one);
  EXPECT_NE(weight("2 --original-inputs"), one);
  EXPECT_NE(weight("2 --true-sequential"), one);
  expect_failure(fmt::format("quantize embedded:stories {}/no.gguf --method gptq:int3:g128 --dequantized",
                             folder_.path().string()),
                 "give a text with --calibration");
  expect_failure(
      fmt::format("quantize embedded:stories {}/no.gguf --method q4_0 --true-sequential", folder_.path().string()),
      "not calibrated block by block");
}

using CalibrateCommand = ModelCommands;

TEST_F(CalibrateCommand, WritesWhatInspectShowsAndMergeAdds) {
  const std::string calibrate = "calibrate embedded:stories --text embedded:stories/calibration --ctx 64 --chunks 2 ";
  const ProgramResult written = run_program(calibrate + "--out " + path("a.gguf"));
  ASSERT_EQ(written.exit_code, 0) << written.errors;
  EXPECT_THAT(written.output, HasSubstr("2 chunks of 64 tokens"));
  const json once = json::parse(run_program("inspect --json " + path("a.gguf")).output);
  EXPECT_EQ(once["chunk_size"], 64);
  EXPECT_EQ(once["tensors"][0]["tokens"], 128);
  EXPECT_THAT(run_program("inspect " + path("a.gguf")).output, HasSubstr("blk.0.attn_k.weight"));
  ASSERT_EQ(run_program(calibrate + fmt::format("--out {} --merge {}", path("b.gguf"), path("a.gguf"))).exit_code, 0);
  const json twice = json::parse(run_program("inspect --json " + path("b.gguf")).output);
  EXPECT_EQ(twice["chunk_count"], 4);
  EXPECT_EQ(twice["tensors"][0]["tokens"], 256);
  EXPECT_NEAR(twice["tensors"][0]["mean_square"].get<double>(), once["tensors"][0]["mean_square"].get<double>(), 1e-6);
  expect_failure(calibrate + fmt::format("--out {0} --merge {0}", path("c.gguf")), "c.gguf");
}

using InspectCommand = ModelCommands;

TEST_F(InspectCommand, ShowsTensorsAndTotals) {
  write_model("in.gguf");
  const json model = json::parse(run_program(fmt::format("inspect {} --json", path("in.gguf"))).output);
  EXPECT_EQ(model["metadata"]["general.architecture"], "toy");
  ASSERT_EQ(model["tensors"].size(), 4u);
  EXPECT_EQ(model["tensors"][1]["shape"], json({4, 64}));
  EXPECT_EQ(model["total"]["weights"], 3 * 256 + 64);
  EXPECT_EQ(model["total"]["bits_per_weight"], 32);
  EXPECT_THAT(run_program("inspect " + path("in.gguf")).output, HasSubstr("total: 4 tensors, 832 weights"));
}

TEST(ListCommand, ListsEverythingAsTextAndJson) {
  for (const char* what : {"methods", "formats", "kernels", "models", "datasets", "loaders", "metrics"}) {
    const json rows = json::parse(run_program(fmt::format("list {} --json", what)).output);
    EXPECT_GE(rows.size(), 1u) << what;
    EXPECT_EQ(run_program(fmt::format("list {}", what)).exit_code, 0);
  }
  const ProgramResult unknown = run_program("list modles");
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.errors, HasSubstr("cannot list 'modles'; did you mean models"));
}

/// The tiny real model made by others; see the skip reason.
class RealModel : public ModelCommands {
 protected:
  void SetUp() override {
    ModelCommands::SetUp();
    if (!std::filesystem::exists(models_ + "expected.json"))
      GTEST_SKIP() << models_ << " is not here (not part of the project)";
    expected_ = json::parse(read_text(models_ + "expected.json"));
    model_ = models_ + expected_["model"].get<std::string>();
    text_ = models_ + expected_["text"].get<std::string>();
  }
  const std::string models_ = QUANTBENCH_SHARED "/models/";
  json expected_;
  std::string model_, text_;
};

TEST_F(RealModel, TokenizePrintsOneLineOfJson) {
  const ProgramResult result = run_program(fmt::format("tokenize {} --text {}", model_, text_));
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_EQ(std::ranges::count(result.output, '\n'), 1);
  const json ids = json::parse(result.output);
  EXPECT_EQ(ids.size(), expected_["tokens_with_bos"]);
  const json& first = expected_["first_tokens"];
  EXPECT_TRUE(std::equal(first.begin(), first.end(), ids.begin()));
  const json without = json::parse(run_program(fmt::format("tokenize {} --text {} --no-bos", model_, text_)).output);
  EXPECT_TRUE(std::equal(without.begin(), without.end(), ids.begin() + 1, ids.end()));
}

TEST_F(RealModel, PerplexityIsThatOfAnIndependentRuntime) {
  for (const json& expected : expected_["perplexity"]) {
    const int context = expected["n_ctx"];
    const ProgramResult result = run_program(
        fmt::format("perplexity --model {} --text {} --ctx {} --json {}", model_, text_, context, path("p.json")));
    ASSERT_EQ(result.exit_code, 0) << result.errors;
    const json measured = json::parse(read_text(path("p.json")))["perplexity"];
    EXPECT_NEAR(measured["value"].get<double>(), expected["value"].get<double>(),
                expected_["tolerance_abs"].get<double>());
    EXPECT_NEAR(measured["stderr"].get<double>(), expected["stderr"].get<double>(), 0.001);
    EXPECT_EQ(measured["chunks"], expected["chunks"]);
  }
}

double mean_of(const CheckpointTensor& values) {
  const auto* first = reinterpret_cast<const float*>(values.bytes.data());
  const std::size_t count = values.bytes.size() / sizeof(float);
  return std::accumulate(first, first + count, 0.0) / static_cast<double>(count);
}

TEST_F(RealModel, PerplexityAndDivergenceFromABase) {
  const ProgramResult plain = run_program(
      fmt::format("perplexity --model {} --text {} --ctx 128 --chunks 4 --json {}", model_, text_, path("a.json")));
  ASSERT_EQ(plain.exit_code, 0) << plain.errors;
  const json base = json::parse(read_text(path("a.json")));
  EXPECT_EQ(base["perplexity"]["tokens"], 4 * 63);
  EXPECT_EQ(base["perplexity"]["protocol"], "llamacpp-128");
  const ProgramResult rounded = run_program(
      fmt::format("perplexity {0} --text {1} --ctx 128 --chunks 4 --method absmax:int4:row --base {0} --json {2} "
                  "--tokens {3}",
                  model_, text_, path("b.json"), path("tokens.safetensors")));
  ASSERT_EQ(rounded.exit_code, 0) << rounded.errors;
  const json quantized = json::parse(read_text(path("b.json")));
  const Checkpoint tokens = open_checkpoint(path("tokens.safetensors"));
  EXPECT_NEAR(std::exp(mean_of(tokens.at("nll"))), quantized["perplexity"]["value"], 1e-9);
  EXPECT_NEAR(mean_of(tokens.at("divergence")), quantized["kld"]["mean"], 1e-7);
  EXPECT_GT(quantized["kld"]["mean"], 0.001);
  EXPECT_LT(quantized["kld"]["noise_floor"], 1e-6);
  EXPECT_EQ(quantized["method"], "absmax:int4:row");
}

}  // namespace
}  // namespace quantbench
