// The solver `search`: scales (and offsets) found by trying candidates, each with its levels rounded and its weighted least
// squares solved exactly. What is tried for a format is its RowEncoder's business; here is what all have in common.
//
// The objective is sum importance_j (w_ij - w'_ij)^2 over a row, with importance = mean x^2 of input column j: the expected
// squared error of the layer's output when inputs are uncorrelated. Without calibration every column counts the same.
#include <algorithm>
#include <vector>

#include "core/parallel.h"
#include "quantizers/solver.h"
#include "quantizers/solvers/search/row_encoder.h"

namespace quantbench {
namespace {

const RowEncoder* find_encoder(const Format& format) {
  const auto& encoders = Registry<RowEncoder>::instance();
  for (const std::string& name : encoders.names())
    if (encoders.at(name).writes(format)) return &encoders.at(name);
  return nullptr;
}

Effort effort_of(const std::map<std::string, std::string>& options) {
  const auto found = options.find("effort");
  if (found == options.end() || found->second == "default") return Effort::standard;
  return found->second == "best" ? Effort::best : Effort::fast;
}

/// Columns that calibration never saw active still count a little: a weight of 0 would leave them to chance.
std::vector<float> importance_of(const SolverInput& input) {
  constexpr float least_share_of_mean = 1e-6f;
  const auto mean_square = input.calibration.mean_square;
  double sum = 0;
  for (const float value : mean_square) sum += value;
  if (!(sum > 0)) return std::vector<float>(input.weights.cols, 1.0f);
  const float mean = static_cast<float>(sum / static_cast<double>(mean_square.size()));
  std::vector<float> importance(mean_square.begin(), mean_square.end());
  // Relative to the mean, so that sums of products stay in the range of binary32 whatever the inputs' unit.
  for (float& value : importance) value = std::max(value / mean, least_share_of_mean);
  return importance;
}

class Search : public Solver {
 public:
  void check(const Format& format, const std::map<std::string, std::string>&) const override {
    if (find_encoder(format) == nullptr) fail("the solver search does not write {}", format.id);
  }

  void quantize(const SolverInput& input, TensorData& out) const override {
    const Format& format = *out.view().format;
    const RowEncoder& encoder = *find_encoder(format);
    const std::vector<float> importance = importance_of(input);
    const Effort effort = effort_of(input.options);
    parallel_for(input.threads, input.weights.rows, [&](std::size_t row) {
      encoder.encode(format, {input.weights.row(row), importance, effort}, out.row(row));
    });
  }
};

const Register<SolverEntry> registered{
    "search", {std::make_shared<Search>(), "weighted least squares over candidate scales, for each group of weights"}};

}  // namespace
}  // namespace quantbench
