// Perplexities of a small model made by others, against the values of an independent runtime.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/file.h"
#include "datasets/text.h"
#include "eval/evaluate.h"
#include "eval/metrics/perplexity.h"
#include "models/checkpoints/checkpoint.h"
#include "models/tokenizers/tokenizer.h"

namespace quantbench {
namespace {

const std::filesystem::path reference_models = std::filesystem::path(QUANTBENCH_SHARED) / "models";

TEST(ReferencePerplexity, EqualsAnIndependentRuntime) {
  if (!std::filesystem::exists(reference_models / "expected.json"))
    GTEST_SKIP() << "the reference model is not part of the project and not at " << reference_models;
  const auto expected = nlohmann::json::parse(read_text(reference_models / "expected.json"));
  const Checkpoint checkpoint = open_checkpoint(reference_models / expected["model"].get<std::string>());
  const auto model = load_model(checkpoint);
  const auto tokenizer = load_tokenizer(checkpoint.metadata());
  const Text text = load_text(reference_models / expected["text"].get<std::string>());
  const std::vector<TokenId> tokens = tokenizer->encode(text.content);
  EXPECT_EQ(tokens.size() + 1, expected["tokens_with_bos"].get<std::size_t>());
  ASSERT_GT(expected["perplexity"].size(), 0u);
  for (const auto& wanted : expected["perplexity"]) {
    const Protocol protocol = parse_protocol("llamacpp", wanted["n_ctx"].get<std::size_t>());
    const Windows windows = cut_windows(tokens, protocol, tokenizer->leading_bos());
    EXPECT_EQ(windows.count, wanted["chunks"].get<std::size_t>());
    const Evaluation found = evaluate(*model, weights_of(checkpoint), windows, protocol, {.threads = 2});
    const Perplexity value = perplexity(found.nll);
    EXPECT_NEAR(value.value, wanted["value"].get<double>(), expected["tolerance_abs"].get<double>()) << protocol.name;
    // The other runtime divides by n where the definition here divides by n - 1.
    EXPECT_NEAR(value.stderr_, wanted["stderr"].get<double>(), 1e-3 * value.stderr_) << protocol.name;
  }
}

}  // namespace
}  // namespace quantbench
