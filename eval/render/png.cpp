#include "eval/render/png.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/file.h"
#include "eval/temporary_file.h"

namespace quantbench {
namespace {

constexpr const char* program = "rsvg-convert";

/// Of `arguments`, the first is the program, looked for in PATH. Gives its exit code.
int run_to_end(std::vector<std::string> arguments) {
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  pid_t child = 0;
  if (const int error = ::posix_spawnp(&child, program, nullptr, nullptr, pointers.data(), environ); error != 0) {
    if (error == ENOENT) fail("pictures in PNG need the program {} (Debian package librsvg2-bin)", program);
    fail("cannot run {}: {}", program, std::strerror(error));
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) fail("cannot wait for {}: {}", program, std::strerror(errno));
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

}  // namespace

void write_png(const std::filesystem::path& path, std::string_view svg) {
  const std::string beside = path.string() + "." + std::to_string(::getpid());
  const TemporaryFile source(beside + ".svg"), picture(beside + ".png");
  write_text_atomically(source.path(), svg);
  const int code = run_to_end({program, "--zoom", "2", "--output", picture.path().string(), source.path().string()});
  if (code != 0) fail("{} could not draw {}: exit code {}", program, path.string(), code);
  write_text_atomically(path, read_text(picture.path()));
}

}  // namespace quantbench
