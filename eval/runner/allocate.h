// Which tensors of a model a method quantizes, and to what.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "eval/runner/experiment.h"
#include "quantizers/allocation/allocation.h"

namespace quantbench {

struct TensorTask {
  Tensor original;
  AllocatedTensor allocated;
};

/// The method stores the model's numbers as they are: the original serves, and nothing has to be made.
bool keeps_original(const TensorTask& task);

struct ModelAllocation {
  std::vector<TensorTask> tasks;  // the linear layers in model order, then others (embedding, output) in file order
  bool warns = false;             // substitutes are to be told to the user

  std::uint64_t size_bytes() const;
  double bits_per_weight() const;
  /// One line, or none: how many tensors are stored in another format than asked, and why the first of them.
  std::string substitutes() const;
  /// One line, or none: which tensors another solver quantizes, because the method's own is for the linear layers.
  std::string other_solvers() const;
};

/// The names of the tensors that the method stores.
std::set<std::string, std::less<>> covered_layers(const ModelAllocation& allocation);

/// `options.model` is filled in here. Throws Error naming the tensor that cannot be stored.
ModelAllocation allocate_model(const LoadedModel& model, const Method& method, AllocationOptions options);

}  // namespace quantbench
