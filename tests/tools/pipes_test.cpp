// A pipe that nobody writes to, and a device without end, in the place of each
// file that skipzoo reads: refused in a sentence, where it could wait for ever.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <sstream>

#include "tests/support/expect_words.h"
#include "tests/support/make_pictures.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/words_of_error.h"
#include "tools/data/dataset.h"
#include "tools/data/picture_files.h"
#include "tools/weights/weight_file.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

class Pipes : public testing::TestWithParam<const char*> {
 protected:
  /// Puts one under this name.
  fs::path put(const std::string& name) {
    const auto path = folder_ / name;
    fs::remove(path);
    if (GetParam() == std::string("a pipe")) {
      EXPECT_EQ(mkfifo(path.c_str(), 0600), 0);
    } else {
      fs::create_symlink("/dev/zero", path);
    }
    return path;
  }
  /// Expects one sentence that names the file and says what it is.
  template <typename Read>
  void expect_refused(const fs::path& path, Read read) {
    const auto said = words_of_error(read);
    expect_words(said, path.string() + ": is ");
    expect_words(said, GetParam());
    EXPECT_EQ(said.find('\n'), std::string::npos) << said;
  }

  TemporaryFolder folder_;
};

TEST_P(Pipes, AreNoWeights) {
  const auto weights = put("model.pth");
  expect_refused(weights, [&] { read_weight_file(weights); });
  const auto index = put("model.safetensors.index.json");
  expect_refused(index, [&] { read_weight_file(index); });
  const auto shard = put("shard.bin");
  const auto of_shards =
      folder_.write("i.json", R"({"weight_map": {"w": "shard.bin"}})");
  expect_refused(shard, [&] { read_weight_file(of_shards); });
}

TEST_P(Pipes, AreNoPicturesAndNoLists) {
  const auto picture = put("a.jpg");
  expect_refused(picture, [&] { read_image(picture, 3); });
  const auto list = put("list.txt");
  std::istringstream none;
  expect_refused(list, [&] { find_pictures({list.string()}, none); });
}

TEST_P(Pipes, AreNoIdxFiles) {
  const auto open = [&] { open_idx(folder_.path(), Split::kTrain, 1, 10); };
  const auto images = put("train-images-idx3-ubyte");
  folder_.write("train-labels-idx1-ubyte", "x");
  expect_refused(images, open);
  fs::remove(images);
  folder_.write(
      "train-images-idx3-ubyte",
      big_endian(0x803) + big_endian(1) + big_endian(1) + big_endian(1) + "x");
  expect_refused(put("train-labels-idx1-ubyte"), open);
}

TEST_P(Pipes, AreNoCifarFiles) {
  expect_refused(put("test_batch.bin"), [&] {
    open_cifar(folder_.path(), Split::kTest, 3, /*cifar100=*/false);
  });
  expect_refused(put("train.bin"), [&] {
    open_cifar(folder_.path(), Split::kTrain, 3, /*cifar100=*/true);
  });
}

TEST_P(Pipes, AreNotWaitedForByInspect) {
  const auto onnx = put("net.onnx");
  expect_words(run_skipzoo({"inspect", onnx.string()}), 1,
               onnx.string() + ": is no ordinary file");
  const auto weights = put("net.pth");
  expect_words(run_skipzoo({"inspect", weights.string()}), 1,
               weights.string() + ": is ");
}

INSTANTIATE_TEST_SUITE_P(Kinds, Pipes, testing::Values("a pipe", "a device"));

}  // namespace
}  // namespace skipzoo
