#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <filesystem>

#include "core/isa.h"
#include "core/parallel.h"
#include "eval/command.h"
#include "eval/commands/terminal.h"

namespace quantbench {
namespace {

double gibibytes(long pages) {
  return static_cast<double>(pages) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / (1 << 30);
}

std::string free_space(const std::filesystem::path& directory) {
  std::error_code error;
  const auto space = std::filesystem::space(directory, error);
  if (error) return error.message();
  return fmt::format("{:.1f} GiB free", static_cast<double>(space.available) / (1 << 30));
}

int doctor() {
  std::vector<std::string_view> isas;
  for (const Isa isa : available_isas()) isas.push_back(to_string(isa));
  const std::filesystem::path here = std::filesystem::current_path();
  print_text(fmt::format("instruction sets  {}\n", fmt::join(isas, ", ")));
  print_text(fmt::format("threads           {}\n", hardware_threads()));
  print_text(fmt::format("memory            {:.1f} GiB, {:.1f} GiB available\n", gibibytes(::sysconf(_SC_PHYS_PAGES)),
                         gibibytes(::sysconf(_SC_AVPHYS_PAGES))));
  print_text(fmt::format("disk              {} at {}\n", free_space(here), here.string()));
  return 0;
}

std::function<int()> declare(CLI::App& app) {
  app.footer("Example:\n  quantbench doctor");
  return doctor;
}

const Register<Command> registered{"doctor", {"Show what this machine and this build offer", declare}};

}  // namespace
}  // namespace quantbench
