#include "eval/doctor/cgroup.h"

#include <gtest/gtest.h>

#include "core/file.h"
#include "eval/testing/tiny_experiment.h"

namespace quantbench {
namespace {

using testing_support::TemporaryFolder;

struct Groups {
  TemporaryFolder folder;
  void put(const std::string& file, const std::string& text) const {
    std::filesystem::create_directories((folder / file).parent_path());
    write_text_atomically(folder / file, text);
  }
  CgroupLimits limits() const { return cgroup_limits(folder / "self", folder / "mount"); }
};

TEST(Cgroup, WithoutFilesThereIsNoLimit) {
  const Groups groups;
  EXPECT_FALSE(groups.limits().processors.has_value());
  groups.put("self", "nonsense\n0::/gone/away\n7:memory:/../outside\n");
  EXPECT_FALSE(groups.limits().processors.has_value());
  EXPECT_FALSE(groups.limits().memory_bytes.has_value());
}

TEST(Cgroup, TheTightestGroupAboveTheProcessCounts) {
  const Groups groups;
  groups.put("self", "0::/jobs/7\n");
  groups.put("mount/jobs/7/cpu.max", "max 100000\n");
  groups.put("mount/jobs/cpu.max", "150000 100000\n");
  groups.put("mount/jobs/7/memory.max", "4096\n");
  groups.put("mount/jobs/memory.max", "max\n");
  groups.put("mount/memory.max", "8192\n");
  groups.put("mount/others/cpu.max", "1000 100000\n");
  EXPECT_EQ(groups.limits().processors, 1.5);
  EXPECT_EQ(groups.limits().memory_bytes, 4096u);
}

TEST(Cgroup, Version1HasAFolderForEachController) {
  const Groups groups;
  groups.put("self", "4:memory:/box\n2:cpu,cpuacct:/box\n0::/\n");
  groups.put("mount/cpu/box/cpu.cfs_quota_us", "50000\n");
  groups.put("mount/cpu/box/cpu.cfs_period_us", "100000\n");
  groups.put("mount/cpu/cpu.cfs_quota_us", "-1\n");
  groups.put("mount/cpu/cpu.cfs_period_us", "100000\n");
  groups.put("mount/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(groups.limits().processors, 0.5);
  EXPECT_FALSE(groups.limits().memory_bytes.has_value()) << "the number that stands for no limit";
}

}  // namespace
}  // namespace quantbench
