// Allocation: which format each tensor of a model gets from a method.
//
//   1. A rule of the user that matches the tensor's name.
//   2. A mix: its rules, for every matrix but those that are never quantized (TensorRole::never). A single format: that
//      format for the linear layers; the embedding and the output projection are left alone.
//   3. Solvers that need moments of the inputs, and transforms, are for the linear layers. Other tensors get the solver
//      `search`, or rtn where that does not write the format.
//   4. Where the rows are no multiple of the format's block, the substitute of quantizers/allocation/mixes.rules, and last
//      f16; or an error. What was substituted says so.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/format.h"
#include "quantizers/allocation/mixes.h"
#include "quantizers/allocation/tensor_rules.h"
#include "quantizers/method.h"

namespace quantbench {

/// What the rules of mixes need to know about a model.
struct ModelFacts {
  std::string architecture;  // general.architecture; empty: not known
  std::size_t layers = 0;
  std::size_t query_heads_per_kv_head = 1;
  std::size_t experts = 0;
  bool tied_output = false;  // the embedding is the output projection, too
};

/// What to do where rows are no multiple of a format's block.
enum class Fallback {
  by_method,  // warn for mixes, error for a single format
  error,      // refuse the method
  warn,       // take the substitute and tell the user
  allow       // take the substitute; it is still listed in the report
};

/// "error", "warn", "allow". Throws Error.
Fallback parse_fallback(std::string_view text);

struct AllocationOptions {
  ModelFacts model{};
  std::vector<TensorRule> rules{};  // of the user
  bool importance = false;          // an importance matrix is given: some mixes ask
  Fallback fallback = Fallback::by_method;
};

struct AllocatedTensor {
  Method method;  // as quantize_tensor takes it: its target is `format`
  std::shared_ptr<const Format> format;
  std::string fallback;       // why another format than asked; empty: none
  bool other_solver = false;  // not the method's own: it calibrates, and the inputs of this tensor are not known
};

/// The shape of a matrix; a tensor of more dimensions is as many rows.
struct MatrixShape {
  std::size_t rows = 0;
  std::size_t cols = 0;
};

class Allocation {
 public:
  /// Throws Error when this version cannot run the method, with all that its mix or the rules ask for.
  Allocation(Method method, AllocationOptions options);

  /// Nothing: the tensor stays as it is. Throws Error naming the tensor when its rows do not fit and substitutes are not
  /// allowed.
  std::optional<AllocatedTensor> of(const std::string& tensor, MatrixShape shape) const;

  /// Substitutes are to be told to the user.
  bool warns() const { return fallback_ == Fallback::warn; }

 private:
  std::optional<std::string> wanted_format(const std::string& tensor, MatrixShape shape) const;
  Method method_for(const std::string& format) const;
  std::optional<AllocatedTensor> with_own_solver(const std::string& tensor, MatrixShape shape) const;
  void use_other_solver(AllocatedTensor& allocated) const;

  Method method_;
  AllocationOptions options_;
  const Mix* mix_ = nullptr;
  bool linear_layers_only_ = false;  // the method's solver and transforms
  Fallback fallback_;
};

}  // namespace quantbench
