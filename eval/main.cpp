// The `quantbench` program: finds the command in the registry, and turns every error into one line and an exit code.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <new>
#include <optional>

#include "core/isa_limit.h"
#include "eval/command.h"
#include "eval/environment.h"

namespace quantbench {
namespace {

constexpr int exit_bad_input = 2;

using Runners = std::map<std::string, std::function<int()>>;  // by name of the command

constexpr const char* overview =
    "Examples:\n"
    "  quantbench run configs/default.yaml --out /tmp/report\n"
    "  quantbench perplexity embedded:stories --text held_out.txt --method absmax:int4:g32\n"
    "  quantbench compare base/report.json new/report.json --gates configs/ci/gates.yaml\n"
    "\n"
    "Every command takes --isa scalar|avx2|avx512|neon: use no newer instruction set than that.\n"
    "\n"
    "Exit codes: 0 success, 1 the answer is no (a gate failed), 2 bad input or usage.\n"
    "'quantbench COMMAND --help' explains a command.";

void add_isa_option(CommandOptions& options, std::optional<std::string>& isa) {
  options.add("--isa", isa,
              "scalar, avx2, avx512 or neon: use no newer instruction set (default: all that the machine has)");
}

Runners declare_commands(CommandLineParser& parser, std::optional<std::string>& isa) {
  Runners runners;
  const auto& registry = Registry<Command>::instance();
  for (const std::string& name : registry.names()) {
    const Command& command = registry.at(name);
    CommandOptions options = parser.add_command(name, command.summary);
    runners[name] = command.declare(options);
    add_isa_option(options, isa);
  }
  return runners;
}

// An unknown command would otherwise be reported as a surplus argument.
void check_command_name(int argc, char** argv) {
  if (argc < 2) fail("a command is required{}", suggestion("", Registry<Command>::instance().names()));
  if (argv[1][0] != '-') Registry<Command>::instance().at(argv[1]);
}

int parse_and_run(int argc, char** argv) {
  CommandLineParser parser("quantbench", "quantbench: benchmarks of weight quantizers for language models");
  parser.version(fmt::format("quantbench {} (commit {})", quantbench_version(), quantbench_commit()));
  parser.footer(overview);
  std::optional<std::string> isa;
  const Runners runners = declare_commands(parser, isa);
  check_command_name(argc, argv);
  const std::optional<std::string> command = parser.parse(argc, argv);
  if (!command) return 0;
  if (isa) limit_isas(parse_isa(*isa));
  return runners.at(*command)();
}

int report_error(std::string message) {
  std::ranges::replace(message, '\n', ' ');
  fmt::print(stderr, "quantbench: error: {}\n", message);
  return exit_bad_input;
}

// A reader that has seen enough (`| head`) is no failure; a full disk behind a redirection is.
int finish_output(int code) {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  if (errno == EPIPE || errno == 0) return code;
  return report_error(fmt::format("cannot write the output: {}", std::strerror(errno)));
}

}  // namespace
}  // namespace quantbench

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return quantbench::finish_output(quantbench::parse_and_run(argc, argv));
  } catch (const quantbench::Error& error) {
    return quantbench::report_error(error.what());
  } catch (const std::bad_alloc&) {
    return quantbench::report_error("out of memory");
  } catch (const std::exception& error) {
    return quantbench::report_error(fmt::format("unexpected failure: {}", error.what()));
  }
}
