#include "quantizers/allocation/allocation.h"

#include "core/error.h"
#include "quantizers/formats/registry.h"
#include "quantizers/method_catalog.h"
#include "quantizers/solver.h"

namespace quantbench {
namespace {

constexpr std::size_t super_block = 256;  // of the formats that the rules choose between

const Mix* mix_of(const Method& method) {
  const auto name = mix_of_target(method.target);
  return name ? find_mix(*name) : nullptr;
}

/// The first format along the substitutes that can hold rows of `cols` weights.
std::shared_ptr<const Format> substitute_for(std::shared_ptr<const Format> format, std::size_t cols) {
  while (cols % format->block != 0) {
    const auto& substitutes = mix_table().substitutes;
    const auto found = substitutes.find(format->id);
    format = find_format(found == substitutes.end() ? "f16" : found->second);
  }
  return format;
}

bool needs_moments(const Method& method) {
  if (method.solver.empty()) return false;
  const auto& solver = *Registry<SolverEntry>::instance().at(method.solver).solver;
  const CalibrationNeeds needs = solver.needs(solver_options(without_transforms(method)));
  return needs.second_moments || needs.cross_moments;
}

}  // namespace

Fallback parse_fallback(std::string_view text) {
  if (text == "error") return Fallback::error;
  if (text == "warn") return Fallback::warn;
  if (text == "allow") return Fallback::allow;
  fail("fallback is error, warn or allow, not '{}'", text);
}

Allocation::Allocation(Method method, AllocationOptions options)
    : method_(std::move(method)), options_(std::move(options)), mix_(mix_of(method_)), fallback_(options_.fallback) {
  check_method(method_);
  const auto rules = method_.options.find(std::string(rules_option));
  if (rules != method_.options.end() && options_.rules.empty())
    fail("method '{}': the rules '{}' are not given; a config defines them under its key rules", to_string(method_),
         rules->second);
  method_.options.erase(std::string(rules_option));
  for (const TensorRule& rule : options_.rules)
    if (rule.format != keep_format) check_method(method_for(rule.format));
  linear_layers_only_ = needs_moments(method_) || !method_.transforms.empty();
  if (fallback_ == Fallback::by_method) fallback_ = mix_ != nullptr ? Fallback::warn : Fallback::error;
}

Method Allocation::method_for(const std::string& format) const {
  Method method{method_.transforms, method_.solver, format, method_.options};
  if (!find_format(format)->floating_point) return method;
  return {.transforms = method_.transforms, .solver = {}, .target = format, .options = {}};
}

std::optional<std::string> Allocation::wanted_format(const std::string& tensor, MatrixShape shape) const {
  TensorRole role = role_of(tensor);
  if (role == TensorRole::never) return std::nullopt;
  if (const TensorRule* rule = find_rule(options_.rules, tensor))
    return rule->format == keep_format ? std::nullopt : std::optional(rule->format);
  if (mix_ == nullptr) return is_linear(role) ? std::optional(method_.target) : std::nullopt;
  if (role == TensorRole::token_embd && options_.model.tied_output) role = TensorRole::output;
  const ModelFacts& model = options_.model;
  return mix_->format_of(role, {.layer = layer_of(tensor).value_or(0),
                                .layers = model.layers,
                                .query_heads_per_kv_head = model.query_heads_per_kv_head,
                                .experts = model.experts,
                                .importance = options_.importance,
                                .ragged = shape.cols % super_block != 0,
                                .falcon = model.architecture == "falcon"});
}

void Allocation::use_other_solver(AllocatedTensor& allocated) const {
  if (allocated.method.solver.empty()) {
    allocated.method.transforms.clear();
    return;
  }
  allocated.method = {.transforms = {}, .solver = "search", .target = allocated.format->id, .options = {}};
  const auto& search = *Registry<SolverEntry>::instance().at("search").solver;
  try {
    search.check(*allocated.format, {});
  } catch (const Error&) {
    allocated.method.solver = "rtn";
  }
  allocated.other_solver = allocated.method.solver != method_.solver;
}

std::optional<AllocatedTensor> Allocation::of(const std::string& tensor, MatrixShape shape) const {
  auto allocated = with_own_solver(tensor, shape);
  if (allocated && linear_layers_only_ && !is_linear(role_of(tensor))) use_other_solver(*allocated);
  if (allocated) check_method(allocated->method);
  return allocated;
}

std::optional<AllocatedTensor> Allocation::with_own_solver(const std::string& tensor, MatrixShape shape) const {
  const auto wanted = wanted_format(tensor, shape);
  if (!wanted) return std::nullopt;
  const auto asked = find_format(*wanted);
  if (shape.cols % asked->block == 0) return AllocatedTensor{method_for(asked->id), asked, {}};
  const auto format = substitute_for(asked, shape.cols);
  if (fallback_ == Fallback::error)
    fail(
        "tensor '{}' ({} x {}): rows of {} weights are no multiple of the {} that {} stores together; with fallback "
        "warn or allow it becomes {}",
        tensor, shape.rows, shape.cols, shape.cols, asked->block, asked->id, format->id);
  return AllocatedTensor{method_for(format->id), format,
                         fmt::format("rows of {} weights are no multiple of {}: {} instead of {}", shape.cols,
                                     asked->block, format->id, asked->id)};
}

}  // namespace quantbench
