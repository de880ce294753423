#include "eval/runner/store.h"

#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"

namespace quantbench {
namespace {

using Json = nlohmann::ordered_json;

static_assert(std::endian::native == std::endian::little, "files of tokens are little-endian");

/// `file` and `hash` are what a cell states of `path`.
void check_tokens(const ResultStore& store, const std::filesystem::path& path, const std::string& file,
                  const std::string& hash) {
  if (file.empty()) return;
  if (store.folder() / file != path) fail("{} is not the cell's {}", file, path.string());
  if (sha256_of_file(path) != hash) fail("{} does not have the hash that the cell states", path.string());
}

/// Nothing when there are none.
void save_tokens(const ResultStore& store, const std::filesystem::path& path, std::span<const float> values,
                 std::string& file, std::string& hash) {
  if (values.empty()) return;
  const auto bytes = std::as_bytes(values);
  AtomicFile out(path);
  out.write(bytes);
  out.commit();
  file = path.lexically_relative(store.folder()).string();
  hash = sha256(bytes);
}

Report read_cell(const ResultStore& store, const std::string& id, ResultStore::Check check) {
  const std::filesystem::path path = store.cell_file(id);
  const Json envelope = Json::parse(read_text(path));
  const std::string text = envelope.at("report").dump(2) + "\n";
  if (sha256(text) != envelope.at("content_sha256").get<std::string>())
    fail("{}: the content does not have the hash it states", path.string());
  Report report = parse_report(text, path.string());
  if (report.cells.empty() == report.kernels.empty() || report.cells.size() > 1)
    fail("{}: not the report of one cell", path.string());
  for (const CellReport& cell : report.cells) {
    if (cell.id != id) fail("{}: holds the cell {}", path.string(), cell.id);
    if (check == ResultStore::Check::record_alone) continue;
    check_tokens(store, store.nll_file(id), cell.nll_file, cell.nll_sha256);
    check_tokens(store, store.kld_file(id), cell.kld_file, cell.kld_sha256);
  }
  return report;
}

}  // namespace

ResultStore::ResultStore(std::filesystem::path folder) : folder_(std::move(folder)) {
  for (const char* name : {"cells", "nll", "kld", "shared"}) {
    std::error_code error;
    std::filesystem::create_directories(folder_ / name, error);
    if (error) fail("cannot create {}: {}", (folder_ / name).string(), error.message());
  }
}

std::vector<std::filesystem::path> ResultStore::result_folders() const {
  return {folder_ / "cells", folder_ / "nll", folder_ / "kld", folder_ / "shared"};
}

StoredCell ResultStore::find(const std::string& id, Check check) const {
  if (!std::filesystem::exists(cell_file(id))) return {};
  try {
    return {read_cell(*this, id, check), ""};
  } catch (const Json::exception& error) {
    return {std::nullopt, fmt::format("{}: {}", cell_file(id).string(), error.what())};
  } catch (const Error& error) {
    return {std::nullopt, error.what()};
  }
}

void ResultStore::save(const std::string& id, Report& report, const TokenFigures& tokens) const {
  for (CellReport& cell : report.cells) {
    save_tokens(*this, nll_file(id), tokens.nll, cell.nll_file, cell.nll_sha256);
    save_tokens(*this, kld_file(id), tokens.divergence, cell.kld_file, cell.kld_sha256);
  }
  const std::string text = to_json(report);
  Json envelope;
  envelope["content_sha256"] = sha256(text);
  envelope["report"] = Json::parse(text);
  write_text_atomically(cell_file(id), envelope.dump(2) + "\n");
}

void ResultStore::remove(const std::string& id) const { std::filesystem::remove(cell_file(id)); }

std::vector<float> ResultStore::read_nll(const CellReport& cell) const {
  const MappedFile file(nll_file(cell.id));
  std::vector<float> nll(file.bytes().size() / sizeof(float));
  if (!nll.empty()) std::memcpy(nll.data(), file.bytes().data(), nll.size() * sizeof(float));
  return nll;
}

void ResultStore::write_plan(const StoredPlan& plan) const {
  Json document{{"cells", plan.ids}};
  for (const StoredPlan::Cell& cell : plan.cells)
    document["planned"].push_back(
        {{"id", cell.id}, {"method", cell.method}, {"assumed_seconds", cell.assumed_seconds}});
  if (plan.header) document["report"] = Json::parse(to_json(*plan.header));
  write_text_atomically(folder_ / "plan.json", document.dump(2) + "\n");
}

StoredPlan ResultStore::read_plan() const {
  const std::filesystem::path path = folder_ / "plan.json";
  if (!std::filesystem::exists(path))
    fail("{} is not there: {} is not a results store", path.string(), folder_.string());
  try {
    const Json document = Json::parse(read_text(path));
    StoredPlan plan{.ids = document.at("cells").get<std::vector<std::string>>()};
    for (const Json& cell : document.value("planned", Json::array()))
      plan.cells.push_back({cell.at("id"), cell.at("method"), cell.at("assumed_seconds")});
    if (document.contains("report")) plan.header = parse_report(document["report"].dump(), path.string());
    return plan;
  } catch (const Json::exception& error) {
    fail("{} is malformed: {}", path.string(), error.what());
  }
}

}  // namespace quantbench
