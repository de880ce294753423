// Penn Treebank (Mikolov's ptb.*.txt, or the data set ptb_text_only as JSON rows) as the code of GPTQ reads it. A row is a line
// without the white space around it.
#include "datasets/loaders/whole_text.h"
#include "datasets/python_text.h"
#include "datasets/rows.h"

namespace quantbench {
namespace {

std::vector<std::string> rows_of(const std::filesystem::path& path) {
  if (is_named_as_json_rows(path)) return JsonRows(path).texts({"sentence", "text"});
  std::vector<std::string> rows;
  for (const std::string& line : python_lines(read_plain_or_gzip(path))) rows.emplace_back(python_strip(line));
  return rows;
}

DatasetTokens load_old(const DatasetRequest& request) {
  return tokens_of_text(joined(rows_of(request.path), "\n\n", request.path.string()), request);
}

DatasetTokens load_new(const DatasetRequest& request) {
  return tokens_of_text(joined(rows_of(request.path), " ", request.path.string()), request);
}

const Register<DatasetLoader> ptb{
    "ptb", {"Penn Treebank, rows joined with two newlines (older GPTQ: validation): ptb.valid.txt", load_old}};
const Register<DatasetLoader> ptb_new{
    "ptb_new", {"Penn Treebank, rows joined with a space (GPTQ tables, version 2: test): ptb.test.txt", load_new}};

}  // namespace
}  // namespace quantbench
