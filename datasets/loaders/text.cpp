// Plain text, and JSON Lines without more ado.
#include "datasets/text.h"
#include "datasets/loaders/whole_text.h"
#include "datasets/rows.h"

namespace quantbench {
namespace {

DatasetTokens load_plain(const DatasetRequest& request) {
  return tokens_of_text(load_text(request.path).content, request);
}

DatasetTokens load_rows(const DatasetRequest& request) {
  return tokens_of_text(joined(JsonRows(request.path).texts(), "\n\n", request.path.string()), request);
}

const Register<DatasetLoader> text{"text", {"a UTF-8 file as it is (llama.cpp: wiki.test.raw)", load_plain}};
const Register<DatasetLoader> jsonl{"jsonl", {"the member `text` of JSON rows, joined with two newlines", load_rows}};

}  // namespace
}  // namespace quantbench
