#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>

#include "datasets/text.h"
#include "eval/command.h"
#include "eval/commands/common_options.h"
#include "eval/commands/terminal.h"
#include "eval/embedded.h"
#include "models/hugging_face/open_model.h"
#include "models/tokenizers/tokenizer.h"

namespace quantbench {
namespace {

struct TokenizeArguments {
  std::string model, text;
  bool no_bos = false;
};

int tokenize(const TokenizeArguments& arguments) {
  const Checkpoint checkpoint = open_model(model_path(arguments.model));
  const auto tokenizer = load_tokenizer(checkpoint);
  std::vector<TokenId> ids = tokenizer->encode(load_text(text_path(arguments.text)).content);
  if (const auto bos = tokenizer->leading_bos(); bos && !arguments.no_bos) ids.insert(ids.begin(), *bos);
  print_text(fmt::format("[{}]\n", fmt::join(ids, ", ")));
  return 0;
}

std::function<int()> declare(CommandOptions& options) {
  auto arguments = std::make_shared<TokenizeArguments>();
  add_model_option(options, arguments->model);
  options.add("--text", arguments->text, "text file, UTF-8").required();
  options.add_flag("--no-bos", arguments->no_bos,
                   "leave out the token that the vocabulary asks for at the start of a text");
  options.footer(
      "Prints the token ids as a JSON array on one line. Special tokens written in the text are plain text.\n\n"
      "Example:\n  quantbench tokenize embedded:stories --text story.txt | jq length");
  return [arguments] { return tokenize(*arguments); };
}

const Register<Command> registered{"tokenize", {"Print the token ids of a text", declare}};

}  // namespace
}  // namespace quantbench
