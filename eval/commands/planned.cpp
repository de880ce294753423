// Names that are reserved for later versions: they are in the list so that nobody takes them for typing errors, and
// they say what to use instead today.
#include <fmt/format.h>

#include "core/error.h"
#include "eval/command.h"

namespace quantbench {
namespace {

Command planned(const std::string& name, const std::string& purpose, const std::string& instead) {
  const auto declare = [name, instead](CLI::App& app) -> std::function<int()> {
    app.allow_extras();
    app.footer(instead);
    return [name, instead]() -> int { fail("'{}' is planned and not in this version; {}", name, instead); };
  };
  return {"(planned) " + purpose, declare};
}

const Register<Command> diff{
    "diff",
    planned("diff", "Show all differences of two reports",
            "'quantbench explain A B' says which facts differ, 'quantbench compare' checks two reports against gates")};

}  // namespace
}  // namespace quantbench
