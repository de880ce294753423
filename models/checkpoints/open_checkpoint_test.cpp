#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/testing/temporary_folder.h"
#include "models/checkpoints/safetensors_reader.h"
#include "models/checkpoints/testing/file_bytes.h"

namespace quantbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::TemporaryFolder;

std::string byte_tensor(std::string_view name) {
  return safetensors_bytes(fmt::format(R"({{"{}":{{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}}})", name), "x");
}

class OpenCheckpoint : public testing::Test {
 protected:
  std::string open_error(const std::filesystem::path& path) const {
    return error_of([&] { open_checkpoint(path); });
  }
  std::filesystem::path write_index(std::string_view weight_map) const {
    return folder_.write("model.safetensors.index.json",
                         fmt::format(R"({{"metadata":{{"total_size":2}},"weight_map":{}}})", weight_map));
  }
  TemporaryFolder folder_;
};

TEST_F(OpenCheckpoint, DecidesByContentNotByName) {
  const auto path = folder_.write("model.gguf", byte_tensor("w"));
  EXPECT_EQ(open_checkpoint(path).tensors().at(0).name, "w");
  const auto gguf = folder_.write("model.safetensors", FileBytes().gguf_header(0, 0).str());
  EXPECT_TRUE(open_checkpoint(gguf).tensors().empty());
}

TEST_F(OpenCheckpoint, AHeaderOfTheLengthThatAPickleStartsWith) {
  std::string header = R"({"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
  header.resize(0x0280, ' ');  // as a little-endian number: bytes 80 02, the start of a pickle
  const auto path = folder_.write("model.safetensors", safetensors_bytes(header, "x"));
  EXPECT_EQ(open_checkpoint(path).tensors().size(), 1u);
}

TEST_F(OpenCheckpoint, OtherFilesAreRefusedWithTheReasonAndTheRemedy) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "it is empty"},
      {"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"},
      {"\n<!doctype html>", "HTML"},
      {"PK\x03\x04 archive/data.pkl", "zip archive (PyTorch .bin and .pt files are pickles in one)"},
      {"\x80\x04\x95 pickle", "a Python pickle (a PyTorch checkpoint), which can run code when it is loaded"},
      {"tjgg\x03", "before GGUF"},
      {"\x93NUMPY\x01", "NumPy"},
      {"what is this?", "it starts with the bytes 77 68 61 74 20 69 73 20"},
  };
  for (const std::string name : {"model.bin", "model.safetensors", "model.gguf"})
    for (const auto& [bytes, expected] : cases) {
      const std::string error = open_error(folder_.write(name, bytes));
      if (name == "model.safetensors" && bytes.size() < 8) {
        EXPECT_THAT(error, HasSubstr("byte 0: the header length needs 8 bytes"));
      } else {
        EXPECT_THAT(error, HasSubstr(expected)) << name;
      }
    }
  EXPECT_THAT(open_error(folder_.write("config.json", "{\"a\":1}")), HasSubstr("not a safetensors index"));
  EXPECT_THAT(open_error(folder_.path() / "absent"), HasSubstr("cannot open"));
}

TEST_F(OpenCheckpoint, ShardsAndTheirConfig) {
  folder_.write("s1.safetensors", byte_tensor("a"));
  folder_.write("s2.safetensors", byte_tensor("b"));
  const auto index = write_index(R"({"a":"s1.safetensors","b":"s2.safetensors"})");
  EXPECT_EQ(open_checkpoint(index).config(), std::nullopt);
  const auto config = folder_.write("config.json", "{}");
  for (const auto& path : {index, folder_.path()}) {
    const Checkpoint checkpoint = open_checkpoint(path);
    EXPECT_EQ(checkpoint.tensors().size(), 2u);
    EXPECT_THAT(checkpoint.files(), ElementsAre(folder_.path() / "s1.safetensors", folder_.path() / "s2.safetensors"));
    EXPECT_EQ(checkpoint.config(), config);
  }
}

TEST_F(OpenCheckpoint, IndexesThatAreWrong) {
  folder_.write("s1.safetensors", byte_tensor("a"));
  folder_.write("s2.safetensors", byte_tensor("b"));
  std::filesystem::create_symlink("loop.safetensors", folder_.path() / "loop.safetensors");
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"a":"s1.safetensors","c":"s2.safetensors"})", "holds tensor 'b', which the index does not list"},
      {R"({"a":"s1.safetensors","b":"s2.safetensors","c":"s1.safetensors"})", "tensor 'c' is not in shard s1"},
      {R"({"a":"s2.safetensors","b":"s2.safetensors"})", "tensor 'a' is not in shard s2"},
      {R"({"a":"s1.safetensors","b":"s1.safetensors"})", "tensor 'b' is not in shard s1"},
      {R"({"a":"s9.safetensors"})", "s9.safetensors is missing"},
      {R"({"a":"loop.safetensors"})", "loop.safetensors"},
      {R"({"a":"../s1.safetensors"})", "names the file '../s1.safetensors'; only files beside the index"},
      {R"({"a":"/etc/passwd"})", "only files beside the index"},
      {R"({"a":"..\\s1.safetensors"})", "only files beside the index"},
      {R"({"a":".."})", "only files beside the index"},
      {R"({"a":""})", "only files beside the index"},
      {R"({"a":"s1.safetensors\u0000"})", "only files beside the index"},
      {R"({"a":{"file":"s1.safetensors"}})", "weight_map entry 'a' is object, expected a file name"},
      {R"({"a":"s1.safetensors","a":"s2.safetensors"})", "JSON key 'a' exists twice"},
      {R"([])", "without an object 'weight_map'"},
  };
  for (const auto& [weight_map, expected] : cases)
    EXPECT_THAT(open_error(write_index(weight_map)), HasSubstr(expected));
}

TEST_F(OpenCheckpoint, AShardThatIsNotThere) {
  folder_.write("s1.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n");
  EXPECT_THAT(open_error(write_index(R"({"a":"s1.safetensors"})")), HasSubstr("git lfs pull"));
}

TEST_F(OpenCheckpoint, DirectoriesThatDoNotSayWhichFileIsMeant) {
  EXPECT_THAT(open_error(folder_.path()), HasSubstr("a directory without safetensors files"));
  folder_.write("pytorch_model.bin", "PK");
  EXPECT_THAT(open_error(folder_.path()), HasSubstr("PyTorch pickle files only (pytorch_model.bin)"));
  folder_.write("m-q4.gguf", "GGUF");
  EXPECT_THAT(open_error(folder_.path()), HasSubstr("give the path of one of its GGUF files: m-q4.gguf"));
  folder_.write("a.safetensors", byte_tensor("a"));
  EXPECT_EQ(open_error(folder_.path()), "");
  folder_.write("b.safetensors", byte_tensor("b"));
  EXPECT_THAT(open_error(folder_.path()),
              HasSubstr("which checkpoint is meant? Give the path of one of: a.safetensors"));
}

}  // namespace
}  // namespace quantbench
