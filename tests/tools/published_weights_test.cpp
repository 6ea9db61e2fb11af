// Published weights on the real test photos of CIFAR-10. Both are too large for
// the project: skipped where they do not stand beside it.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

const fs::path kShared = SKIPZOO_SHARED;

class Published : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const auto archive = kShared / "data/cifar10-jpeg.tar.xz";
    if (!fs::exists(archive)) return;
    folder = std::make_unique<TemporaryFolder>();
    const auto unpacked =
        Process({"/bin/sh", "-c", "tar -xJf \"$0\" test", archive.string()},
                folder->path().string())
            .wait();
    ASSERT_EQ(unpacked.exit_code, 0) << unpacked.err;
  }
  static void TearDownTestSuite() { folder.reset(); }

  void SetUp() override {
    if (!folder) GTEST_SKIP() << "no photos and weights in " << kShared;
  }

  /// Of the 10,000 photos, how many are told right.
  static double right(const std::string& depth, const std::string& file,
                      const std::string& shortcut) {
    const auto finished = run_skipzoo(
        {"evaluate", (kShared / "weights" / file).string(), "-c",
         std::string(SKIPZOO_CONFIGS) + "/fine_tune/resnet" + depth + ".yaml",
         "--set", "data.root=" + folder->path().string(), "--set",
         "model.shortcut=" + shortcut, "--json"});
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    const auto json = nlohmann::json::parse(finished.out);
    EXPECT_EQ(json.at("images"), 10'000);
    return json.at("top1").get<double>() * 100;
  }

  static std::unique_ptr<TemporaryFolder> folder;
};
std::unique_ptr<TemporaryFolder> Published::folder;

TEST_F(Published, ResNetsReachTheirAccuracyOnPhotos) {
  EXPECT_NEAR(right("20", "resnet20-12fca82f.th", "A"), 8103, 20);
  EXPECT_NEAR(right("32", "resnet32-d509ac18.th", "A"), 8256, 20);
}

TEST_F(Published, TheOtherPaddingOfOptionAIsToldApart) {
  EXPECT_NEAR(right("20", "resnet20-12fca82f.th", "A_end"), 1360, 30);
}

}  // namespace
}  // namespace skipzoo
