// Hugging Face directories of every architecture, written as GGUF files and read back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eval/quantize_file.h"
#include "eval/testing/tiny_experiment.h"
#include "models/hugging_face/open_model.h"
#include "models/model.h"
#include "models/testing/fixture_folders.h"
#include "quantizers/method_catalog.h"

namespace quantbench {
namespace {

const std::filesystem::path fixtures = std::filesystem::path(QUANTBENCH_SOURCE_DIR) / "testdata/architectures";

std::vector<float> logits_of(const Checkpoint& checkpoint) {
  const auto model = load_model(checkpoint);
  const std::vector<std::int32_t> tokens = testing_support::random_tokens(24, 61, 4);
  std::vector<float> logits;
  model->forward(weights_of(checkpoint), {tokens, 1, tokens.size()}, {}, [&](const LogitsBlock& block) {
    logits.insert(logits.end(), block.logits.values.begin(), block.logits.values.end());
  });
  return logits;
}

void write_gguf(const Checkpoint& model, const char* method, const std::filesystem::path& out) {
  QuantizeFileOptions options;
  options.method = parse_method(method);
  options.fallback = Fallback::allow;
  FileQuantizer(model, options).write(out, {});
}

TEST(HuggingFaceToGguf, FilesGiveTheSameLogits) {
  const testing_support::TemporaryFolder folder;
  const std::vector<std::string> names = testing_support::folders_in(fixtures);
  for (const std::string& name : names) {
    const Checkpoint directory = open_model(fixtures / name);
    write_gguf(directory, "f32", folder / "model.gguf");
    const Checkpoint file = open_model(folder / "model.gguf");
    EXPECT_EQ(file.metadata().text("general.architecture"), directory.metadata().text("general.architecture"));
    EXPECT_EQ(logits_of(file), logits_of(directory)) << name;
  }
  EXPECT_GT(names.size(), 10u);
}

TEST(HuggingFaceToGguf, LinearLayersAreQuantizedAndNothingElse) {
  const testing_support::TemporaryFolder folder;
  for (const char* const name : {"gpt2", "gemma3", "bloom", "opt_350m"}) {
    const Checkpoint directory = open_model(fixtures / name);
    write_gguf(directory, "rtn:q8_0", folder / "model.gguf");
    const Checkpoint file = open_model(folder / "model.gguf");
    const std::vector<std::string> linear = load_model(directory)->linear_layers();
    for (const CheckpointTensor& tensor : file.tensors()) {
      const bool is_linear = std::ranges::find(linear, tensor.name) != linear.end();
      EXPECT_EQ(tensor.type_name != "F32", is_linear) << name << ": " << tensor.name << " " << tensor.type_name;
    }
  }
}

}  // namespace
}  // namespace quantbench
