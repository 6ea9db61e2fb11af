// What a run validated on is what `evaluate` measures.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "tests/support/expect_words.h"
#include "tests/support/next_command.h"
#include "tests/support/picture_run.h"
#include "tools/report/history.h"
#include "tools/train/checkpoint.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

/// A run on a folder of two classes of 20 pictures that has no test split.
class HoldoutRun : public PictureRun {
 protected:
  void SetUp() override {
    for (int i = 0; i < 40; ++i) {
      write_picture(i % 2 == 0 ? "train/cat" : "train/dog", i);
    }
    write_config("holdout: 0.3, batch_size: 8", "epochs: 2, seed: 3");
    trained_ = train();
    ASSERT_EQ(trained_.exit_code, 0) << trained_.err;
    expect_words(trained_.err, "12 of 40 pictures are held out");
  }
  nlohmann::json evaluate(const std::string& file,
                          std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"evaluate", path(file), "--json"});
    const auto finished = run_skipzoo(more);
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    return finished.exit_code == 0 ? nlohmann::json::parse(finished.out)
                                   : nlohmann::json();
  }
  double last_val_top1() {
    return read_csv(folder / "run/summary.csv").back().val_top1;
  }

  Finished trained_;
};

TEST_F(HoldoutRun, KeepsAListAndEvaluateMeasuresThose) {
  const auto list = read_text(folder / "run/holdout.txt");
  EXPECT_EQ(std::count(list.begin(), list.end(), '\n'), 12);
  EXPECT_TRUE(list.starts_with("cat/")) << list;
  const auto held_out = evaluate("run/last.skz");
  EXPECT_EQ(held_out.at("images"), 12);
  EXPECT_EQ(held_out.at("split"), "holdout");
  EXPECT_NEAR(held_out.at("top1").get<double>(), last_val_top1(), 1e-9);
  EXPECT_EQ(evaluate("run", {"--split", "train"}).at("images"), 28);

  const auto seen = run_skipzoo({"evaluate", path("run"), "--split", "train"});
  expect_words(seen, 0, "are those the run was trained on");
  const auto test = run_skipzoo({"evaluate", path("run"), "--split", "test"});
  expect_words(test, 1, "photos/test: no such folder");
  const auto same = run_skipzoo({"evaluate", path("run"), "--split", "test",
                                 "--set", "data.val_split=train"});
  expect_words(same, 0, "are those the run was trained on");
}

TEST_F(HoldoutRun, PrintsTheCommandThatMeasuresWhatItHeldOut) {
  const auto measured = run_next_command(trained_, folder.path().string());
  expect_words(measured, 0,
               "measured on the 12 pictures that the run held out");
  const auto best = load_checkpoint(folder / "run/best.skz").best.value;
  char top1[32];
  std::snprintf(top1, sizeof(top1), "top-1 %.2f %%", best);
  expect_words(measured.out, top1);
}

TEST_F(HoldoutRun, GoesOnWithItsOwnListWhateverIsAdded) {
  const auto list = read_text(folder / "run/holdout.txt");
  for (int i = 100; i < 140; ++i) write_picture("train/cat", i);
  expect_words(run_skipzoo({"evaluate", path("run"), "--split", "train"}), 0,
               "the data are not those this run trained on: training: 68 "
               "pictures now, 28 then");
  const auto resumed = run_skipzoo(
      {"train", "--resume", path("run"), "--set", "train.epochs=3"});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  expect_words(resumed.err, "68 training and 12 validation images");
  EXPECT_EQ(read_text(folder / "run/holdout.txt"), list);
  EXPECT_EQ(evaluate("run/last.skz").at("images"), 12);
  fs::remove_all(folder / "photos/train/dog");
  const auto gone = run_skipzoo({"evaluate", path("run")});
  expect_words(gone, 1, "holds 1 class folders");
}

TEST_F(HoldoutRun, WithoutItsListIsDrawnAsItWas) {
  const auto expected = evaluate("run/last.skz");
  fs::remove(folder / "run/holdout.txt");
  const auto again = run_skipzoo({"evaluate", path("run/last.skz"), "--json"});
  ASSERT_EQ(again.exit_code, 0) << again.err;
  expect_words(again.err, "holdout.txt: not there");
  EXPECT_EQ(nlohmann::json::parse(again.out), expected);

  // As a run of before there were lists: by place, 12 of 40 whatever class.
  auto checkpoint = load_checkpoint(folder / "run/last.skz");
  ASSERT_TRUE(checkpoint.metadata.held_out_by_content);
  checkpoint.metadata.held_out_by_content = false;
  save_checkpoint(folder / "run/old.skz", checkpoint);
  const auto old = evaluate("run/old.skz");
  EXPECT_EQ(old.at("images"), 12);
  EXPECT_NE(old.at("confusion"), expected.at("confusion"));
  const auto resumed = run_skipzoo(
      {"train", "--resume", path("run/old.skz"), "--set", "train.epochs=3"});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_FALSE(fs::exists(folder / "run/holdout.txt"));
  EXPECT_FALSE(
      load_checkpoint(folder / "run/last.skz").metadata.held_out_by_content);
}

TEST_F(HoldoutRun, ItsReportTellsOfTheBestEpoch) {
  const auto best = load_checkpoint(folder / "run/best.skz").best.epoch;
  const auto report = read_text(folder / "run/report.html");
  const auto words = "Confusion matrix of epoch " + std::to_string(best) +
                     ", the best (best.skz)";
  EXPECT_NE(report.find(words), std::string::npos);
  // A resumed run remembers it.
  ASSERT_EQ(run_skipzoo({"train", "--resume", path("run"), "--set",
                         "train.epochs=3", "--set", "train.optimizer.lr=1e-9"})
                .exit_code,
            0);
  const auto last = load_checkpoint(folder / "run/last.skz");
  ASSERT_TRUE(last.sections.contains("best_confusion"));
  const auto confusion = last.sections.at("best_confusion").front().second;
  EXPECT_EQ(confusion.slice(1, 2).sum().item<int64_t>(), 12);
  EXPECT_NE(read_text(folder / "run/report.html")
                .find("Confusion matrix of epoch " +
                      std::to_string(last.best.epoch) + ", the best"),
            std::string::npos);
}

TEST_F(HoldoutRun, ItsExportDoesNotSayWhereThePicturesAre) {
  ASSERT_EQ(run_skipzoo({"export", path("run"), "--format", "torchscript", "-o",
                         path("net.pt")})
                .exit_code,
            0);
  EXPECT_EQ(read_text(folder / "net.pt").find(folder.path().string()),
            std::string::npos);
  const auto asked = run_skipzoo({"evaluate", path("net.pt")});
  expect_words(asked, 2, "give their folder by --set data.root=FOLDER");
  EXPECT_EQ(
      run_skipzoo({"predict", path("net.pt"), path("photos/train/cat/0.jpg")})
          .exit_code,
      0);
  // In the run's folder it knows what the run held out.
  fs::rename(folder / "net.pt", folder / "run/net.pt");
  EXPECT_EQ(evaluate("run/net.pt", {"--set", "data.root=" + path("photos")})
                .at("images"),
            12);
}

}  // namespace
}  // namespace skipzoo
