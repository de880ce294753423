#include "core/process_identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace quantbench {
namespace {

/// A child that tells its identity and waits to be killed.
struct Child {
  Child() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    pid = ::fork();
    if (pid == 0) {
      const std::string name = this_process();
      (void)!::write(ends[1], name.data(), name.size());
      ::close(ends[1]);
      ::pause();
      ::_exit(0);
    }
    ::close(ends[1]);
    std::array<char, 200> buffer{};
    const ssize_t count = ::read(ends[0], buffer.data(), buffer.size());
    ::close(ends[0]);
    identity.assign(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  }

  pid_t pid = 0;
  std::string identity;
};

TEST(ProcessIdentity, SaysMachineProcessAndStart) {
  EXPECT_THAT(this_process(), testing::MatchesRegex("[0-9a-f]+-" + std::to_string(::getpid()) + "-[0-9]+"));
  EXPECT_EQ(this_process(), this_process());
  EXPECT_FALSE(known_to_have_ended(this_process()));
}

TEST(ProcessIdentity, AProcessHasEndedWhenItIsKilledEvenBeforeItsParentAsks) {
  const Child child;
  EXPECT_NE(child.identity, this_process());
  EXPECT_FALSE(known_to_have_ended(child.identity));
  ::kill(child.pid, SIGKILL);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child.pid), &info, WEXITED | WNOWAIT), 0);
  EXPECT_TRUE(known_to_have_ended(child.identity)) << "a zombie";
  ::waitpid(child.pid, nullptr, 0);
  EXPECT_TRUE(known_to_have_ended(child.identity));
}

TEST(ProcessIdentity, AnotherProcessWithTheSameNumberIsAnotherOne) {
  const std::string name = this_process();
  EXPECT_TRUE(known_to_have_ended(name.substr(0, name.rfind('-')) + "-1"));
}

TEST(ProcessIdentity, OfOtherMachinesAndOfWhatIsNoIdentityNothingIsKnown) {
  const std::string name = this_process();
  EXPECT_FALSE(known_to_have_ended("0123456789ab" + name.substr(name.find('-'))));
  for (const char* text : {"", "x", "a-b", "a-b-c", "-1-1", "a-1"}) EXPECT_FALSE(known_to_have_ended(text)) << text;
}

}  // namespace
}  // namespace quantbench
