#include "eval/runner/claim_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/process_identity.h"

namespace quantbench {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::size_t most_bytes = 65536;

double seconds(std::chrono::nanoseconds time) { return std::max(0.0, std::chrono::duration<double>(time).count()); }

/// Of a damaged text a value without members.
Json parsed(const std::string& text) { return Json::parse(text, nullptr, false); }

/// The member of an object, or `otherwise` where there is none of this type.
template <class T>
T member(const Json& document, const char* name, T otherwise) {
  if (!document.is_object() || !document.contains(name)) return otherwise;
  try {
    return document[name].get<T>();
  } catch (const Json::exception&) {
    return otherwise;
  }
}

/// Nothing for other files of the folder.
std::optional<ClaimFile> parse_claim_name(const fs::path& path) {
  const std::string file = path.filename().string();
  const std::size_t dot = file.rfind('.');
  if (dot == std::string::npos || file.starts_with(draft_prefix)) return std::nullopt;
  ClaimFile claim{path, file.substr(0, dot), 0};
  const char* end = file.data() + file.size();
  const auto parsed = std::from_chars(file.data() + dot + 1, end, claim.number);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return claim;
}

}  // namespace

std::optional<FileContent> read_small_file(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return std::nullopt;
  std::string text(most_bytes, '\0');
  struct stat status {};
  const ssize_t count = ::read(descriptor, text.data(), text.size());
  const bool known = ::fstat(descriptor, &status) == 0 && count >= 0;
  ::close(descriptor);
  if (!known) return std::nullopt;
  text.resize(static_cast<std::size_t>(count));
  const auto since = std::chrono::seconds(status.st_mtim.tv_sec) + std::chrono::nanoseconds(status.st_mtim.tv_nsec);
  return FileContent{std::move(text), FileTime(since)};
}

Holder holder_of(const fs::path& store, const std::string& identity, FileTime seen, FileTime now) {
  Holder holder{.identity = identity};
  double expiry = seconds(ClaimTiming{}.expiry);
  if (const auto file = identity.empty() ? std::nullopt : read_small_file(store / processes_folder / identity)) {
    const Json document = parsed(file->text);
    holder.host = member<std::string>(document, "host", "");
    holder.pid = member<std::int64_t>(document, "pid", 0);
    holder.job = member<std::string>(document, "job", "");
    expiry = member<double>(document, "expires_after_seconds", expiry);
    seen = std::max(seen, file->modified);
  }
  holder.silent_seconds = seconds(now - seen);
  if (known_to_have_ended(identity))
    holder.state = HolderState::ended;
  else if (holder.silent_seconds > expiry)
    holder.state = HolderState::expired;
  return holder;
}

std::vector<ClaimFile> claims_of(const fs::path& store, const std::string& name) {
  std::vector<ClaimFile> found;
  for_each_file(store / claims_folder, [&](const fs::path& path) {
    if (auto claim = parse_claim_name(path); claim && claim->name == name) found.push_back(std::move(*claim));
  });
  std::ranges::sort(found, {}, &ClaimFile::number);
  return found;
}

std::optional<ClaimState> read_claim(const fs::path& store, const ClaimFile& file, FileTime now) {
  const auto content = read_small_file(file.path);
  if (!content) return std::nullopt;
  ClaimState state{.name = file.name, .number = file.number};
  const Json document = parsed(content->text);
  state.token = member<std::string>(document, "token", "");
  state.what = member<std::string>(document, "what", file.name);
  const std::string process = member<std::string>(document, "process", "");
  state.holder = holder_of(store, process, content->modified, now);
  state.held_seconds = seconds(now - content->modified);
  return state;
}

std::string token_of(const std::string& claim) { return member<std::string>(parsed(claim), "token", ""); }

Draft::Draft(const fs::path& folder, const std::string& text) {
  std::string name = (folder / fmt::format("{}{}-XXXXXX", draft_prefix, this_process())).string();
  const int descriptor = ::mkostemp(name.data(), O_CLOEXEC);
  if (descriptor < 0) fail("cannot write in {}: {}", folder.string(), std::strerror(errno));
  path_ = name;
  (void)::fchmod(descriptor, 0644);  // other people may share the store
  const ssize_t written = ::write(descriptor, text.data(), text.size());
  ::close(descriptor);
  if (written != static_cast<ssize_t>(text.size())) fail("cannot write {}: {}", name, std::strerror(errno));
}
Draft::~Draft() { ::unlink(path_.c_str()); }

bool Draft::link_to(const fs::path& target) const {
  if (::link(path_.c_str(), target.c_str()) == 0) return true;
  const int reason = errno;
  // Over NFS the answer may be lost after the link was made; its count of names is the truth.
  struct stat status {};
  if (::stat(path_.c_str(), &status) == 0 && status.st_nlink == 2) return true;
  if (reason == EEXIST) return false;
  fail("cannot make the claim {}: {} (claims need a file system with hard links)", target.string(),
       std::strerror(reason));
}

std::string writer_of_draft(const fs::path& path) {
  const std::string name = path.filename().string();
  if (!name.starts_with(draft_prefix)) return "";
  return name.substr(draft_prefix.size(), name.rfind('-') - draft_prefix.size());
}

std::string to_string(const Holder& holder) {
  if (holder.host.empty()) return "an unknown process";
  return fmt::format("{}, process {}{}", holder.host, holder.pid, holder.job.empty() ? "" : ", job " + holder.job);
}

FileTime file_system_time(const fs::path& folder) {
  const Draft draft(folder, "");
  const auto content = read_small_file(draft.path());
  if (!content) fail("cannot read {}", draft.path().string());
  return content->modified;
}

std::vector<ClaimState> read_claims(const fs::path& folder, FileTime now) {
  std::map<std::string, ClaimFile> newest;
  for_each_file(folder / claims_folder, [&](const fs::path& path) {
    auto claim = parse_claim_name(path);
    if (!claim) return;
    ClaimFile& known = newest[claim->name];
    if (claim->number > known.number) known = std::move(*claim);
  });
  std::vector<ClaimState> states;
  for (const auto& [name, file] : newest)
    if (auto state = read_claim(folder, file, now)) states.push_back(std::move(*state));
  return states;
}

}  // namespace quantbench
