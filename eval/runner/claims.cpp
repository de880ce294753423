#include "eval/runner/claims.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "core/error.h"
#include "core/partial_file.h"
#include "core/process_identity.h"
#include "eval/runner/claim_files.h"

namespace quantbench {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fail("cannot create {}: {}", folder.string(), error.message());
}

}  // namespace

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
    const auto content = read_small_file(own);
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
    const auto content = read_small_file(path);
    return content && token_of(content->text) == token;
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
    const auto file = read_small_file(path);
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

std::unique_lock<std::mutex> Claims::while_saving() const {
  std::unique_lock lock(state_->mutex);
  while (state_->closed) {
    lock.unlock();
    ::pause();
    lock.lock();
  }
  return lock;
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
