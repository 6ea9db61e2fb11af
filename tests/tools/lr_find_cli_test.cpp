// lr-find as a user meets it.

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/expect_words.h"
#include "tests/support/files_in.h"
#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"

namespace skipzoo {
namespace {

class LrFindCommand : public testing::Test {
 protected:
  void SetUp() override {
    folder.write("net.yaml",
                 "model: {family: resnet, depths: [1], widths: [8], "
                 "num_classes: 4}\n"
                 "data: {dataset: synthetic, synthetic_images: 64, image_size: "
                 "8, batch_size: 16, workers: 0}\n"
                 "train: {epochs: 1, threads: 1, device: cpu}\n");
  }
  Finished call(std::vector<std::string> more,
                const std::string& command = "lr-find") {
    more.insert(more.begin(), {command, "-c", "net.yaml"});
    return run_skipzoo(more, folder.path().string());
  }

  TemporaryFolder folder;
};

TEST_F(LrFindCommand, WritesACurveAndPrintsARateThatTrainTakes) {
  const auto found = call({"--min-lr", "1e-5", "--max-lr", "10", "--steps",
                           "60", "--out", "made/curve.html"});
  ASSERT_EQ(found.exit_code, 0) << found.err;
  EXPECT_TRUE(found.out.starts_with("train.optimizer.lr=")) << found.out;
  auto rate = found.out;
  rate.pop_back();
  expect_words(found.err, "train -c net.yaml --set " + rate);
  const auto page = read_text(folder / "made/curve.html");
  expect_words(page, "Learning rates of net");
  expect_words(page, "<polyline");
  const auto csv = read_text(folder / "made/curve.csv");
  EXPECT_TRUE(csv.starts_with("step,lr,loss,smoothed_loss\n1,1e-05,")) << csv;
  const auto steps = std::count(csv.begin(), csv.end(), '\n') - 1;
  EXPECT_GT(steps, 20);
  EXPECT_LE(steps, 60);
  // Nothing else: no weights, no run.
  EXPECT_EQ(files_in(folder.path()).size(), 4u);
  const auto printed = call({"--set", rate, "--print-config"}, "train");
  EXPECT_EQ(printed.exit_code, 0) << printed.err;
  expect_words(printed.out, "lr: " + rate.substr(rate.find('=') + 1));
  EXPECT_EQ(call({"--min-lr", "1e-5", "--max-lr", "10", "--steps", "60"}).out,
            found.out);
}

// The first step is one too far: there is no second loss, or one that is four
// times the first.
TEST_F(LrFindCommand, SaysWhereTheLossDoesNotFall) {
  const auto found =
      call({"--min-lr", "1e6", "--max-lr", "1e9", "--steps", "20"});
  expect_words(found, 1, "no learning rate is suggested");
  EXPECT_EQ(found.out, "");
  expect_words(read_text(folder / "lr_find.html"), "<b>none</b>");
  EXPECT_TRUE(std::filesystem::exists(folder / "lr_find.csv"));
}

TEST_F(LrFindCommand, RefusesWhatCannotBe) {
  expect_words(call({"--min-lr", "1", "--max-lr", "1"}), 2,
               "--min-lr must be below --max-lr, got 1 and 1");
  expect_words(call({"--min-lr", "0"}), 2, "--min-lr: Value 0 not in range");
  expect_words(call({"--max-lr", "-1"}), 2, "--max-lr: Value -1 not in range");
  expect_words(call({"--min-lr", "nan"}), 2, "--min-lr");
  expect_words(call({"--steps", "5"}), 2, "--steps: Value 5 not in range");
  expect_words(call({"--out", "curve.csv"}), 2, "which ends in .html");
  expect_words(call({"--set", "data.batch_size=1"}), 2, "data.batch_size: ");
  expect_words(call({"--set", "train.epochs=0"}), 2, "train.epochs: must be");
  expect_words(run_skipzoo({"lr-find"}), 2, "--config is required");
  EXPECT_EQ(files_in(folder.path()).size(), 1u);
}

// On a machine with CUDA, auto might be that.
TEST_F(LrFindCommand, Float16IsRefusedOnTheCpuByEveryTraining) {
  const std::string word =
      "train.amp: fp16 is for CUDA, and this run is on the CPU; off and bf16";
  for (const char* command : {"lr-find", "train"}) {
    expect_words(call({"--set", "train.amp=fp16", "--set", "train.device=auto",
                       "--device", "cpu"},
                      command),
                 2, word);
    expect_words(call({"--set", "train.amp=fp16"}, command), 2,
                 "net.yaml:3:8: train: amp is fp16, which is for CUDA, but "
                 "device is cpu");
  }
  EXPECT_EQ(files_in(folder.path()).size(), 1u);
  // A network trained so is evaluated here all the same.
  ASSERT_EQ(call({"-o", "run"}, "train").exit_code, 0);
  const auto evaluate = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"evaluate", "run", "--json"});
    return run_skipzoo(more, folder.path().string());
  };
  const auto half = evaluate({"--set", "train.amp=fp16", "--set",
                              "train.device=auto", "--device", "cpu"});
  expect_words(half, 0, "train.amp: fp16 is for CUDA: computed in float32");
  EXPECT_EQ(half.out, evaluate({}).out);
}

TEST_F(LrFindCommand, ARunOfMinutesGoesOnByTheNumberInItsCheckpoint) {
  // A moment: it ends with the first batch that is timed, the fourth.
  const auto moment = call({"-o", "run", "--set", "train.max_minutes=1e-6",
                            "--set", "train.epochs=50"},
                           "train");
  expect_words(moment, 0, "the run ends after 1 of 50 epochs, 4 batches");
  const auto resume = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"train", "--resume", "run"});
    return run_skipzoo(more, folder.path().string());
  };
  expect_words(resume({}), 0,
               "nothing to do: 1 of 50 epochs are done, for which "
               "train.max_minutes=1e-06 was; to train longer, add --set "
               "train.max_minutes=N");
  expect_words(resume({"--set", "train.max_minutes=2.5e-6"}), 0,
               "the run ends after 2.5 of 50 epochs, 10 batches");
  const auto rows = read_text(folder / "run/summary.csv");
  EXPECT_EQ(std::count(rows.begin(), rows.end(), '\n'), 1 + 3);
}

}  // namespace
}  // namespace skipzoo
