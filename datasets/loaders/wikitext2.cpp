// WikiText-2 raw as the code of GPTQ reads it: the rows of the Hugging Face data set wikitext-2-raw-v1 joined with two newlines. A
// row is a line of wiki.*.raw with its newline; a blank line is an empty row.
#include "datasets/crops.h"
#include "datasets/loaders/whole_text.h"
#include "datasets/python_text.h"
#include "datasets/rows.h"

namespace quantbench {
namespace {

std::string rows_joined(const std::filesystem::path& path) {
  std::vector<std::string> rows;
  if (is_named_as_json_rows(path)) {
    rows = JsonRows(path).texts();
  } else {
    rows = python_lines(read_plain_or_gzip(path));
    for (std::string& row : rows) {
      if (python_strip(row).empty()) row.clear();
    }
  }
  return joined(rows, "\n\n", path.string());
}

DatasetTokens load_test(const DatasetRequest& request) { return tokens_of_text(rows_joined(request.path), request); }

DatasetTokens load_calibration(const DatasetRequest& request) {
  return crops_of_text(rows_joined(request.path), {.count = 128, .seed = 0}, request);
}

const Register<DatasetLoader> test{
    "wikitext2",
    {"WikiText-2 raw, rows joined with two newlines (GPTQ, AWQ): wiki.test.raw or rows as JSON", load_test}};
const Register<DatasetLoader> calibration{
    "wikitext2_crops",
    {"128 random crops of WikiText-2 raw, seed 0 (GPTQ, calibration): wiki.train.raw or rows as JSON", load_calibration,
     true}};

}  // namespace
}  // namespace quantbench
