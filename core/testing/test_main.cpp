// The main program of all tests. `--isa=NAME` runs them as on a machine with nothing newer than that instruction set.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <span>
#include <string_view>

#include "core/error.h"
#include "core/isa_limit.h"

namespace quantbench {
namespace {

constexpr int exit_bad_usage = 2, exit_skipped = 77;  // 77: what CTest is told to report as "skipped"
constexpr std::string_view isa_option = "--isa=";

int run_tests(std::span<char* const> arguments) {
  for (const std::string_view argument : arguments) {
    if (!argument.starts_with(isa_option)) fail("unknown option '{}': expected {}NAME", argument, isa_option);
    const Isa newest = parse_isa(argument.substr(isa_option.size()));
    if (std::ranges::find(machine_isas(), newest) == machine_isas().end()) {
      std::cout << "skipped: this machine cannot run " << to_string(newest) << "\n";
      return exit_skipped;
    }
    limit_isas(newest);
  }
  return RUN_ALL_TESTS();
}

}  // namespace
}  // namespace quantbench

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);  // takes out the options that it knows
  try {
    return quantbench::run_tests(std::span(argv, static_cast<std::size_t>(argc)).subspan(1));
  } catch (const quantbench::Error& error) {
    std::cerr << error.what() << "\n";
    return quantbench::exit_bad_usage;
  }
}
