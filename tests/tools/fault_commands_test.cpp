// A disk that is full, or fails, under the binary itself: one sentence and exit
// code 1, whatever of LibTorch is in between.

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tests/support/files_in.h"
#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"
#include "tools/report/history.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

class FaultyDiskOfACommand : public testing::Test {
 protected:
  /// The one fails as often as the other.
  static int error_of(int number) { return number % 2 == 0 ? ENOSPC : EIO; }

  /// Runs the command, whose call of that number fails.
  static Finished run_with_fault(const std::vector<std::string>& arguments,
                                 int number) {
    auto command = skipzoo_command(arguments);
    command.insert(command.begin(),
                   {"/usr/bin/env", std::string("LD_PRELOAD=") + SKIPZOO_FAULTS,
                    "SKIPZOO_FAULT=" + std::to_string(number) + ":" +
                        std::to_string(error_of(number))});
    return Process(command).wait();
  }

  /// Exit code 1, and one sentence that says why.
  static void expect_one_sentence(const Finished& finished, int number) {
    SCOPED_TRACE(number);
    EXPECT_EQ(finished.exit_code, 1) << finished.err;
    const auto error = finished.err.find("error: ");
    ASSERT_NE(error, std::string::npos) << finished.err;
    EXPECT_EQ(std::count(finished.err.begin() + static_cast<long>(error),
                         finished.err.end(), '\n'),
              1)
        << finished.err;
    EXPECT_NE(finished.err.find(std::strerror(error_of(number)), error),
              std::string::npos)
        << finished.err;
  }

  /// Nothing half-written, and nobody who seems to be at work.
  static void expect_nothing_unfinished(const fs::path& run) {
    for (const auto& [name, content] : files_in(run)) {
      EXPECT_FALSE(name.ends_with(".tmp")) << name;
    }
    EXPECT_FALSE(fs::exists(run / ".skipzoo-lock"));
  }

  /// Runs the command with each call failing in turn, at most `most` of them.
  void fail_each(const std::vector<std::string>& arguments, int most,
                 const std::string& output) {
    for (int number = 1; number <= most; ++number) {
      folder.write("net/" + output, "old");
      const auto before = files_in(folder / "net");
      const auto finished = run_with_fault(arguments, number);
      if (finished.exit_code == 0) {
        EXPECT_GE(number, 5);
        return;
      }
      expect_one_sentence(finished, number);
      EXPECT_EQ(files_in(folder / "net"), before);
    }
    ADD_FAILURE() << "more than " << most << " calls";
  }

  std::string path(const std::string& name) const {
    return (folder / name).string();
  }

  TemporaryFolder folder;
  fs::path config = folder.write(
      "net.yaml",
      "model: {family: densenet, block_config: [2, 2], growth_rate: 4, "
      "num_init_features: 8, num_classes: 4}\n"
      "data: {dataset: synthetic, synthetic_images: 16, image_size: 8, "
      "batch_size: 8, workers: 0}\n"
      "train: {epochs: 1, threads: 1, device: cpu, schedule: {name: "
      "constant}}\n");
};

TEST_F(FaultyDiskOfACommand, IsOneSentence) {
  ASSERT_EQ(run_skipzoo({"train", "-c", config.string(), "-o", path("run")})
                .exit_code,
            0);
  fail_each({"export", path("run"), "--format", "torchscript", "-o",
             path("net/a.pt")},
            8, "a.pt");
  fail_each({"convert", path("run/last.skz"), path("net/a.safetensors")}, 8,
            "a.safetensors");
  fail_each({"predict", path("run"),
             std::string(SKIPZOO_GOLDENS) + "/pictures/rgb.jpg", "--output",
             path("net/a.txt")},
            8, "a.txt");
  fail_each({"evaluate", path("run"), "-o", path("net/a.html")}, 8, "a.html");
}

// A page that nobody asked for is no reason to fail, and is not half there.
TEST_F(FaultyDiskOfACommand, CostsAnEvaluationItsPageAlone) {
  ASSERT_EQ(run_skipzoo({"train", "-c", config.string(), "-o", path("run")})
                .exit_code,
            0);
  const auto before = files_in(folder / "run");
  const auto finished = run_with_fault({"evaluate", path("run")}, 2);
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_NE(finished.out.find("top-1 "), std::string::npos);
  EXPECT_NE(finished.err.find("the page is left out"), std::string::npos)
      << finished.err;
  EXPECT_EQ(files_in(folder / "run"), before);
}

// What comes before the first epoch; the rest is EndsARunWithOneSentence's.
TEST_F(FaultyDiskOfACommand, LeavesAFolderInWhichTheRunBeginsAnew) {
  const std::vector<std::string> train = {"train", "-c", config.string(), "-o",
                                          path("fresh/run")};
  int unheard = 0;
  for (int number = 1; number <= 18; ++number) {
    fs::remove_all(folder / "fresh");
    const auto finished = run_with_fault(train, number);
    // The lock is as good without the name of its holder in it.
    if (finished.exit_code == 0 && ++unheard <= 2) continue;
    expect_one_sentence(finished, number);
    expect_nothing_unfinished(folder / "fresh/run");
  }
  EXPECT_EQ(unheard, 2) << "ftruncate and pwrite of the lock";
  EXPECT_EQ(run_skipzoo(train).exit_code, 0);
}

// Early, in the middle and late; all between is fault_injection_test's.
TEST_F(FaultyDiskOfACommand, LeavesARunThatIsResumedOrTunedAgain) {
  ASSERT_EQ(run_skipzoo({"train", "-c", config.string(), "-o", path("run")})
                .exit_code,
            0);
  const std::vector<std::string> resume = {"train", "--resume", path("run"),
                                           "--set", "train.epochs=2"};
  for (const int number : {1, 12, 29}) {
    expect_one_sentence(run_with_fault(resume, number), number);
    expect_nothing_unfinished(folder / "run");
  }
  EXPECT_EQ(run_skipzoo(resume).exit_code, 0);
  EXPECT_EQ(read_csv(folder / "run/summary.csv").size(), 2u);

  const std::vector<std::string> tune = {
      "fine-tune", "-c", config.string(), "--weights",
      path("run"), "-o", path("tuned")};
  for (const int number : {2, 11, 24}) {
    expect_one_sentence(run_with_fault(tune, number), number);
    expect_nothing_unfinished(folder / "tuned");
  }
  EXPECT_EQ(run_skipzoo(tune).exit_code, 0);
  EXPECT_EQ(read_csv(folder / "tuned/summary.csv").size(), 1u);
}

}  // namespace
}  // namespace skipzoo
