// Every architecture against the Python package `transformers`: small random models in testdata/architectures, made by
// scripts/make_architecture_fixtures.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

#include "core/error.h"
#include "kernels/cpu/decode.h"
#include "models/hugging_face/family.h"
#include "models/hugging_face/open_model.h"
#include "models/model.h"
#include "models/testing/fixture_folders.h"

namespace quantbench {
namespace {

const std::filesystem::path fixtures = std::filesystem::path(QUANTBENCH_SOURCE_DIR) / "testdata/architectures";

struct Expected {
  explicit Expected(const std::string& name) : file(open_checkpoint(fixtures / (name + ".safetensors"))) {
    const CheckpointTensor& ids = file.at("tokens");
    length = ids.row_length();
    windows = ids.row_count();
    const auto* const first = reinterpret_cast<const std::int32_t*>(ids.bytes.data());
    tokens.assign(first, first + windows * length);
    const auto* const numbers = reinterpret_cast<const float*>(file.at("logits").bytes.data());
    logits.assign(numbers, numbers + file.at("logits").bytes.size() / sizeof(float));
  }

  Checkpoint file;
  std::size_t windows = 0, length = 0;
  std::vector<std::int32_t> tokens;
  std::vector<float> logits;  // (windows, length, vocabulary)
};

float largest(std::span<const float> values) {
  float most = 0;
  for (const float value : values) most = std::max(most, std::abs(value));
  return most;
}

class Architectures : public testing::TestWithParam<std::string> {};

TEST_P(Architectures, LogitsAreThoseOfTransformers) {
  const Checkpoint checkpoint = open_model(fixtures / GetParam());
  const auto model = load_model(checkpoint);
  const Expected expected(GetParam());
  std::vector<float> logits;
  model->forward(weights_of(checkpoint), {expected.tokens, expected.windows, expected.length}, {.threads = 2},
                 [&](const LogitsBlock& block) {
                   logits.insert(logits.end(), block.logits.values.begin(), block.logits.values.end());
                 });
  ASSERT_EQ(logits.size(), expected.logits.size());
  const float tolerance = 2e-4f * largest(expected.logits);
  float most = 0;
  for (std::size_t index = 0; index < logits.size(); ++index)
    most = std::max(most, std::abs(logits[index] - expected.logits[index]));
  EXPECT_LE(most, tolerance);
  RecordProperty("largest_difference_relative_to_largest_logit", std::to_string(most / largest(expected.logits)));
}

/// InputGroup's promise, with factors that differ between columns.
TEST_P(Architectures, InputsCanBeRescaledWhereTheModelSaysSo) {
  const Checkpoint checkpoint = open_model(fixtures / GetParam());
  const auto model = load_model(checkpoint);
  const Expected expected(GetParam());
  std::map<std::string, std::vector<float>> changed;
  const Weights original = weights_of(checkpoint);
  const auto edit = [&](const std::string& name) -> std::vector<float>& {
    const auto found = changed.find(name);
    if (found != changed.end()) return found->second;
    const Tensor& tensor = original.at(name);
    std::vector<float> values(tensor.weights());
    decode_rows(tensor, 0, tensor.rows, values, 1);
    return changed.emplace(name, std::move(values)).first->second;
  };
  for (std::size_t block = 0; block < model->block_count(); ++block) {
    for (const InputGroup& group : model->input_groups(block)) {
      if (!group.scalable) continue;
      const auto scale = [&](std::size_t producer_row) { return 0.5f + 0.25f * static_cast<float>(producer_row % 5); };
      const std::size_t cols = group.producer_rows.size();
      for (const std::string& layer : group.layers) {
        std::vector<float>& values = edit(layer);
        for (std::size_t index = 0; index < values.size(); ++index)
          values[index] *= scale(group.producer_rows[index % cols]);
      }
      const std::set<std::size_t> rows(group.producer_rows.begin(), group.producer_rows.end());
      const Tensor& producer = original.at(group.producer);
      const std::size_t run = group.kind == ProducerKind::norm ? 1 : producer.cols;
      for (const std::size_t row : rows) {
        for (std::size_t col = 0; col < run; ++col) edit(group.producer)[row * run + col] /= scale(row);
        if (!group.producer_bias.empty()) edit(group.producer_bias)[row] /= scale(row);
      }
    }
  }
  Weights weights = original;
  for (const auto& [name, values] : changed) weights[name].bytes = std::as_bytes(std::span(values));
  std::vector<float> logits;
  model->forward(weights, {expected.tokens, expected.windows, expected.length}, {}, [&](const LogitsBlock& block) {
    logits.insert(logits.end(), block.logits.values.begin(), block.logits.values.end());
  });
  const float tolerance = 5e-4f * largest(expected.logits);
  ASSERT_EQ(logits.size(), expected.logits.size());
  for (std::size_t index = 0; index < logits.size(); ++index)
    ASSERT_NEAR(logits[index], expected.logits[index], tolerance) << "logit " << index;
}

TEST_P(Architectures, TheObserverSeesEachLinearLayerOnceInModelOrder) {
  const Checkpoint checkpoint = open_model(fixtures / GetParam());
  const auto model = load_model(checkpoint);
  const Expected expected(GetParam());
  std::vector<std::string> names;
  ForwardOptions options;
  options.observer = [&](std::string_view name, MatrixView input) {
    EXPECT_EQ(input.cols, checkpoint.at(name).row_length());
    names.emplace_back(name);
  };
  model->forward(weights_of(checkpoint), {expected.tokens, expected.windows, expected.length}, options, {});
  EXPECT_EQ(names, model->linear_layers());
}

INSTANTIATE_TEST_SUITE_P(Fixtures, Architectures, testing::ValuesIn(testing_support::folders_in(fixtures)),
                         [](const auto& each) { return each.param; });

TEST(ArchitectureFixtures, CoverEveryRegisteredArchitectureAndFamily) {
  std::set<std::string> architectures, families;
  for (const std::string& name : testing_support::folders_in(fixtures)) {
    const Checkpoint files = open_checkpoint(fixtures / name);
    families.insert(*ConfigJson::read(*files.config()).text("model_type"));
    architectures.insert(translated(files).metadata().text("general.architecture"));
  }
  const auto all = [](const auto& registry) {
    const std::vector<std::string> names = registry.names();
    return std::set<std::string>(names.begin(), names.end());
  };
  EXPECT_EQ(architectures, all(Registry<Architecture>::instance()));
  EXPECT_EQ(families, all(Registry<HuggingFaceFamily>::instance()));
}

}  // namespace
}  // namespace quantbench
