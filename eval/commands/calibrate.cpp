#include "core/error.h"
#include "eval/command.h"
#include "eval/commands/common_options.h"

namespace quantbench {
namespace {

std::function<int()> declare(CLI::App& app) {
  struct Arguments {
    std::string model, text, out;
  };
  auto arguments = std::make_shared<Arguments>();
  add_model_option(app, arguments->model);
  app.add_option("--text", arguments->text, "calibration text");
  app.add_option("--out", arguments->out, "importance matrix to write");
  app.footer(
      "Importance matrices are not written in this version. 'quantbench run' collects input statistics itself when\n"
      "its config names a calibration text.\n\n"
      "Example:\n  quantbench run configs/default.yaml");
  return [arguments]() -> int {
    fail(
        "writing importance matrices is not in this version; 'quantbench run' collects input statistics itself when "
        "its "
        "config names a calibration text");
  };
}

const Register<Command> registered{"calibrate", {"(planned) Write an importance matrix", declare}};

}  // namespace
}  // namespace quantbench
