#include "eval/embedded.h"

#include <algorithm>

#include "core/error.h"
#include "core/suggest.h"

namespace quantbench {
namespace {

std::filesystem::path installed_folder() {
  std::error_code failed;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", failed);
  if (failed) return {};
  return program.parent_path().parent_path() / "share" / "quantbench";
}

std::filesystem::path source_folder() { return std::filesystem::path(QUANTBENCH_SOURCE_FOLDER) / "datasets"; }

std::filesystem::path resolve(const std::string& name, EmbeddedFile::Kind kind) {
  return is_embedded(name) ? embedded_path(name, kind) : std::filesystem::path(name);
}

}  // namespace

const std::vector<EmbeddedFile>& embedded_files() {
  using Kind = EmbeddedFile::Kind;
  static const std::vector<EmbeddedFile> files{
      {"embedded:stories", Kind::model, "stories/stories-f16.gguf", "small Llama model trained on generated stories"},
      {"embedded:stories/eval", Kind::text, "stories/eval.txt", "held-out stories to evaluate on"},
      {"embedded:stories/calibration", Kind::text, "stories/calibration_stories.txt",
       "stories to calibrate on, from the model's own domain"},
      {"embedded:stories/letters", Kind::text, "stories/calibration_letters.txt",
       "letters to calibrate on, from outside the model's domain"},
  };
  return files;
}

const EmbeddedFile& find_embedded(std::string_view name, EmbeddedFile::Kind kind) {
  std::vector<std::string> known;
  for (const EmbeddedFile& file : embedded_files()) {
    if (file.kind != kind) continue;
    if (file.name == name) return file;
    known.push_back(file.name);
  }
  fail("unknown embedded {} '{}'{}", kind == EmbeddedFile::Kind::model ? "model" : "text", name,
       suggestion(name, known));
}

bool is_embedded(std::string_view name) { return name.starts_with("embedded:"); }

std::filesystem::path embedded_path(std::string_view name, EmbeddedFile::Kind kind) {
  const EmbeddedFile& embedded = find_embedded(name, kind);
  const std::filesystem::path installed = installed_folder() / embedded.file;
  const std::filesystem::path source = source_folder() / embedded.file;
  for (const auto& path : {installed, source})
    if (std::filesystem::is_regular_file(path)) return path;
  fail("{} is not there: looked for {} and {}", name, installed.string(), source.string());
}

std::filesystem::path model_path(const std::string& name) { return resolve(name, EmbeddedFile::Kind::model); }
std::filesystem::path text_path(const std::string& name) { return resolve(name, EmbeddedFile::Kind::text); }

}  // namespace quantbench
