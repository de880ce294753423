// The configs of published tables: every figure is in one of them with its source, and each can be run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "core/file.h"
#include "eval/config/config.h"
#include "eval/runner/plan.h"
#include "eval/testing/tiny_experiment.h"

namespace quantbench {
namespace {

const std::filesystem::path folder = std::filesystem::path(QUANTBENCH_SOURCE_DIR) / "configs" / "papers";

std::vector<std::filesystem::path> configs() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".yaml") paths.push_back(entry.path());
  std::ranges::sort(paths);
  return paths;
}

bool is_on_stories(const std::filesystem::path& path) { return path.stem().string().ends_with("_stories"); }

using Figure = std::tuple<std::string, std::string, double>;  // source, model, value

std::set<Figure> figures_of_all_configs() {
  std::set<Figure> figures;
  for (const auto& path : configs()) {
    if (is_on_stories(path)) continue;
    for (const PublishedFigure& figure : load_config(path, {"model=any.gguf"}).expectations.figures)
      figures.emplace(figure.source, figure.model, figure.value);
  }
  return figures;
}

TEST(PaperConfigs, EveryPublishedFigureIsInOneWithItsSource) {
  const std::set<Figure> figures = figures_of_all_configs();
  std::map<std::string, int> of_source;
  for (const auto& record : nlohmann::json::parse(read_text(folder / "figures.json"))) {
    const Figure figure{record.at("source"), record.at("model_name"), record.at("value")};
    EXPECT_TRUE(figures.contains(figure)) << record.dump();
    ++of_source[record.at("source")];
  }
  // Rows times columns of the printed tables.
  EXPECT_EQ(of_source.at("GPTQ arXiv:2210.17323v2 Table 3"), 5 * 9);
  EXPECT_EQ(of_source.at("GPTQ arXiv:2210.17323v2 Table 4"), 5 * 6);
  EXPECT_EQ(of_source.at("GPTQ Table 5"), 7 * 8);
  EXPECT_EQ(of_source.at("GPTQ Table 7"), 3 * 2);
  EXPECT_EQ(of_source.at("GPTQ Table 8"), 5 * 2);
  EXPECT_EQ(of_source.at("AWQ arXiv:2306.00978 Table 1"), 11 * 3);
  EXPECT_EQ(of_source.at("AWQ Table 2"), 5 * 4);
  EXPECT_EQ(of_source.at("AWQ Table 4"), 9 * 7);
  EXPECT_EQ(of_source.at("AWQ Table 9 (v6) / Table 6 (early)"), 4 * 5);
  EXPECT_EQ(of_source.at("AWQ Fig 8 (cross-distribution calibration)"), 4);
  EXPECT_GE(of_source.at("llama.cpp#1684"), 10 * 2 + 16);
  EXPECT_GE(of_source.at("llama.cpp examples/perplexity/README.md @f364eb6f"), 46 * 4);
  for (const char* source : {"llama.cpp#4930", "llama.cpp#4969", "llama.cpp#4773", "llama.cpp#5196", "llama.cpp#6302",
                             "llama.cpp#7412", "llama.cpp#21551", "QuaRot A.3 (text)", "KVQuant arXiv:2401.18079"})
    EXPECT_TRUE(of_source.contains(source)) << source;
}

TEST(PaperConfigs, EveryFigureHasAToleranceAndATextThatSaysHow) {
  for (const auto& path : configs()) {
    EXPECT_THAT(read_text(path), testing::HasSubstr("quantbench run configs/papers/" + path.filename().string()))
        << path;
    const Config config = load_config(path, {"model=any.gguf"});
    EXPECT_FALSE(config.expectations.empty()) << path;
    for (const PublishedFigure& figure : config.expectations.figures) {
      EXPECT_FALSE(figure.source.empty()) << path;
      EXPECT_FALSE(figure.model.empty()) << path << figure.method;
      EXPECT_GT(figure.tolerance.amount, 0) << path << figure.method;
    }
    for (const ExpectedOrdering& ordering : config.expectations.orderings)
      for (const std::string& method : {ordering.better, ordering.worse})
        EXPECT_THAT(config.methods, testing::Contains(parse_method(method))) << path;
  }
}

/// Rows of every width that the tables' groups and super-blocks need.
void write_wide_model(const std::filesystem::path& path) {
  const testing_support::TemporaryFolder unused;
  testing_support::TinyLlama options;
  const Metadata tokenizer = tokenizer_test::sentencepiece_metadata({});
  options.vocabulary = 259;
  options.width = 1024;
  options.heads = 8;
  options.kv_heads = 8;
  options.head_size = 128;
  options.feed_forward = 1024;
  options.layers = 1;
  for (const auto& [key, value] : tokenizer.values()) options.changed_keys.emplace_back(key, value);
  options.changed_keys.emplace_back("llama.context_length", MetadataValue{std::uint32_t{8192}});
  const Checkpoint checkpoint = testing_support::tiny_llama(options);
  std::vector<GgufTensorInfo> infos;
  for (const CheckpointTensor& tensor : checkpoint.tensors()) infos.push_back({tensor.name, tensor.dims, 0});
  GgufWriter writer(path, checkpoint.metadata(), infos);
  for (const CheckpointTensor& tensor : checkpoint.tensors()) writer.append(tensor.name, tensor.bytes);
  writer.commit();
}

TEST(PaperConfigs, EachIsPlanned) {
  const testing_support::TemporaryFolder files;
  write_wide_model(files / "model.gguf");
  write_text_atomically(files / "text.txt", std::string(9000, 'a') + std::string(9000, 'b'));
  for (const auto& path : configs()) {
    std::vector<std::string> overrides{"model=" + (files / "model.gguf").string()};
    const bool calibrates = load_config(path, overrides).calibration.has_value();
    if (!is_on_stories(path)) {
      overrides.push_back("dataset.text=" + (files / "text.txt").string());
      if (calibrates) overrides.push_back("calibration.text=" + (files / "text.txt").string());
    } else {
      overrides.clear();
    }
    const Config config = load_config(path, overrides);
    const Plan plan = make_plan(config, load_experiment(config));
    EXPECT_EQ(plan.cells.size(), config.methods.size()) << path;
    EXPECT_GE(plan.cells.size(), 3u) << path;
  }
}

}  // namespace
}  // namespace quantbench
