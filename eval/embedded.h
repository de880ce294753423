// The models and texts that come with quantbench, by names such as "embedded:stories".
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace quantbench {

struct EmbeddedFile {
  std::string name;  // "embedded:stories/eval"
  enum class Kind { model, text } kind;
  std::string file;  // below the folder of embedded files: "stories/eval.txt"
  std::string summary;
};

const std::vector<EmbeddedFile>& embedded_files();

bool is_embedded(std::string_view name);

/// Throws Error, with near matches, when no embedded file of this kind has the name.
const EmbeddedFile& find_embedded(std::string_view name, EmbeddedFile::Kind kind);

/// Where the file of an embedded name lies: in ../share/quantbench beside an installed program, else in the source tree
/// that the program was built from. Throws Error for an unknown name, or when the file is in neither place.
std::filesystem::path embedded_path(std::string_view name, EmbeddedFile::Kind kind);

/// `name` itself as a path, or embedded_path for an embedded name.
std::filesystem::path model_path(const std::string& name);
std::filesystem::path text_path(const std::string& name);

}  // namespace quantbench
