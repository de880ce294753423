#include "quantizers/solvers/gptq/options.h"

#include <charconv>
#include <cmath>

#include "core/error.h"
#include "quantizers/solvers/search/encoders.h"

namespace quantbench::gptq {
namespace {

double number(const std::string& name, const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value) || value < 0)
    fail("gptq: {} is a number that is not negative, not '{}'", name, text);
  return value;
}

std::size_t count(const std::string& name, const std::string& text) {
  const double value = number(name, text);
  if (value < 1 || value > 1e9 || value != std::floor(value))
    fail("gptq: {} is a whole number of columns, 1 or more, not '{}'", name, text);
  return static_cast<std::size_t>(value);
}

void set_order(Options& options, Order order) {
  if (options.order != Order::natural) fail("gptq: actorder and gar are two orders; name one");
  options.order = order;
}

void set_option(Options& options, const std::string& name, const std::string& value) {
  if (name == "actorder") {
    set_order(options, Order::importance);
  } else if (name == "gar") {
    set_order(options, Order::within_groups);
  } else if (name == "static") {
    options.static_grids = true;
  } else if (name == "dynamic") {
    options.dynamic_group = count(name, value);
  } else if (name == "mse" || name == "minmax") {
    options.searched_range = name == "mse";
  } else if (name == "reference") {
    options.reference = true;
  } else if (name == "damp") {
    options.damp = number(name, value);
  } else if (name == "block") {
    options.block = count(name, value);
  } else if (name == "asymmetric") {
    options.asymmetry = number(name, value);
  } else if (name == "gain") {
    options.gain = value == "unbiased";
  } else {
    fail("the solver gptq has no option '{}'", name);
  }
}

void check_consistent(const Options& options) {
  if (options.dynamic_group > 0 && options.order != Order::importance)
    fail("gptq: dynamic=N is about groups of columns in the order of actorder; add actorder or leave it out");
  if (options.dynamic_group > 0 && options.static_grids)
    fail("gptq: static and dynamic=N contradict each other; name one");
  if (options.order == Order::within_groups && options.static_grids)
    fail("gptq: gar is the order for grids that are not static; use actorder:static or gar alone");
}

}  // namespace

Options parse_options(const std::map<std::string, std::string>& options) {
  Options parsed;
  parsed.searched_range = !options.contains("reference");
  for (const auto& [name, value] : options) set_option(parsed, name, value);
  check_consistent(parsed);
  if (parsed.reference && options.contains("gain"))
    fail("gptq: reference is as published, without a gain; leave one of them out");
  if (parsed.reference) parsed.gain = false;
  if (parsed.reference && options.contains("minmax"))
    fail("gptq: reference takes the range of the weights unless mse is named; leave out minmax");
  if (!parsed.reference && options.contains("mse"))
    fail("gptq: ranges are searched unless minmax is named; mse is how reference searches");
  if (parsed.order == Order::importance && parsed.dynamic_group == 0) parsed.static_grids = true;
  return parsed;
}

void check_format(const Format& format, const Options& options) {
  const bool integers =
      format.pack != nullptr && format.level_values.empty() && format.float_levels.empty() && !format.gguf_type;
  const bool codebooks = format.codebook != nullptr;
  if (format.with_single_scales != nullptr)
    fail("gptq finds scales one after the other, while {} stores those of a tensor together; use {}", format.id,
         format.with_single_scales->id);
  if (!integers && !codebooks && !search::writes_groups(format) && !search::writes_blocks(format))
    fail("the solver gptq does not write {}", format.id);
  if (!integers && (options.reference || !options.searched_range))
    fail("gptq: {} is about integer formats, not {}", options.reference ? "reference" : "minmax", format.id);
  if (codebooks && options.asymmetry > 0) fail("gptq: asymmetric is not for codebooks such as those of {}", format.id);
  if (options.dynamic_group > 0 && (format.group != 1 || !integers))
    fail(
        "gptq: with actorder:dynamic={} the columns of a group lie scattered, which takes a scale for each weight to "
        "store (an integer format of g1) and not {}; actorder alone keeps groups together",
        options.dynamic_group, format.id);
}

}  // namespace quantbench::gptq
