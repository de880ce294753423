#include "eval/sensitivity/candidates.h"

#include "core/error.h"

namespace quantbench {

std::vector<TensorCandidates> candidates_of(const LoadedModel& model, const Method& method,
                                            const std::vector<std::string>& formats) {
  std::vector<TensorCandidates> candidates;
  for (const std::string& format : formats) {
    AllocationOptions options;
    options.rules = {make_tensor_rule(".", format)};
    options.importance = true;
    options.fallback = Fallback::allow;  // to see which tensors do not fit
    const ModelAllocation allocation = allocate_model(model, method, std::move(options));
    if (candidates.empty())
      for (const TensorTask& task : allocation.tasks) candidates.push_back({task.original, {}});
    for (std::size_t tensor = 0; tensor < candidates.size(); ++tensor)
      if (const AllocatedTensor& allocated = allocation.tasks[tensor].allocated; allocated.fallback.empty())
        candidates[tensor].choices.push_back(allocated);
  }
  for (const auto& [original, choices] : candidates)
    if (choices.empty()) fail("tensor '{}': rows of {} weights fit none of the formats", original.name, original.cols);
  return candidates;
}

}  // namespace quantbench
