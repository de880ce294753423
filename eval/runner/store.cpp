#include "eval/runner/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
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

int open_lock(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) fail("cannot open the lock {}: {}", path.string(), std::strerror(errno));
  return descriptor;
}

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

Report read_cell(const ResultStore& store, const std::string& id) {
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
    check_tokens(store, store.nll_file(id), cell.nll_file, cell.nll_sha256);
    check_tokens(store, store.kld_file(id), cell.kld_file, cell.kld_sha256);
  }
  return report;
}

}  // namespace

FileLock FileLock::wait(const std::filesystem::path& path) {
  FileLock lock(open_lock(path));
  while (::flock(lock.descriptor_, LOCK_EX) != 0)
    if (errno != EINTR) fail("cannot lock {}: {}", path.string(), std::strerror(errno));
  return lock;
}

std::optional<FileLock> FileLock::try_lock(const std::filesystem::path& path) {
  FileLock lock(open_lock(path));
  if (::flock(lock.descriptor_, LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno == EWOULDBLOCK) return std::nullopt;
  fail("cannot lock {}: {}", path.string(), std::strerror(errno));
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

ResultStore::ResultStore(std::filesystem::path folder) : folder_(std::move(folder)) {
  for (const char* name : {"cells", "nll", "kld", "shared", "locks"}) {
    std::error_code error;
    std::filesystem::create_directories(folder_ / name, error);
    if (error) fail("cannot create {}: {}", (folder_ / name).string(), error.message());
  }
}

StoredCell ResultStore::find(const std::string& id) const {
  if (!std::filesystem::exists(cell_file(id))) return {};
  try {
    return {read_cell(*this, id), ""};
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

void ResultStore::write_plan(const std::vector<std::string>& ids) const {
  write_text_atomically(folder_ / "plan.json", Json{{"cells", ids}}.dump(2) + "\n");
}

std::vector<std::string> ResultStore::read_plan() const {
  const std::filesystem::path path = folder_ / "plan.json";
  if (!std::filesystem::exists(path))
    fail("{} is not there: {} is not a results store", path.string(), folder_.string());
  try {
    return Json::parse(read_text(path)).at("cells").get<std::vector<std::string>>();
  } catch (const Json::exception& error) {
    fail("{} is malformed: {}", path.string(), error.what());
  }
}

void remove_unfinished(const std::filesystem::path& path) {
  const std::string prefix = path.filename().string() + ".partial-";
  for (const auto& entry : std::filesystem::directory_iterator(path.parent_path()))
    if (entry.path().filename().string().starts_with(prefix)) std::filesystem::remove(entry.path());
}

}  // namespace quantbench
