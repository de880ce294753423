#include "eval/runner/claims.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "core/error.h"
#include "core/file.h"
#include "core/partial_file.h"
#include "core/process_identity.h"

namespace quantbench {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* claims_folder = "claims";
constexpr const char* processes_folder = "processes";
constexpr std::string_view draft_prefix = "draft-";
/// No claim and no process's file is larger.
constexpr std::size_t most_bytes = 65536;

struct FileContent {
  std::string text;
  FileTime modified;
};

/// Nothing when it is not there (any more). Opening it makes network file systems ask for its current time.
std::optional<FileContent> read_file(const fs::path& path) {
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

double seconds(std::chrono::nanoseconds time) { return std::max(0.0, std::chrono::duration<double>(time).count()); }

/// The member of a JSON object, or `otherwise` where the text is damaged.
template <class T>
T member(const std::string& text, const char* name, T otherwise) {
  const Json document = Json::parse(text, nullptr, false);
  if (!document.is_object() || !document.contains(name)) return otherwise;
  try {
    return document[name].get<T>();
  } catch (const Json::exception&) {
    return otherwise;
  }
}

/// `seen`: another sign of life of the process.
Holder holder_of(const fs::path& store, const std::string& identity, FileTime seen, FileTime now) {
  Holder holder{.identity = identity};
  double expiry = seconds(ClaimTiming{}.expiry);
  if (const auto file = identity.empty() ? std::nullopt : read_file(store / processes_folder / identity)) {
    holder.host = member<std::string>(file->text, "host", "");
    holder.pid = member<std::int64_t>(file->text, "pid", 0);
    holder.job = member<std::string>(file->text, "job", "");
    expiry = member<double>(file->text, "expires_after_seconds", expiry);
    seen = std::max(seen, file->modified);
  }
  holder.silent_seconds = seconds(now - seen);
  if (known_to_have_ended(identity))
    holder.state = HolderState::ended;
  else if (holder.silent_seconds > expiry)
    holder.state = HolderState::expired;
  return holder;
}

struct ClaimFile {
  fs::path path;
  std::string name;
  std::uint64_t number = 0;
};

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

template <class Visit>
void for_each_file(const fs::path& folder, const Visit& visit) {
  std::error_code gone;  // files may vanish while they are listed
  for (fs::directory_iterator it(folder, gone), end; !gone && it != end; it.increment(gone)) visit(it->path());
}

/// By number.
std::vector<ClaimFile> claims_of(const fs::path& store, const std::string& name) {
  std::vector<ClaimFile> found;
  for_each_file(store / claims_folder, [&](const fs::path& path) {
    if (auto claim = parse_claim_name(path); claim && claim->name == name) found.push_back(std::move(*claim));
  });
  std::ranges::sort(found, {}, &ClaimFile::number);
  return found;
}

/// Nothing when it was given up meanwhile.
std::optional<ClaimState> read_claim(const fs::path& store, const ClaimFile& file, FileTime now) {
  const auto content = read_file(file.path);
  if (!content) return std::nullopt;
  ClaimState state{.name = file.name, .number = file.number};
  state.token = member<std::string>(content->text, "token", "");
  state.what = member<std::string>(content->text, "what", file.name);
  const std::string process = member<std::string>(content->text, "process", "");
  state.holder = holder_of(store, process, content->modified, now);
  state.held_seconds = seconds(now - content->modified);
  return state;
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fail("cannot create {}: {}", folder.string(), error.message());
}

/// A new file with `text` that is removed at the end; its name says whose it is.
class Draft {
 public:
  Draft(const fs::path& folder, const std::string& text) {
    std::string name = (folder / fmt::format("{}{}-XXXXXX", draft_prefix, this_process())).string();
    const int descriptor = ::mkostemp(name.data(), O_CLOEXEC);
    if (descriptor < 0) fail("cannot write in {}: {}", folder.string(), std::strerror(errno));
    path_ = name;
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    ::close(descriptor);
    if (written != static_cast<ssize_t>(text.size())) fail("cannot write {}: {}", name, std::strerror(errno));
  }
  ~Draft() { ::unlink(path_.c_str()); }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  const fs::path& path() const { return path_; }

  /// False when the name is taken.
  bool link_to(const fs::path& target) const {
    if (::link(path_.c_str(), target.c_str()) == 0) return true;
    const int reason = errno;
    // Over NFS the answer may be lost after the link was made; its count of names is the truth.
    struct stat status {};
    if (::stat(path_.c_str(), &status) == 0 && status.st_nlink == 2) return true;
    if (reason == EEXIST) return false;
    fail("cannot make the claim {}: {} (claims need a file system with hard links)", target.string(),
         std::strerror(reason));
  }

 private:
  fs::path path_;
};

std::string writer_of_draft(const fs::path& path) {
  const std::string name = path.filename().string();
  if (!name.starts_with(draft_prefix)) return "";
  return name.substr(draft_prefix.size(), name.rfind('-') - draft_prefix.size());
}

}  // namespace

std::string to_string(const Holder& holder) {
  if (holder.host.empty()) return "an unknown process";
  return fmt::format("{}, process {}{}", holder.host, holder.pid, holder.job.empty() ? "" : ", job " + holder.job);
}

FileTime file_system_time(const fs::path& folder) {
  const Draft draft(folder, "");
  const auto content = read_file(draft.path());
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

struct Claims::State {
  State(fs::path folder, std::string job_name, ClaimTiming claim_timing)
      : store(std::move(folder)),
        job(std::move(job_name)),
        timing(claim_timing),
        identity(this_process()),
        own(store / processes_folder / identity) {}

  void write_own() const {
    const Json content = {{"host", host_name()},
                          {"pid", ::getpid()},
                          {"job", job},
                          {"expires_after_seconds", std::chrono::duration<double>(timing.expiry).count()}};
    const Draft draft(store / processes_folder, content.dump() + "\n");
    (void)draft.link_to(own);
  }

  // The server's time, where there is one: no time is given.
  void touch() const {
    if (::utimensat(AT_FDCWD, own.c_str(), nullptr, 0) != 0 && errno == ENOENT) write_own();
  }

  /// Not later than the file system's clock, and at most a heartbeat before it.
  FileTime now() const {
    const auto content = read_file(own);
    return content ? content->modified : FileTime{};
  }

  void beat() {
    std::unique_lock lock(mutex);
    while (!stop.wait_for(lock, timing.heartbeat, [this] { return closed; })) touch();
  }

  /// True when claim `number` of `name` is this process's and may be relied on: nothing is there but what it took over.
  bool holds(const std::string& name, std::uint64_t number, const std::optional<ClaimState>& before) const {
    std::optional<ClaimFile> second;
    for (const ClaimFile& file : claims_of(store, name)) {
      if (file.number > number) return false;
      if (file.number < number) second = file;
    }
    if (!before) return !second;
    const auto current = second ? read_claim(store, *second, {}) : std::nullopt;
    return current && current->number == before->number && current->token == before->token;
  }

  void remove_older(const std::string& name, std::uint64_t number) const {
    for (const ClaimFile& file : claims_of(store, name))
      if (file.number < number) ::unlink(file.path.c_str());
  }

  fs::path path_of(const std::string& name, std::uint64_t number) const {
    return store / claims_folder / fmt::format("{}.{}", name, number);
  }

  const fs::path store;
  const std::string job;
  const ClaimTiming timing;
  const std::string identity;
  const fs::path own;  // this process's file
  std::mutex mutex;
  std::condition_variable stop;
  bool closed = false;
  std::uint64_t made = 0;   // claims, for tokens
  std::set<fs::path> held;  // claims of this process
  std::thread heartbeat;    // started last
};

struct Claim::Held {
  Held(std::shared_ptr<Claims::State> claims, fs::path file, std::string own_token)
      : state(std::move(claims)), path(std::move(file)), token(std::move(own_token)) {}
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

  bool there() const {
    const auto content = read_file(path);
    return content && member<std::string>(content->text, "token", "") == token;
  }

  // Between the look and the removal another process could only come if this one had been taken for dead; then a result is
  // made twice.
  ~Held() {
    const std::lock_guard lock(state->mutex);
    state->held.erase(path);
    if (there()) ::unlink(path.c_str());
  }

  const std::shared_ptr<Claims::State> state;
  const fs::path path;
  const std::string token;
};

Claim::Claim(std::unique_ptr<Held> held) : held_(std::move(held)) {}
Claim::Claim(Claim&&) noexcept = default;
Claim& Claim::operator=(Claim&&) noexcept = default;
Claim::~Claim() = default;
bool Claim::lost() const { return !held_->there(); }

Claims::Claims(fs::path store, std::string job, ClaimTiming timing)
    : state_(std::make_shared<State>(std::move(store), std::move(job), timing)) {
  make_folder(state_->store / claims_folder);
  make_folder(state_->store / processes_folder);
  state_->write_own();
  state_->touch();
  // Signals are for the threads that work.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, &before);
  state_->heartbeat = std::thread([state = state_.get()] { state->beat(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Claims::~Claims() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->closed = true;
  }
  state_->stop.notify_all();
  state_->heartbeat.join();
  ::unlink(state_->own.c_str());
}

std::optional<Claim> Claims::try_claim(const std::string& name, const std::string& what) {
  const std::lock_guard lock(state_->mutex);
  if (state_->closed) return std::nullopt;
  const std::optional<ClaimState> before = held_by(name);
  if (before && before->holder.state == HolderState::alive) return std::nullopt;
  const std::uint64_t number = before ? before->number + 1 : 1;
  const std::string token = fmt::format("{}-{}", state_->identity, ++state_->made);
  const Json content = {{"process", state_->identity}, {"token", token}, {"what", what}};
  const Draft draft(state_->store / claims_folder, content.dump() + "\n");
  const fs::path path = state_->path_of(name, number);
  if (!draft.link_to(path)) return std::nullopt;
  if (!state_->holds(name, number, before)) {
    ::unlink(path.c_str());
    return std::nullopt;
  }
  state_->remove_older(name, number);
  state_->held.insert(path);
  return Claim(std::make_unique<Claim::Held>(state_, path, token));
}

std::optional<ClaimState> Claims::held_by(const std::string& name) const {
  const std::vector<ClaimFile> files = claims_of(state_->store, name);
  return files.empty() ? std::nullopt : read_claim(state_->store, files.back(), state_->now());
}

void Claims::tidy(const std::vector<fs::path>& folders) {
  const FileTime now = state_->now();
  const auto is_dead = [&](const std::string& writer, FileTime written) {
    return holder_of(state_->store, writer, written, now).state != HolderState::alive;
  };
  const auto remove_if_dead = [&](const fs::path& path, const std::string& writer) {
    const auto file = read_file(path);
    if (file && is_dead(writer, file->modified)) ::unlink(path.c_str());
  };
  // By taking them over: a claim that is removed otherwise could be another one by then.
  for (const ClaimState& claim : read_claims(state_->store, now))
    if (claim.holder.state != HolderState::alive) (void)try_claim(claim.name, claim.what);
  for (const fs::path& folder : folders)
    for_each_file(folder, [&](const fs::path& path) {
      if (path.filename().string().find(partial_mark) != std::string::npos)
        remove_if_dead(path, writer_of_partial(path));
    });
  for (const char* folder : {claims_folder, processes_folder})
    for_each_file(state_->store / folder, [&](const fs::path& path) {
      if (const std::string writer = writer_of_draft(path); !writer.empty()) remove_if_dead(path, writer);
    });
  for_each_file(state_->store / processes_folder, [&](const fs::path& path) {
    const std::string name = path.filename().string();
    if (!name.starts_with(draft_prefix)) remove_if_dead(path, name);
  });
}

void Claims::abandon(const std::vector<fs::path>& folders) {
  const std::lock_guard lock(state_->mutex);
  state_->closed = true;
  state_->stop.notify_all();
  for (const fs::path& path : state_->held) ::unlink(path.c_str());
  ::unlink(state_->own.c_str());
  for (const fs::path& folder : folders)
    for_each_file(folder, [&](const fs::path& path) {
      if (writer_of_partial(path) == state_->identity) ::unlink(path.c_str());
    });
}

}  // namespace quantbench
