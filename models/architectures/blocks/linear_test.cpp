#include "models/architectures/blocks/linear.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/error.h"
#include "kernels/synthetic.h"
#include "quantizers/formats/registry.h"

namespace quantbench {
namespace {

class RecordedProducts : public WeightProducts {
 public:
  void multiply(MatrixView input, const Tensor& weight, std::span<float> output) override {
    asked.push_back(weight.name);
    for (std::size_t i = 0; i < output.size(); ++i) output[i] = input.values[0] + static_cast<float>(i);
  }
  std::vector<std::string> asked;
};

TEST(Linear, GivenProductsComputeInsteadOfTheCpuAndShapesAreStillChecked) {
  TensorData weight = synthetic_tensor(find_format("q8_0"), 3, 32, 1);
  const std::vector<float> x(2 * 32, 7.0f);
  std::vector<float> out(2 * 3);
  RecordedProducts products;
  const Execution execution{.products = &products};
  linear({x, 2, 32}, weight.view(), execution, out);
  EXPECT_EQ(out, (std::vector<float>{7, 8, 9, 10, 11, 12}));
  EXPECT_EQ(products.asked, std::vector<std::string>{weight.view().name});
  EXPECT_THROW(linear({x, 1, 64}, weight.view(), execution, out), Error);
  linear({{}, 0, 32}, weight.view(), execution, {});
  EXPECT_EQ(products.asked.size(), 1u) << "nothing to compute";
}

}  // namespace
}  // namespace quantbench
