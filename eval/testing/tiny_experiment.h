// For tests: a folder with a small random model, a text and a config that a run takes some milliseconds for.
#pragma once

#include <filesystem>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/file.h"
#include "core/testing/temporary_folder.h"
#include "eval/config/config.h"
#include "eval/runner/experiment.h"
#include "eval/runner/plan.h"
#include "models/checkpoints/gguf_writer.h"
#include "models/testing/tiny_llama.h"
#include "models/tokenizers/tokenizer_test_support.h"

namespace quantbench::testing_support {

/// With a vocabulary of bytes.
inline void write_model(const std::filesystem::path& path, TinyLlama options) {
  const Metadata tokenizer = tokenizer_test::sentencepiece_metadata({});
  options.vocabulary = 259;
  for (const auto& [key, value] : tokenizer.values()) options.changed_keys.emplace_back(key, value);
  const Checkpoint checkpoint = tiny_llama(options);
  std::vector<GgufTensorInfo> infos;
  for (const CheckpointTensor& tensor : checkpoint.tensors()) infos.push_back({tensor.name, tensor.dims, 0});
  GgufWriter writer(path, checkpoint.metadata(), infos);
  for (const CheckpointTensor& tensor : checkpoint.tensors()) writer.append(tensor.name, tensor.bytes);
  writer.commit();
}

inline void write_tiny_model(const std::filesystem::path& path, std::uint32_t width = 64) {
  write_model(path, {.width = width, .layers = 1, .heads = 2, .kv_heads = 1, .head_size = 32, .feed_forward = 96});
}

inline void write_tiny_text(const std::filesystem::path& path, unsigned seed) {
  std::mt19937 random(seed);
  std::string text;
  for (int i = 0; i < 400; ++i) text += static_cast<char>('a' + random() % 26);
  write_text_atomically(path, text);
}

/// Model, texts and config in a temporary folder, loaded and planned.
struct TinyExperiment {
  explicit TinyExperiment(const std::string& methods = "[f32, f16, absmax:int8:g32, absmax:int4:g32, rtn:q4_0]",
                          const std::vector<std::string>& overrides = {}) {
    write_tiny_model(folder / "model.gguf");
    write_tiny_text(folder / "text.txt", 1);
    write_tiny_text(folder / "calibration.txt", 2);
    write_text_atomically(folder / "tiny.yaml",
                          "model: model.gguf\n"
                          "dataset: {text: text.txt, protocol: llamacpp-512, n_ctx: 32, chunks: 5}\n"
                          "calibration: {text: calibration.txt, n_ctx: 32}\n"
                          "methods: " +
                              methods + "\n");
    config = load_config(folder / "tiny.yaml", overrides);
    experiment = load_experiment(config);
    plan = make_plan(config, experiment);
  }

  TemporaryFolder folder;
  Config config;
  Experiment experiment;
  Plan plan;
};

}  // namespace quantbench::testing_support
