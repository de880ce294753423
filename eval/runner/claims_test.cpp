#include "eval/runner/claims.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <csignal>
#include <functional>
#include <thread>

#include "core/file.h"
#include "core/process_identity.h"
#include "core/testing/temporary_folder.h"

namespace quantbench {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing_support::TemporaryFolder;

/// Long enough that no heartbeat comes while a test makes files look old.
constexpr ClaimTiming no_heartbeat{std::chrono::hours(1), std::chrono::seconds(120)};

void make_older(const fs::path& path, std::chrono::seconds by) {
  fs::last_write_time(path, fs::last_write_time(path) - by);
}

std::vector<std::string> files_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

/// Does `work` in a child that then waits to be killed; returns when the work is done.
class Child {
 public:
  explicit Child(const std::function<void()>& work) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      // The objects that `work` makes must not be destroyed: the child ends by a signal.
      work();
      (void)!::write(ends[1], "x", 1);
      ::pause();
      ::_exit(0);
    }
    ::close(ends[1]);
    char done = 0;
    EXPECT_EQ(::read(ends[0], &done, 1), 1);
    ::close(ends[0]);
  }
  ~Child() { end(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void end() {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
};

/// Holds `name` until it is killed.
void hold(const fs::path& store, const std::string& name, std::optional<ClaimTiming> timing = std::nullopt) {
  auto* claims = new Claims(store, "job 7", timing.value_or(no_heartbeat));
  new std::optional<Claim>(claims->try_claim(name, "cell " + name));
}

/// What a process of another machine left behind, last heard of `silent` ago.
void leave_foreign_claim(const fs::path& store, const std::string& name, std::uint64_t number,
                         std::chrono::seconds silent, double expires_after_seconds = 120) {
  const std::string identity = "0123456789ab-17-170" + std::to_string(number);
  const fs::path process = store / "processes" / identity;
  const fs::path claim = store / "claims" / fmt::format("{}.{}", name, number);
  write_text_atomically(
      process,
      fmt::format(R"({{"host": "node7", "pid": 17, "job": "", "expires_after_seconds": {}}})", expires_after_seconds));
  write_text_atomically(claim,
                        fmt::format(R"({{"process": "{}", "token": "{}-1", "what": "q4_0"}})", identity, identity));
  make_older(process, silent);
  make_older(claim, silent + std::chrono::seconds(1000));
}

TEST(Claims, OneHolderAtATime) {
  const TemporaryFolder folder;
  Claims claims(folder / "");
  {
    const auto claim = claims.try_claim("a", "cell a");
    ASSERT_TRUE(claim.has_value());
    EXPECT_FALSE(claim->lost());
    EXPECT_FALSE(claims.try_claim("a", "cell a").has_value());
    EXPECT_TRUE(claims.try_claim("b", "cell b").has_value());
    const auto held = claims.held_by("a");
    ASSERT_TRUE(held.has_value());
    EXPECT_EQ(held->holder.identity, this_process());
    EXPECT_EQ(held->what, "cell a");
    EXPECT_THAT(to_string(held->holder), HasSubstr(fmt::format("process {}", ::getpid())));
  }
  EXPECT_FALSE(claims.held_by("a").has_value());
  EXPECT_TRUE(claims.try_claim("a", "cell a").has_value());
  EXPECT_THAT(files_in(folder / "claims"), IsEmpty());
}

TEST(Claims, NamesDoNotMix) {
  const TemporaryFolder folder;
  Claims claims(folder / "");
  const auto one = claims.try_claim("base.logits", "x"), two = claims.try_claim("base", "x"),
             three = claims.try_claim("base.1", "x");
  EXPECT_TRUE(one && two && three);
}

TEST(Claims, AProcessThatEndsLeavesNothing) {
  const TemporaryFolder folder;
  { Claims claims(folder / ""); }
  EXPECT_THAT(files_in(folder / "claims"), IsEmpty());
  EXPECT_THAT(files_in(folder / "processes"), IsEmpty());
}

TEST(Claims, AKilledProcessOfThisMachineIsKnownAtOnce) {
  const TemporaryFolder folder;
  Child child([&] { hold(folder / "", "a"); });
  Claims claims(folder / "");
  ASSERT_TRUE(claims.held_by("a").has_value());
  EXPECT_EQ(claims.held_by("a")->holder.pid, child.pid());
  EXPECT_EQ(claims.held_by("a")->holder.job, "job 7");
  EXPECT_FALSE(claims.try_claim("a", "").has_value());
  child.end();
  EXPECT_EQ(claims.held_by("a")->holder.state, HolderState::ended);
  const auto claim = claims.try_claim("a", "");
  ASSERT_TRUE(claim.has_value());
  EXPECT_EQ(claims.held_by("a")->number, 2u);
  EXPECT_THAT(files_in(folder / "claims"), testing::ElementsAre("a.2"));
}

TEST(Claims, AProcessThatIsSilentLosesItsClaimsThoughItLives) {
  const TemporaryFolder folder;
  Claims claims(folder / "", "", no_heartbeat);
  auto mine = claims.try_claim("a", "");
  make_older(folder / "claims" / "a.1", std::chrono::seconds(200));
  make_older(folder / "processes" / this_process(), std::chrono::seconds(100));
  {
    Child([&] { hold(folder / "", "a"); });
  }
  EXPECT_FALSE(mine->lost()) << "silent for 100 s of 120";
  make_older(folder / "processes" / this_process(), std::chrono::seconds(21));
  const Child child([&] { hold(folder / "", "a"); });
  EXPECT_TRUE(mine->lost());
  EXPECT_THAT(files_in(folder / "claims"), testing::ElementsAre("a.2"));
  mine.reset();
  EXPECT_THAT(files_in(folder / "claims"), testing::ElementsAre("a.2")) << "the other's claim is not this process's";
  EXPECT_EQ(claims.held_by("a")->holder.pid, child.pid());
}

TEST(Claims, OfOtherMachinesTheLastSignOfLifeDecides) {
  const TemporaryFolder folder;
  Claims claims(folder / "");
  leave_foreign_claim(folder / "", "quiet", 1, std::chrono::seconds(100));
  leave_foreign_claim(folder / "", "gone", 2, std::chrono::seconds(130));
  leave_foreign_claim(folder / "", "slow", 3, std::chrono::seconds(500), 1000);
  leave_foreign_claim(folder / "", "quick", 4, std::chrono::seconds(60), 10);
  EXPECT_FALSE(claims.try_claim("quiet", "").has_value());
  EXPECT_FALSE(claims.try_claim("slow", "").has_value()) << "it said that it would be silent for up to 1000 s";
  EXPECT_EQ(claims.held_by("gone")->holder.state, HolderState::expired);
  EXPECT_TRUE(claims.try_claim("gone", "").has_value());
  EXPECT_TRUE(claims.try_claim("quick", "").has_value());
}

TEST(Claims, TimeIsTheFileSystemsNotTheNodes) {
  const TemporaryFolder folder;
  Claims claims(folder / "", "", no_heartbeat);
  // A file system whose clock is an hour behind this node's.
  leave_foreign_claim(folder / "", "a", 1, std::chrono::seconds(3600 + 60));
  make_older(folder / "processes" / this_process(), std::chrono::seconds(3600));
  EXPECT_FALSE(claims.try_claim("a", "").has_value());
  EXPECT_NEAR(claims.held_by("a")->holder.silent_seconds, 60, 5);
  make_older(folder / "processes" / "0123456789ab-17-1701", std::chrono::seconds(70));
  EXPECT_TRUE(claims.try_claim("a", "").has_value());
}

TEST(Claims, AClaimOfAnUnknownProcessExpiresByItsOwnAge) {
  const TemporaryFolder folder;
  Claims claims(folder / "");
  for (const char* content : {"", "{", "[1, 2]", R"({"process": 7, "token": []})", R"({"process": "../../x"})"}) {
    const fs::path claim = folder / "claims" / "a.1";
    write_text_atomically(claim, content);
    EXPECT_FALSE(claims.try_claim("a", "").has_value()) << content;
    make_older(claim, std::chrono::seconds(121));
    EXPECT_TRUE(claims.try_claim("a", "").has_value()) << content;
  }
}

/// How many of `count` processes that start at once and stay alive get the claim.
int winners(const fs::path& store, int count) {
  std::array<int, 2> start{}, result{};
  EXPECT_EQ(::pipe(start.data()) | ::pipe(result.data()), 0);
  std::vector<pid_t> children;
  for (int i = 0; i < count; ++i) {
    children.push_back(::fork());
    if (children.back() != 0) continue;
    auto* claims = new Claims(store);
    char go = 0;
    ::close(start[1]);
    (void)!::read(start[0], &go, 1);
    auto* claim = new std::optional<Claim>(claims->try_claim("a", ""));
    (void)!::write(result[1], *claim ? "1" : "0", 1);
    ::pause();
  }
  ::close(start[0]);
  ::close(start[1]);
  int won = 0;
  for (int i = 0; i < count; ++i) {
    char answer = 0;
    EXPECT_EQ(::read(result[0], &answer, 1), 1);
    won += answer == '1';
  }
  for (const pid_t child : children) ::kill(child, SIGKILL);
  for (const pid_t child : children) ::waitpid(child, nullptr, 0);
  ::close(result[0]);
  ::close(result[1]);
  return won;
}

TEST(Claims, OfSeveralTakersOneGetsIt) {
  const TemporaryFolder folder;
  for (int round = 0; round < 10; ++round) {
    // The holder of the round before was killed: the claim is to be taken over, but for the first.
    EXPECT_EQ(winners(folder / "", 6), 1) << "round " << round;
    EXPECT_THAT(files_in(folder / "claims"), SizeIs(1));
  }
}

TEST(Claims, OfSeveralTakersOfAnExpiredClaimOneGetsIt) {
  for (int round = 0; round < 5; ++round) {
    const TemporaryFolder folder;
    { Claims makes_folders(folder / ""); }
    leave_foreign_claim(folder / "", "a", 3, std::chrono::seconds(500));
    EXPECT_EQ(winners(folder / "", 6), 1) << "round " << round;
  }
}

/// Adds one to the number in a file `times` times, in a way that loses additions when another process does it too.
void count_up(const fs::path& store, const fs::path& file, int times) {
  Claims claims(store);
  while (times > 0) {
    const auto claim = claims.try_claim("counter", "");
    if (!claim) continue;
    const int value = std::stoi(read_text(file));
    std::this_thread::yield();
    write_text_atomically(file, std::to_string(value + 1));
    --times;
  }
}

TEST(Claims, HoldersExcludeEachOther) {
  const TemporaryFolder folder;
  write_text_atomically(folder / "counter", "0");
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    children.push_back(::fork());
    if (children.back() != 0) continue;
    count_up(folder / "", folder / "counter", 25);
    ::_exit(0);
  }
  for (const pid_t child : children) ::waitpid(child, nullptr, 0);
  EXPECT_EQ(read_text(folder / "counter"), "100");
  EXPECT_THAT(files_in(folder / "claims"), IsEmpty());
}

/// Whether `holds` becomes true within ten seconds.
bool soon(const std::function<bool()>& holds) {
  for (int i = 0; i < 2000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

TEST(Claims, TheHeartbeatKeepsThem) {
  const TemporaryFolder folder;
  Claims claims(folder / "", "", {std::chrono::milliseconds(5), std::chrono::seconds(120)});
  const fs::path own = folder / "processes" / this_process();
  const auto before = fs::last_write_time(own);
  make_older(own, std::chrono::hours(1));
  EXPECT_TRUE(soon([&] { return fs::last_write_time(own) >= before; }));
  fs::remove(own);
  EXPECT_TRUE(soon([&] { return fs::exists(own); })) << "someone has tidied up";
}

TEST(Claims, TidyRemovesWhatDeadProcessesLeftAndNothingElse) {
  const TemporaryFolder folder;
  Claims claims(folder / "");
  fs::create_directory(folder / "shared");
  const auto write_half = [&](const std::string& name) {
    hold(folder / "", name);
    (new AtomicFile(folder / "shared" / name))->write("half");
  };
  Child killed([&] { write_half("killed"); });
  const Child living([&] { write_half("living"); });
  killed.end();
  const fs::path foreign = folder / "shared" / "foreign.partial-0123456789ab-17-1701-abcdef";
  write_text_atomically(foreign, "half");
  write_text_atomically(folder / "shared" / "whole", "whole");
  for (const auto& entry : fs::directory_iterator(folder / "shared")) make_older(entry.path(), std::chrono::hours(2));
  leave_foreign_claim(folder / "", "a", 1, std::chrono::seconds(5));
  const auto names = [&] {
    std::vector<std::string> all = files_in(folder / "shared");
    for (std::string& name : all) name = name.substr(0, name.find('.'));
    return all;
  };
  EXPECT_THAT(names(), testing::ElementsAre("foreign", "killed", "living", "whole"));
  claims.tidy({folder / "shared"});
  EXPECT_THAT(names(), testing::ElementsAre("foreign", "living", "whole"));
  EXPECT_THAT(files_in(folder / "claims"), testing::ElementsAre("a.1", "living.1"));
  EXPECT_THAT(files_in(folder / "processes"), SizeIs(3)) << "of this, the living and the other machine's";
  make_older(folder / "processes" / "0123456789ab-17-1701", std::chrono::seconds(200));
  claims.tidy({folder / "shared"});
  EXPECT_THAT(names(), testing::ElementsAre("living", "whole"));
  EXPECT_THAT(files_in(folder / "claims"), testing::ElementsAre("living.1"));
  EXPECT_THAT(files_in(folder / "processes"), SizeIs(2));
}

TEST(Claims, AbandonLeavesWhatIsFinishedAndWhatIsOthers) {
  const TemporaryFolder folder;
  const Child other([&] {
    hold(folder / "", "other");
    (new AtomicFile(folder / "half"))->write("x");
  });
  Claims claims(folder / "");
  const auto claim = claims.try_claim("mine", "");
  AtomicFile half(folder / "half");
  write_text_atomically(folder / "whole", "whole");
  claims.abandon({folder / ""});
  EXPECT_THAT(files_in(folder / "claims"), testing::ElementsAre("other.1"));
  EXPECT_THAT(files_in(folder / "processes"), SizeIs(1));
  EXPECT_FALSE(claims.try_claim("third", "").has_value());
  int partial = 0;
  for (const std::string& name : files_in(folder / "")) partial += name.find(".partial-") != std::string::npos;
  EXPECT_EQ(partial, 1) << "the other's";
  EXPECT_EQ(read_text(folder / "whole"), "whole");
}

TEST(Claims, AreReadForStatus) {
  const TemporaryFolder folder;
  Claims claims(folder / "", "job 9");
  const auto claim = claims.try_claim("b", "q4_0");
  leave_foreign_claim(folder / "", "a", 4, std::chrono::seconds(1000));
  write_text_atomically(folder / "claims" / "notes.txt", "no claim");
  const std::vector<ClaimState> states = read_claims(folder / "", file_system_time(folder / "claims"));
  ASSERT_THAT(states, SizeIs(2));
  EXPECT_EQ(states[0].name, "a");
  EXPECT_EQ(states[0].holder.state, HolderState::expired);
  EXPECT_EQ(to_string(states[0].holder), "node7, process 17");
  EXPECT_EQ(states[1].what, "q4_0");
  EXPECT_EQ(states[1].holder.job, "job 9");
  EXPECT_LT(states[1].held_seconds, 60);
  EXPECT_THAT(read_claims(folder / "nowhere", {}), IsEmpty());
}

}  // namespace
}  // namespace quantbench
