#include "eval/forward_windows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "models/testing/tiny_llama.h"

namespace quantbench {
namespace {

using testing_support::random_tokens;
using testing_support::tiny_llama;
using testing_support::TinyLlama;

Windows windows_of(std::size_t count, std::size_t length) {
  Windows windows;
  windows.count = count;
  windows.length = length;
  windows.tokens = random_tokens(count * length, TinyLlama().vocabulary, 3);
  return windows;
}

struct Logits {
  std::vector<std::size_t> places;  // window, first position
  std::vector<float> values;
  bool operator==(const Logits&) const = default;

  void add(std::size_t window, const LogitsBlock& block) {
    places.insert(places.end(), {window, block.first_position});
    values.insert(values.end(), block.logits.values.begin(), block.logits.values.end());
  }
};

/// Counts how often a tensor is loaded and given back.
class CountingSource final : public TensorSource {
 public:
  struct Counts {
    int loads = 0, releases = 0;
    bool operator==(const Counts&) const = default;
  };
  CountingSource(Tensor tensor, Counts& counts) : tensor_(std::move(tensor)), counts_(counts) {}
  Tensor load() const override {
    ++counts_.loads;
    return tensor_;
  }
  void release() const override { ++counts_.releases; }

 private:
  Tensor tensor_;
  Counts& counts_;
};

TEST(ForwardWindows, LogitsAreThoseOfTheModelHoweverManyRounds) {
  const Checkpoint checkpoint = tiny_llama();
  const auto model = load_model(checkpoint);
  const Weights weights = weights_of(checkpoint);
  const Windows windows = windows_of(7, 13);
  const ForwardOptions options{.first_position = 4};
  Logits expected;
  model->forward(weights, {windows.tokens, 7, 13}, options,
                 [&](const LogitsBlock& block) { expected.add(block.window, block); });
  const std::size_t of_window = 13 * model->width() * sizeof(float);
  for (const std::size_t windows_at_once : {1, 2, 3, 7, 100}) {
    const WindowPass pass{*model, weights, windows, options, windows_at_once * of_window};
    Logits logits;
    forward_windows(pass, {},
                    [&](std::size_t first, const LogitsBlock& block) { logits.add(first + block.window, block); });
    EXPECT_EQ(logits, expected) << windows_at_once << " windows at once";
    EXPECT_EQ(stream_bytes(*model, windows, pass.stream_limit), std::min<std::size_t>(windows_at_once, 7) * of_window);
  }
}

TEST(ForwardWindows, WeightsOfABlockAreLoadedOnceForAllWindowsAndGivenBack) {
  const Checkpoint checkpoint = tiny_llama();
  const auto model = load_model(checkpoint);
  Weights weights = weights_of(checkpoint);
  std::map<std::string, CountingSource::Counts> counts;
  for (auto& [name, tensor] : weights) {
    const Tensor original = tensor;
    tensor.source = std::make_shared<const CountingSource>(original, counts[name]);
    tensor.bytes = {};
  }
  const Windows windows = windows_of(300, 13);  // more than one batch of 2048 tokens
  forward_windows({*model, weights, windows, {}}, {}, [](std::size_t, const LogitsBlock&) {});
  for (const auto& [name, count] : counts)
    if (name.starts_with("blk."))
      EXPECT_EQ(count, (CountingSource::Counts{1, 1})) << name;
    else
      EXPECT_GE(count.loads, 1) << name;
}

}  // namespace
}  // namespace quantbench
