#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "eval/command.h"
#include "eval/commands/common_options.h"
#include "eval/commands/inspect_importance.h"
#include "eval/commands/terminal.h"
#include "eval/embedded.h"
#include "eval/json_text.h"
#include "eval/render/table.h"
#include "models/checkpoints/checkpoint.h"
#include "models/hugging_face/open_model.h"
#include "models/importance/imatrix_file.h"
#include "models/packed_checkpoints/unpack_checkpoint.h"
#include "models/tokenizers/hugging_face/tokenizer_directory.h"
#include "models/tokenizers/tokenizer.h"

namespace quantbench {
namespace {

using Json = nlohmann::ordered_json;

std::string shape_text(const std::vector<std::uint64_t>& dims) {
  std::string text;
  for (auto dim = dims.rbegin(); dim != dims.rend(); ++dim)
    text += fmt::format("{}{}", text.empty() ? "" : " x ", *dim);
  return text.empty() ? "1" : text;
}

struct Size {
  std::uint64_t weights = 0, bytes = 0;

  void add(const CheckpointTensor& tensor) {
    weights += tensor.row_count() * tensor.row_length();
    bytes += tensor.size_bytes();
  }
  double bits_per_weight() const {
    return weights == 0 ? 0 : 8 * static_cast<double>(bytes) / static_cast<double>(weights);
  }
  double mebibytes() const { return static_cast<double>(bytes) / (1 << 20); }
};

Size size_of(const CheckpointTensor& tensor) {
  Size size;
  size.add(tensor);
  return size;
}

Size total_size(const Checkpoint& checkpoint) {
  Size total;
  for (const CheckpointTensor& tensor : checkpoint.tensors()) total.add(tensor);
  return total;
}

Json json_of(const MetadataScalar& value) {
  return std::visit([](const auto& held) { return Json(held); }, value);
}

// Arrays are shown by type and length: a vocabulary has a hundred thousand entries.
Json json_of(const MetadataValue& value) {
  if (const auto* scalar = std::get_if<MetadataScalar>(&value)) return json_of(*scalar);
  return {{"type", value_type_name(value)}, {"length", std::get<MetadataArray>(value).size()}};
}

std::string text_of(const MetadataValue& value) {
  constexpr std::size_t longest = 60;
  if (const auto* array = std::get_if<MetadataArray>(&value))
    return fmt::format("{}, {} long", value_type_name(value), array->size());
  const auto& scalar = std::get<MetadataScalar>(value);
  std::string text = std::holds_alternative<std::string>(scalar)
                         ? std::get<std::string>(scalar)
                         : json_of(scalar).dump(-1, ' ', false, Json::error_handler_t::replace);
  std::ranges::replace(text, '\n', ' ');
  return text.size() <= longest ? text : text.substr(0, longest) + "...";
}

// The tokenizer, or why it cannot be used.
std::string tokenizer_text(const Checkpoint& checkpoint) {
  const bool beside = checkpoint.config() && has_tokenizer_files(checkpoint.config()->parent_path());
  if (!beside && !checkpoint.metadata().contains("tokenizer.ggml.model")) return "none in the file";
  try {
    const auto tokenizer = load_tokenizer(checkpoint);
    return fmt::format("{}, {} tokens, sha256 {}", tokenizer->kind(), tokenizer->vocabulary_size(),
                       tokenizer->sha256());
  } catch (const Error& error) {
    return fmt::format("not usable: {}", error.what());
  }
}

Table tensor_table(const Checkpoint& checkpoint) {
  Table table;
  table.columns = {{"tensor", Align::left}, {"type", Align::left}, {"shape"}, {"bits/weight"}, {"MiB"}};
  std::map<std::string, Size> by_type;
  for (const CheckpointTensor& tensor : checkpoint.tensors()) {
    const Size size = size_of(tensor);
    by_type[tensor.type_name].add(tensor);
    table.rows.push_back({tensor.name, tensor.type_name + (tensor.format ? "" : " *"), shape_text(tensor.dims),
                          fmt::format("{:.4f}", size.bits_per_weight()), fmt::format("{:.3f}", size.mebibytes())});
    if (!tensor.format && table.notes.empty()) table.notes.emplace_back("* not decoded by this version");
  }
  for (const auto& [type, size] : by_type)
    table.notes.push_back(fmt::format("{}: {} weights, {:.3f} MiB", type, size.weights, size.mebibytes()));
  const Size total = total_size(checkpoint);
  table.notes.push_back(fmt::format("total: {} tensors, {} weights, {:.3f} MiB, {:.4f} bits per weight",
                                    checkpoint.tensors().size(), total.weights, total.mebibytes(),
                                    total.bits_per_weight()));
  return table;
}

void print_model(const Checkpoint& checkpoint) {
  for (const auto& file : checkpoint.files()) print_text(fmt::format("file       {}\n", file.string()));
  print_text(fmt::format("tokenizer  {}\n\n", tokenizer_text(checkpoint)));
  for (const std::string& note : packing_notes(checkpoint.metadata())) print_text(fmt::format("note: {}\n", note));
  Table metadata;
  metadata.columns = {{"key", Align::left}, {"value", Align::left}};
  for (const auto& [key, value] : checkpoint.metadata().values()) metadata.rows.push_back({key, text_of(value)});
  if (!metadata.rows.empty()) print_text(to_text(metadata) + "\n");
  print_text(to_text(tensor_table(checkpoint), terminal_width()));
}

Json tensors_json(const Checkpoint& checkpoint) {
  Json tensors = Json::array();
  for (const CheckpointTensor& tensor : checkpoint.tensors())
    tensors.push_back({{"name", tensor.name},
                       {"type", tensor.type_name},
                       {"format", tensor.format ? Json(tensor.format->id) : Json()},
                       {"shape", std::vector<std::uint64_t>(tensor.dims.rbegin(), tensor.dims.rend())},
                       {"bits_per_weight", size_of(tensor).bits_per_weight()},
                       {"bytes", tensor.size_bytes()}});
  return tensors;
}

std::string model_json(const Checkpoint& checkpoint) {
  Json metadata = Json::object();
  for (const auto& [key, value] : checkpoint.metadata().values()) metadata[key] = json_of(value);
  Json files = Json::array();
  for (const auto& file : checkpoint.files()) files.push_back(file.string());
  const Size total = total_size(checkpoint);
  const Json document{
      {"files", files},
      {"tokenizer", tokenizer_text(checkpoint)},
      {"metadata", metadata},
      {"tensors", tensors_json(checkpoint)},
      {"total", {{"weights", total.weights}, {"bytes", total.bytes}, {"bits_per_weight", total.bits_per_weight()}}}};
  return json_text(document);
}

std::function<int()> declare(CommandOptions& options) {
  struct Arguments {
    std::string model;
    bool json = false;
  };
  auto arguments = std::make_shared<Arguments>();
  add_model_option(options, arguments->model);
  options.add_flag("--json", arguments->json, "everything as JSON");
  options.footer(
      "Shapes are rows x columns: outputs x inputs of a linear layer. Importance matrices (imatrix.gguf, imatrix.dat) "
      "are "
      "shown\n"
      "by tensor: how many tokens were seen, and how unequal the columns are.\n\n"
      "Examples:\n  quantbench inspect embedded:stories\n"
      "  quantbench inspect model.gguf --json | jq .total.bits_per_weight");
  return [arguments] {
    if (is_importance_matrix(arguments->model)) {
      const ImportanceMatrix matrix = read_importance_matrix(arguments->model);
      print_text(arguments->json ? importance_json(matrix) : importance_text(matrix, terminal_width()));
      return 0;
    }
    const Checkpoint checkpoint = open_model(model_path(arguments->model));
    if (arguments->json) {
      print_text(model_json(checkpoint));
    } else {
      print_model(checkpoint);
    }
    return 0;
  };
}

const Register<Command> registered{"inspect", {"Show a model's hyper-parameters, tokenizer and tensors", declare}};

}  // namespace
}  // namespace quantbench
