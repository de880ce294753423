#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/testing/temporary_folder.h"
#include "models/checkpoints/gguf_writer.h"
#include "models/checkpoints/testing/file_bytes.h"

namespace quantbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::TemporaryFolder;

struct Part {
  std::uint16_t number = 0;  // 0-based, as stored
  std::uint16_t count = 3;
  std::int32_t tensors = 3;
  std::string tensor;  // one tensor of four f32; "" for none
};

void write_part(const std::filesystem::path& path, const Part& part) {
  Metadata metadata;
  if (part.number == 0) metadata.set("general.architecture", "llama");
  metadata.set("split.no", part.number);
  metadata.set("split.count", part.count);
  metadata.set("split.tensors.count", part.tensors);
  std::vector<GgufTensorInfo> infos;
  if (!part.tensor.empty()) infos.push_back({part.tensor, {4}, 0});
  GgufWriter writer(path, metadata, infos);
  const std::vector<float> values(4, part.number);
  if (!part.tensor.empty()) writer.append(part.tensor, std::as_bytes(std::span(values)));
  writer.commit();
}

class GgufSplit : public testing::Test {
 protected:
  std::filesystem::path part_path(int number) const {
    return folder_.path() / fmt::format("model-{:05}-of-00003.gguf", number);
  }
  void SetUp() override {
    write_part(part_path(1), {0, 3, 3, "a"});
    write_part(part_path(2), {1, 3, 3, "b"});
    write_part(part_path(3), {2, 3, 3, "c"});
  }
  std::string open_error(int number = 1) const {
    return error_of([&] { open_checkpoint(part_path(number)); });
  }
  TemporaryFolder folder_;
};

TEST_F(GgufSplit, AnyPartOpensTheWholeSet) {
  for (const int number : {1, 2, 3}) {
    const Checkpoint checkpoint = open_checkpoint(part_path(number));
    EXPECT_THAT(checkpoint.files(), ElementsAre(part_path(1), part_path(2), part_path(3)));
    EXPECT_EQ(checkpoint.source(), part_path(number).string());
    ASSERT_EQ(checkpoint.tensors().size(), 3u);
    EXPECT_EQ(checkpoint.tensors()[2].name, "c");
    float value = 0;
    std::memcpy(&value, checkpoint.at("c").bytes.data(), sizeof(value));
    EXPECT_EQ(value, 2);
    EXPECT_EQ(checkpoint.metadata().text("general.architecture"), "llama");
    EXPECT_FALSE(checkpoint.metadata().contains("split.count"));
  }
}

TEST_F(GgufSplit, TheBytesOutliveCopiesOfTheCheckpoint) {
  std::optional<Checkpoint> first = open_checkpoint(part_path(1));
  const Checkpoint copy = *first;
  first.reset();
  EXPECT_EQ(copy.at("b").bytes.size(), 16u);
  EXPECT_EQ(std::to_integer<int>(copy.at("b").bytes[3]), 0x3f);  // 1.0f
}

TEST_F(GgufSplit, MissingPart) {
  std::filesystem::remove(part_path(2));
  EXPECT_THAT(open_error(), HasSubstr("model-00002-of-00003.gguf: part 2 of 3 of a split checkpoint is missing"));
}

TEST_F(GgufSplit, NumberThatIsNotThatOfTheName) {
  write_part(part_path(2), {2, 3, 3, "b"});
  EXPECT_THAT(open_error(), HasSubstr("'split.no' is 2, expected 1 from the file name"));
}

TEST_F(GgufSplit, CountsThatDiffer) {
  write_part(part_path(3), {2, 4, 3, "c"});
  EXPECT_THAT(open_error(), HasSubstr("'split.count' is 4, and the file names say 3"));
  EXPECT_THAT(open_error(3), HasSubstr("'split.count' is 4"));
}

TEST_F(GgufSplit, TensorsThatAreTooFewOrTwice) {
  write_part(part_path(3), {2, 3, 3, ""});
  EXPECT_THAT(open_error(), HasSubstr("'split.tensors.count' is 3, and the 3 parts hold 2 tensors"));
  write_part(part_path(3), {2, 3, 3, "a"});
  EXPECT_THAT(open_error(), HasSubstr("tensor 'a' exists twice"));
}

TEST_F(GgufSplit, NamesThatDoNotSayWhereTheOtherPartsAre) {
  const auto renamed = folder_.path() / "renamed.gguf";
  std::filesystem::copy(part_path(2), renamed);
  EXPECT_THAT(error_of([&] { open_checkpoint(renamed); }),
              HasSubstr("part 2 of a checkpoint split in 3 must be named"));
}

TEST_F(GgufSplit, ANameThatClaimsPartsThatTheFileDoesNotKnow) {
  const auto path = folder_.path() / "alone-00001-of-00002.gguf";
  GgufWriter(path, Metadata(), {}).commit();
  EXPECT_THAT(error_of([&] { open_checkpoint(path); }), HasSubstr("the name says part 1 of 2"));
}

TEST_F(GgufSplit, OnePartIsAWholeFile) {
  const auto path = folder_.path() / "any name.gguf";
  write_part(path, {0, 1, 1, "a"});
  EXPECT_EQ(open_checkpoint(path).tensors().size(), 1u);
}

}  // namespace
}  // namespace quantbench
