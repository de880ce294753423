#include "datasets/dataset_loader.h"

#include "datasets/rows.h"

namespace quantbench {
namespace {

std::string usual_loader(const std::string& path) { return is_named_as_json_rows(path) ? "jsonl" : "text"; }

}  // namespace

std::vector<std::int32_t> TextEncoder::encode_with_bos(std::string_view text) const {
  std::vector<std::int32_t> ids = encode(text);
  if (leading_bos) ids.insert(ids.begin(), *leading_bos);
  return ids;
}

DatasetName parse_dataset_name(const std::string& name) {
  const std::size_t colon = name.find(':');
  const std::string prefix = name.substr(0, colon);
  const bool has_loader = colon != std::string::npos && prefix != "embedded" &&
                          prefix.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
  if (!has_loader) return {usual_loader(name), name};
  Registry<DatasetLoader>::instance().at(prefix);
  return {prefix, name.substr(colon + 1)};
}

std::string to_string(const DatasetName& name) {
  return name.loader == usual_loader(name.path) ? name.path : name.loader + ":" + name.path;
}

}  // namespace quantbench
