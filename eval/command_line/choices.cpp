#include "eval/command_line/choices.h"

#include "core/isa.h"
#include "eval/embedded.h"
#include "quantizers/allocation/mixes.h"
#include "quantizers/formats/registry.h"
#include "quantizers/method.h"
#include "quantizers/method_catalog.h"

namespace quantbench {
namespace {

std::vector<std::string> methods() {
  std::vector<std::string> ids = example_methods();
  for (const Mix& mix : mix_table().mixes) ids.push_back(mix_id(mix.name));
  return ids;
}

std::vector<std::string> embedded(EmbeddedFile::Kind kind) {
  std::vector<std::string> names;
  for (const EmbeddedFile& file : embedded_files())
    if (file.kind == kind) names.push_back(file.name);
  return names;
}

std::vector<std::string> isas() {
  std::vector<std::string> names;
  for (const Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512, Isa::neon}) names.emplace_back(to_string(isa));
  return names;
}

}  // namespace

const std::vector<Choices>& known_choices() {
  using Kind = EmbeddedFile::Kind;
  static const std::vector<Choices> choices{
      {"--isa", isas()},
      {"--method", methods()},
      {"--formats", format_ids()},
      {"--probe", format_ids()},
      {"--protocol", {"llamacpp-512", "gptq-2048"}},
      {"--compute", {"exact", "native", "bf16"}},
      {"--fallback", {"error", "warn", "allow"}},
      {"--model", embedded(Kind::model), true},
      {"MODEL", embedded(Kind::model), true},
      {"--base", embedded(Kind::model), true},
      {"--text", embedded(Kind::text), true},
      {"--calibration", embedded(Kind::text), true},
      {"WHAT", {"methods", "formats", "mixes", "kernels", "models", "datasets", "loaders", "metrics"}},
  };
  return choices;
}

}  // namespace quantbench
