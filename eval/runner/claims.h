// Claims: which process makes which result of a store, in files that every shared file system keeps right.
//
//   DIR/processes/IDENTITY    of a process that works on the store (core/process_identity.h), touched every `heartbeat`:
//                             {"host", "pid", "job", "expires_after_seconds"}
//   DIR/claims/NAME.N         {"process": IDENTITY, "token", "what"}: that process makes NAME
//
// A claim is made by link(2), which gives a name to one process only, and its number N is one more than that of the claim that
// it takes over. It is void when its process is known to have ended on this machine, or when neither it nor its process's
// file was touched for as long as the process said; time is the file system's (the mtime that it gives to this process's own
// file), never that of a node. Only one process can make claim N + 1, and it holds only if N is still there afterwards.
//
// A claim saves work and protects nothing: results appear whole by rename and do not depend on who makes them, so a
// result that two processes make (one was thought dead and was not) is made twice and is right.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace quantbench {

/// Of files: nanoseconds since 1970 by the file system's clock.
using FileTime = std::chrono::sys_time<std::chrono::nanoseconds>;

struct ClaimTiming {
  std::chrono::milliseconds heartbeat{20'000};
  /// After this long without a sign of life others take over.
  std::chrono::milliseconds expiry{120'000};
};

enum class HolderState {
  alive,
  ended,    // it ran on this machine, and there is no such process
  expired,  // no sign of life for longer than it said
};

/// A process that works, or worked, on the store.
struct Holder {
  std::string identity;
  std::string host = {};  // empty: its file is gone
  std::int64_t pid = 0;
  std::string job = {};  // of a cluster's queue; may be empty
  HolderState state = HolderState::alive;
  double silent_seconds = 0;  // since the last sign of life
};
/// "node7, process 4711, job 12_3".
std::string to_string(const Holder& holder);

struct ClaimState {
  std::string name;
  std::uint64_t number = 1;
  std::string token = {};
  std::string what = {};  // for people: "q4_0", "base logits"
  Holder holder = {};
  double held_seconds = 0;
};

/// The newest claim of every name in the store, by name. `now`: see file_system_time.
std::vector<ClaimState> read_claims(const std::filesystem::path& folder, FileTime now);
/// The file system's clock: the mtime of a file that is made in `folder` and removed. Throws Error when none can be made.
FileTime file_system_time(const std::filesystem::path& folder);

class Claims;

/// A claim of this process, given up at the end of the object.
class Claim {
 public:
  Claim(Claim&&) noexcept;
  Claim& operator=(Claim&&) noexcept;
  ~Claim();

  /// True when another process took it over: this one was thought dead.
  bool lost() const;

 private:
  friend class Claims;
  struct Held;
  explicit Claim(std::unique_ptr<Held> held);
  std::unique_ptr<Held> held_;
};

/// This process's part: its file with the heartbeat, and the making of claims. One for each process and store at a time; safe
/// to call from several threads.
class Claims {
 public:
  /// Creates the folders and starts the heartbeat. `job`: what a cluster calls this process. Throws Error.
  explicit Claims(std::filesystem::path store, std::string job = "", ClaimTiming timing = {});
  ~Claims();
  Claims(const Claims&) = delete;
  Claims& operator=(const Claims&) = delete;

  /// Nothing when another process holds `name` and is not known to be dead, or was quicker. Throws Error when the file system
  /// cannot hold claims (no hard links).
  std::optional<Claim> try_claim(const std::string& name, const std::string& what);
  /// Who holds `name`; nothing when nobody does.
  std::optional<ClaimState> held_by(const std::string& name) const;

  /// Removes what processes that have ended, or are silent for longer than they said, left behind: their claims and files, and
  /// what they had under construction in `folders`.
  void tidy(const std::vector<std::filesystem::path>& folders);

  /// Hold it while a result is written: `abandon` waits for it, and whoever asks for it afterwards waits for the end of the
  /// process. So nothing is begun that would be left half-written.
  std::unique_lock<std::mutex> while_saving() const;

  /// For a process that is about to end while its threads work: removes its claims, its file, and what it has under
  /// construction in `folders`. Nothing can be claimed afterwards.
  void abandon(const std::vector<std::filesystem::path>& folders);

 private:
  friend class Claim;
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace quantbench
