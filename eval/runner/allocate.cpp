#include "eval/runner/allocate.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "models/model_facts.h"
#include "quantizers/transforms/quantize_transformed.h"

namespace quantbench {
namespace {

/// The matrices of the model: the linear layers in model order, then the others in file order.
std::vector<Tensor> matrices_of(const LoadedModel& model) {
  std::vector<Tensor> matrices = model.linear_layers;
  for (const CheckpointTensor& tensor : model.checkpoint->tensors()) {
    const bool linear = std::ranges::find(model.linear_layers, tensor.name, &Tensor::name) != model.linear_layers.end();
    if (tensor.format && tensor.dims.size() == 2 && !linear) matrices.push_back(tensor.tensor());
  }
  return matrices;
}

}  // namespace

bool keeps_original(const TensorTask& task) {
  const Method& method = task.allocated.method;
  return method.solver.empty() && method.transforms.empty() &&
         (method.target == "f32" || task.allocated.format->id == task.original.format->id);
}

std::uint64_t ModelAllocation::size_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& [original, allocated] : tasks) bytes += stored_bytes(allocated.method, original.rows, original.cols);
  return bytes;
}

double ModelAllocation::bits_per_weight() const {
  double weights = 0;
  for (const TensorTask& task : tasks) weights += static_cast<double>(task.original.weights());
  return weights == 0 ? 0 : 8.0 * static_cast<double>(size_bytes()) / weights;
}

std::string ModelAllocation::substitutes() const {
  const auto substituted = [](const TensorTask& task) { return !task.allocated.fallback.empty(); };
  const auto count = std::ranges::count_if(tasks, substituted);
  if (count == 0) return {};
  const TensorTask& first = *std::ranges::find_if(tasks, substituted);
  return fmt::format("{} of {} tensors are stored in another format than asked, the first of them {}: {}", count,
                     tasks.size(), first.original.name, first.allocated.fallback);
}

std::string ModelAllocation::other_solvers() const {
  std::vector<std::string> names;
  for (const auto& [original, allocated] : tasks)
    if (allocated.other_solver) names.push_back(fmt::format("{} ({})", original.name, to_string(allocated.method)));
  return names.empty()
             ? ""
             : fmt::format("the method's solver is for the linear layers; others by: {}", fmt::join(names, ", "));
}

std::set<std::string, std::less<>> covered_layers(const ModelAllocation& allocation) {
  std::set<std::string, std::less<>> names;
  for (const TensorTask& task : allocation.tasks) names.insert(task.original.name);
  return names;
}

ModelAllocation allocate_model(const LoadedModel& model, const Method& method, AllocationOptions options) {
  options.model = model_facts(*model.checkpoint);
  const Allocation allocation(method, std::move(options));
  ModelAllocation result;
  result.warns = allocation.warns();
  for (const Tensor& matrix : matrices_of(model))
    if (auto allocated = allocation.of(matrix.name, {matrix.rows, matrix.cols}))
      result.tasks.push_back({matrix, std::move(*allocated)});
  return result;
}

}  // namespace quantbench
