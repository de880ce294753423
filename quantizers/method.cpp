#include "quantizers/method.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "core/registry.h"
#include "quantizers/allocation/mixes.h"
#include "quantizers/formats/registry.h"
#include "quantizers/method_catalog.h"
#include "quantizers/solver.h"
#include "quantizers/split.h"
#include "quantizers/transforms/transform.h"

namespace quantbench {
namespace {

using Solvers = Registry<SolverEntry>;
using Transforms = Registry<TransformEntry>;
using Parts = std::vector<std::string_view>;

bool is_solver(std::string_view name) { return find_step(known_solvers(), name) || Solvers::instance().contains(name); }
bool is_alias(std::string_view name) { return name == "absmax" || name == "zero_point"; }
bool is_transform(std::string_view name) { return find_step(known_transforms(), name) != nullptr; }

bool is_integer_target(std::string_view target) { return target.starts_with("int"); }
bool is_grouped_target(std::string_view target) { return is_integer_target(target) || has_float_levels(target); }
bool is_float_target(std::string_view target) { return target == "f32" || target == "f16" || target == "bf16"; }

std::string suggest_word(std::string_view word) {
  std::vector<std::string> words = method_words();
  for (std::string& name : Solvers::instance().names()) words.push_back(std::move(name));
  return suggestion(word, words);
}

/// What stands before the target: transforms, then possibly a solver or an alias of rtn.
struct Steps {
  std::vector<std::string> transforms;
  std::string_view solver;
};

bool starts_with_steps(std::string_view part) {
  return part.find('+') != std::string_view::npos || is_transform(part) || is_solver(part) || is_alias(part);
}

Steps parse_steps(std::string_view part, std::string_view id) {
  Steps steps;
  for (const std::string_view name : split(part, '+')) {
    if (!steps.solver.empty())
      fail("method '{}': the solver {} comes last, after all transforms; '{}' follows it", id, steps.solver, name);
    if (is_solver(name) || is_alias(name)) {
      steps.solver = name;
    } else if (!is_transform(name)) {
      fail("method '{}': '{}' is neither a transform nor a solver{}", id, name, suggest_word(name));
    } else if (std::ranges::find(steps.transforms, name) != steps.transforms.end()) {
      fail("method '{}' applies {} twice", id, name);
    } else {
      steps.transforms.emplace_back(name);
    }
  }
  return steps;
}

bool is_format_part(std::string_view part) {
  return part == "tensor" || part == "row" || part == "sym" || part == "asym" || part == "dq" ||
         part.starts_with("scale=") ||
         (part.size() > 1 && part[0] == 'g' && part.find_first_not_of("0123456789", 1) == std::string_view::npos);
}

/// Takes the parts of a format with groups of any size out of `parts`, wherever they stand among the options.
std::string take_grouped_format(Parts& parts, std::string_view alias, std::string_view id) {
  std::string format;
  Parts options;
  for (const std::string_view part : parts) {
    if (!format.empty() && !is_format_part(part)) {
      options.push_back(part);
    } else {
      if (!format.empty()) format += ':';
      format += part;
    }
    if ((alias == "absmax" && part == "asym") || (alias == "zero_point" && part == "sym"))
      fail("method '{}' contradicts itself: absmax is symmetric and zero_point is asymmetric", id);
  }
  const bool integers = is_integer_target(format), names_scale = format.find(":scale=") != std::string::npos;
  if (integers && alias == "absmax" && std::ranges::find(parts, "sym") == parts.end()) format += ":sym";
  if (integers && alias == "gptq" && !names_scale && std::ranges::find(parts, reference_option) != parts.end())
    format += ":scale=f32";
  parts = options;
  return find_format(format)->id;
}

/// The canonical target; removes its parts from the front of `parts`.
std::string take_target(Parts& parts, std::string_view alias, std::string_view id) {
  if (parts.empty()) fail("method '{}' names no format", id);
  const std::string_view name = parts.front();
  if (is_integer_target(name) || (has_float_levels(name) && alias != "zero_point"))
    return take_grouped_format(parts, alias, id);
  if (is_alias(alias))
    fail("method '{}': {} takes an integer format such as int4:g128{}, not '{}'", id, alias,
         alias == "absmax" ? fmt::format(" or one of {}", fmt::join(table_names(), ", ")) : "", name);
  parts.erase(parts.begin());
  if (is_float_target(name) || is_gguf_type(name)) return std::string(name);
  if (is_mix(name)) return mix_id(name);
  if (name != "mix") fail("method '{}': unknown format '{}'{}", id, name, suggest_word(name));
  if (parts.empty() || !is_mix(parts.front())) fail("method '{}': mix: is followed by the name of a mix", id);
  std::string mix = mix_id(parts.front());
  parts.erase(parts.begin());
  return mix;
}

std::string choose_solver(const Steps& steps, const std::string& target, std::string_view id) {
  if (is_float_target(target)) {
    if (!steps.solver.empty())
      fail("method '{}': {} is a plain conversion and takes no solver; write {}", id, target, target);
    return {};
  }
  if (is_alias(steps.solver)) return "rtn";
  if (!steps.solver.empty()) return std::string(steps.solver);
  if (!steps.transforms.empty()) return "rtn";
  if (is_integer_target(target))
    fail("method '{}' does not say how to quantize; write absmax:{} (symmetric) or zero_point:{} (asymmetric)", id, id,
         id);
  if (has_float_levels(target))
    fail(
        "method '{}' does not say how to quantize; write absmax:{} (plain rounding) or search:{} (scales by least "
        "squares)",
        id, id, id);
  return "search";
}

/// The options that the method's steps know; nothing when the solver is known by the registry only, and checks its own.
std::optional<std::vector<OptionSpec>> option_specs(const Method& method) {
  std::vector<OptionSpec> specs = evaluation_options();
  for (const std::string& transform : method.transforms)
    if (const StepSpec* step = find_step(known_transforms(), transform))
      specs.insert(specs.end(), step->options.begin(), step->options.end());
  if (method.solver.empty()) return specs;
  const StepSpec* solver = find_step(known_solvers(), method.solver);
  if (solver == nullptr) return std::nullopt;
  specs.insert(specs.end(), solver->options.begin(), solver->options.end());
  specs.insert(specs.end(), allocation_options().begin(), allocation_options().end());
  return specs;
}

const OptionSpec& find_option(const std::vector<OptionSpec>& specs, std::string_view name, const Method& method,
                              std::string_view id) {
  const auto spec = std::ranges::find(specs, name, &OptionSpec::name);
  if (spec != specs.end()) return *spec;
  std::vector<std::string> known;
  for (const OptionSpec& option : specs) known.emplace_back(option.name);
  if (is_integer_target(method.target)) known.insert(known.end(), {"sym", "asym", "row", "tensor", "scale=f32"});
  fail("method '{}': unknown option '{}'{}", id, name,
       known.empty() ? "; this method has none" : suggestion(name, known));
}

void add_option(Method& method, std::string_view part, std::string_view id) {
  const std::size_t equals = part.find('=');
  const std::string_view name = part.substr(0, equals);
  std::string value(equals == std::string_view::npos ? "" : part.substr(equals + 1));
  if (name.empty() || (equals != std::string_view::npos && value.empty()))
    fail("method '{}': '{}' is not an option; options are name or name=value", id, part);
  if (const auto specs = option_specs(method)) {
    value = canonical_option_value(find_option(*specs, name, method, id), value, id);
  }
  if (!method.options.emplace(name, value).second) fail("method '{}' has the option '{}' twice", id, name);
}

bool has_transform(const Method& method, std::string_view name) {
  return std::ranges::find(method.transforms, name) != method.transforms.end();
}

/// AWQ brings the grid that it was published with.
std::string_view default_of(const OptionSpec& option, const Method& method) {
  return option.name == grid_option && has_transform(method, "awq") ? "spread" : option.default_value;
}

void drop_defaults(Method& method) {
  const auto specs = option_specs(method);
  if (!specs) return;
  std::erase_if(method.options, [&](const auto& option) {
    const auto spec = std::ranges::find(*specs, option.first, &OptionSpec::name);
    return !option.second.empty() && spec != specs->end() && option.second == default_of(*spec, method);
  });
}

/// Whether a step of this list takes the option.
bool is_option_of(const StepSpec* step, std::string_view name) {
  return step != nullptr && std::ranges::find(step->options, name, &OptionSpec::name) != step->options.end();
}

bool has_zero_point_of_groups(std::string_view target) {
  return is_integer_target(target) && target.find(":sym") == std::string_view::npos &&
         target.find(":tensor") == std::string_view::npos;
}

/// As published, GPTQ keeps scales in f32: there `scale=f16` is what has to be said.
std::string target_of(const Method& method) {
  const bool published = method.solver == "gptq" && method.options.contains(std::string(reference_option));
  const bool half = is_integer_target(method.target) && method.target.find(":scale=") == std::string::npos;
  return published && half ? method.target + ":scale=f16" : method.target;
}

/// "absmax:int4:g128", "rtn:q4_0", "q4_0": the solver and the target of a method without transforms.
std::string solver_and_target(const Method& method) {
  std::string target = target_of(method);
  if (method.solver.empty()) return target;
  if (method.solver == "rtn" && is_integer_target(target)) {
    const std::size_t symmetric = target.find(":sym");
    if (symmetric == std::string::npos) return "zero_point:" + target;
    return "absmax:" + target.substr(0, symmetric) + target.substr(symmetric + 4);
  }
  if (method.solver == "rtn" && has_float_levels(target)) return "absmax:" + target;
  if (method.solver == "search" && !is_grouped_target(target)) return target;
  return method.solver + ":" + target;
}

/// What the method is without its transforms and with plain rounding.
std::string plain_method(const Method& method) {
  return to_string(
      {.transforms = {}, .solver = method.solver.empty() ? "" : "rtn", .target = method.target, .options = {}});
}

/// Throws Error when this version cannot store the method's target.
void check_target(const Method& method) {
  if (is_grouped_target(method.target)) return;
  std::vector<std::string> formats = format_ids();
  if (std::ranges::find(formats, method.target) != formats.end()) return;
  std::erase_if(formats, [](const std::string& id) { return is_grouped_target(id); });
  fail("method '{}': the format {} is not in this version; it has {}, {} and the integer formats int2 to int8",
       to_string(method), method.target, fmt::join(formats, ", "), fmt::join(table_names(), ", "));
}

/// Throws Error when this version cannot apply a transform of the method to tensors stored in its target, a format.
void check_transforms(const Method& method) {
  for (const std::string& transform : method.transforms) {
    if (!Transforms::instance().contains(transform))
      fail("method '{}': the transform {} is not in this version; without it: {}", to_string(method), transform,
           plain_method(method));
    Transforms::instance().at(transform).check(method, *find_format(method.target));
  }
}

/// Throws Error when this version cannot store the method's target, which is a format.
void check_format(const Method& method) {
  const std::string id = to_string(method);
  check_target(method);
  check_transforms(method);
  const auto format = find_format(method.target);
  if (method.solver.empty()) {
    if (!format->floating_point) fail("method '{}' has no solver for {}", id, format->id);
    return;
  }
  if (!Solvers::instance().contains(method.solver))
    fail("method '{}': the solver {} is not in this version; use {} (plain rounding)", id, method.solver,
         plain_method(method));
  Solvers::instance().at(method.solver).solver->check(*format, solver_options(without_transforms(method)));
}

void check_mix(const Method& method, std::string_view name) {
  const Mix* mix = find_mix(name);
  if (mix == nullptr) fail("method '{}': there are no rules for the mix {}", to_string(method), name);
  for (const std::string& format : mix->formats()) {
    try {
      check_format({method.transforms, method.solver, format, method.options});
    } catch (const Error& error) {
      fail("method '{}': the mix {} stores some tensors in {}, but {}", to_string(method), name, format, error.what());
    }
  }
}

}  // namespace

Method parse_method(std::string_view id) {
  Parts parts = split(id, ':');
  for (const std::string_view part : parts)
    if (part.empty()) fail("method '{}' has an empty part", id);
  Steps steps;
  if (starts_with_steps(parts.front())) {
    steps = parse_steps(parts.front(), id);
    parts.erase(parts.begin());
  }
  Method method;
  method.transforms = steps.transforms;
  method.target = take_target(parts, steps.solver, id);
  method.solver = choose_solver(steps, method.target, id);
  for (const std::string_view part : parts) add_option(method, part, id);
  drop_defaults(method);
  return method;
}

std::string to_string(const Method& method) {
  Method canonical = method;
  drop_defaults(canonical);
  std::string id;
  if (method.transforms.empty()) {
    id = solver_and_target(method);
  } else {
    id = fmt::format("{}", fmt::join(method.transforms, "+"));
    if (method.solver != "rtn" && !method.solver.empty()) id += "+" + method.solver;
    id += ':';
    id += target_of(method);
  }
  for (const auto& [name, value] : canonical.options)
    id += value.empty() ? ":" + name : fmt::format(":{}={}", name, value);
  return id;
}

std::map<std::string, std::string> solver_options(const Method& method) {
  std::map<std::string, std::string> options = method.options;
  options.erase(std::string(imatrix_option));
  options.erase(std::string(rules_option));
  for (const OptionSpec& option : evaluation_options()) options.erase(std::string(option.name));
  return options;
}

Method without_transforms(const Method& method) {
  Method plain = method;
  plain.transforms.clear();
  const StepSpec* solver = find_step(known_solvers(), method.solver);
  for (const std::string& name : method.transforms) {
    const StepSpec* transform = find_step(known_transforms(), name);
    std::erase_if(plain.options, [&](const auto& option) {
      return is_option_of(transform, option.first) && !is_option_of(solver, option.first);
    });
  }
  if (method.solver == "rtn" && has_zero_point_of_groups(method.target) && has_transform(method, "awq"))
    plain.options.emplace(grid_option, "spread");
  return plain;
}

bool wants_importance(const Method& method) {
  const auto option = method.options.find(std::string(imatrix_option));
  return method.solver == "search" && (option == method.options.end() || option->second != "off");
}

void check_method(const Method& method) {
  if (const auto mix = mix_of_target(method.target)) {
    check_mix(method, *mix);
  } else {
    check_format(method);
  }
}

std::vector<std::string> example_methods() {
  std::vector<std::string> methods;
  const auto add_if_it_runs = [&](const Method& method) {
    try {
      check_method(method);
      methods.push_back(to_string(method));
    } catch (const Error&) {  // this solver does not write this format
    }
  };
  std::vector<std::string> targets = {"int8:tensor:sym", "int8:row:sym", "int4:g128:sym", "int8:tensor",
                                      "int8:row",        "int4:g128",    "int3:g64",      "int2:g32",
                                      "nf4:g64",         "nf4:g64:dq",   "fp4:g64",       "fp4:g64:dq",
                                      "fp8_e4m3:tensor", "fp8_e4m3:row", "fp8_e5m2:row"};
  for (const std::string& target : format_ids())
    if (!is_grouped_target(target)) targets.push_back(target);
  std::vector<std::string> solvers = Solvers::instance().names();
  solvers.insert(solvers.begin(), "");
  for (const std::string& solver : solvers)
    for (const std::string& target : targets)
      add_if_it_runs({.transforms = {}, .solver = solver, .target = target, .options = {}});
  for (const std::string& transform : Transforms::instance().names())
    for (const char* solver : {"rtn", "gptq"})
      add_if_it_runs({.transforms = {transform}, .solver = solver, .target = "int4:g128", .options = {}});
  return methods;
}

}  // namespace quantbench
