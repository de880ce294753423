#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "eval/command.h"
#include "eval/commands/common_options.h"
#include "eval/commands/terminal.h"
#include "eval/embedded.h"
#include "eval/importance.h"
#include "eval/json_text.h"
#include "models/importance/imatrix_file.h"

namespace quantbench {
namespace {

struct CalibrateArguments {
  std::string model, text, out;
  std::vector<std::string> merged;
  std::size_t context = 0, chunks = 0;
  CalibrationOptions options;
  bool json = false;
};

ImportanceMatrix collect(const CalibrateArguments& arguments) {
  const LoadedModel model = load_model_file(file_reference(arguments.model));
  const LoadedText text =
      load_importance_text(model, text_reference(arguments.text), arguments.context, arguments.chunks);
  Progress progress("calibration", text.windows.count);
  CalibrationOptions options = arguments.options;
  options.progress = [&progress](std::size_t done, std::size_t) { progress.advance_to(done, "chunks"); };
  return collect_importance(model, text, options);
}

int calibrate(const CalibrateArguments& arguments) {
  // Files to merge are read first: a wrong one must not cost the time of the collection.
  std::vector<ImportanceMatrix> others;
  for (const std::string& file : arguments.merged) others.push_back(read_importance_matrix(file));
  ImportanceMatrix matrix = collect(arguments);
  const std::uint32_t chunks = matrix.chunk_count, size = matrix.chunk_size;
  for (const ImportanceMatrix& other : others) add(matrix, other);
  write_importance_matrix(arguments.out, matrix);
  if (arguments.json) {
    const nlohmann::ordered_json document{{"importance_matrix", arguments.out},
                                          {"tensors", matrix.entries.size()},
                                          {"chunks", chunks},
                                          {"chunk_tokens", size},
                                          {"merged", arguments.merged}};
    print_text(json_text(document));
    return 0;
  }
  print_text(fmt::format("{}: importance of {} tensors, {} chunks of {} tokens{}\n", arguments.out,
                         matrix.entries.size(), chunks, size,
                         others.empty() ? "" : fmt::format(", and {} files merged", others.size())));
  return 0;
}

std::function<int()> declare(CommandOptions& options) {
  auto arguments = std::make_shared<CalibrateArguments>();
  add_model_option(options, arguments->model);
  add_text_option(options, arguments->text);
  options.add("--out", arguments->out, "importance matrix to write (imatrix.gguf)").required();
  options.add("--ctx", arguments->context, "tokens of a chunk (default 512, or the model's context)").positive();
  options.add("--chunks", arguments->chunks, "use only the first N chunks").positive();
  options.add_flag("--output", arguments->options.output, "also collect the input of the output projection");
  options.add("--merge", arguments->merged, "add the sums of this importance matrix; may be repeated")
      .one_value_each_time();
  options.add_flag("--json", arguments->json, "print the summary as JSON");
  add_threads_option(options, arguments->options.threads);
  options.footer(
      "Writes the sum of x^2 over all tokens for each input column of each linear layer "
      "(docs/importance_matrix.md).\n\n"
      "Examples:\n"
      "  quantbench calibrate model-f16.gguf --text calibration.txt --out imatrix.gguf\n"
      "  quantbench quantize model-f16.gguf model-q4_k_m.gguf --method q4_k_m --imatrix imatrix.gguf\n"
      "  quantbench inspect imatrix.gguf");
  return [arguments] { return calibrate(*arguments); };
}

const Register<Command> registered{"calibrate", {"Write an importance matrix: mean x^2 of each input column", declare}};

}  // namespace
}  // namespace quantbench
