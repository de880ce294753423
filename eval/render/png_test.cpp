#include "eval/render/png.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "core/error.h"
#include "core/file.h"
#include "core/testing/temporary_folder.h"
#include "eval/render/render.h"
#include "eval/render/sample_report_for_tests.h"

namespace quantbench {
namespace {

using testing::HasSubstr;

/// Four bytes of a PNG's header, most significant first.
std::uint32_t number_at(const std::string& bytes, std::size_t at) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) number = number << 8 | static_cast<unsigned char>(bytes.at(at + i));
  return number;
}

TEST(Png, HasTwoPixelsForEachUnit) {
  if (std::system("command -v rsvg-convert > /dev/null") != 0)
    GTEST_SKIP() << "there is no rsvg-convert (librsvg2-bin)";
  const testing_support::TemporaryFolder folder;
  write_png(folder / "a.png", render_chart(std::vector{sample_report()}, ChartMetric::perplexity));
  const std::string bytes = read_text(folder / "a.png");
  EXPECT_EQ(bytes.substr(0, 8), "\x89PNG\r\n\x1a\n");
  EXPECT_EQ(number_at(bytes, 16), 1920u);
  EXPECT_EQ(number_at(bytes, 20), 1200u);
  EXPECT_THROW(write_png(folder / "b.png", "<svg"), Error);
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path())) ++files;
  EXPECT_EQ(files, 1u) << "nothing half-made stays";
}

TEST(Png, NamesThePackageWhenTheProgramIsMissing) {
  const testing_support::TemporaryFolder folder;
  const char* path = std::getenv("PATH");
  const std::string kept = path == nullptr ? "" : path;
  ::setenv("PATH", folder.path().c_str(), 1);
  try {
    write_png(folder / "a.png", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
    ADD_FAILURE() << "drawn by nothing";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("librsvg2-bin"));
  }
  ::setenv("PATH", kept.c_str(), 1);
}

}  // namespace
}  // namespace quantbench
