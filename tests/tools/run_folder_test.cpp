// What lies in a run's folder, and who may write there.

#include "tools/train/run_folder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/small_run.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/words_of_error.h"
#include "tools/error.h"
#include "tools/train/fingerprint.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

TEST(RunFolder, IsNeverOverwritten) {
  TemporaryFolder folder;
  {
    auto run = RunFolder::create(folder / "run");
    run.append({.epoch = 1});
    run.append({.epoch = 2});
  }
  EXPECT_THROW(RunFolder::create(folder / "run"), FileError);
  EXPECT_EQ(read_csv(folder / "run/summary.csv").size(), 2u);
  folder.write("mine/config.yaml", "# my own config\n");
  EXPECT_THROW(RunFolder::create(folder / "mine"), FileError);
  EXPECT_EQ(read_text(folder / "mine/config.yaml"), "# my own config\n");
  folder.write("table/summary.csv", "year,sum\n2020,3\n");
  EXPECT_THROW(RunFolder::create(folder / "table"), FileError);
}

TEST(RunFolder, GivesItsBestWeightsAndAnotherFolderItself) {
  TemporaryFolder folder;
  folder.write("run/best.skz", "x");
  folder.write("other/.metadata", "x");
  EXPECT_EQ(weights_at(folder / "run"), folder / "run/best.skz");
  EXPECT_EQ(weights_at(folder / "other"), folder / "other");
}

TEST(RunFolder, OfARunThatFailedBeforeItsFirstEpochMayBeUsedAgain) {
  TemporaryFolder folder;
  RunFolder::create(folder / "run").write_config("train: {}\n", "a.yaml");
  EXPECT_EQ(RunFolder::create(folder / "run").origin(), "a.yaml");
}

// The row of an epoch is written before its checkpoint.
TEST(RunFolder, OfARunThatDiedBeforeItsFirstCheckpointBeginsAnew) {
  TemporaryFolder folder;
  const auto path = folder / "run";
  RunFolder::create(path).append({.epoch = 1});
  // Killed in the middle of a row, too.
  const auto rows = read_text(path / "summary.csv");
  for (const auto& text : {rows, rows.substr(0, rows.size() - 3)}) {
    folder.write("run/summary.csv", text);
    folder.write("run/.last.skz.0123abcd.tmp", "half a checkpoint");
    folder.write("run/.holdout.txt.0123abcd.tmp", "half a list");
    RunFolder::create(path);
    EXPECT_TRUE(read_csv(path / "summary.csv").empty());
    EXPECT_FALSE(fs::exists(path / "metrics.jsonl"));
    EXPECT_FALSE(fs::exists(path / ".last.skz.0123abcd.tmp"));
    EXPECT_FALSE(fs::exists(path / ".holdout.txt.0123abcd.tmp"));
  }
}

TEST(RunFolder, IsWrittenByOneAtATime) {
  TemporaryFolder folder;
  const auto path = folder / "run";
  {
    const auto one = RunFolder::create(path);
    const auto copy = one;  // Of the same run.
    const auto words = words_of_error([&] { RunFolder::create(path); });
    EXPECT_NE(words.find("is being written by process " +
                         std::to_string(getpid()) + " on "),
              std::string::npos)
        << words;
    auto other = RunFolder::open(path);  // To look at it is no harm.
    EXPECT_THROW(other.lock(), FileError);
    EXPECT_THROW(other.cut_back(0), FileError);
  }
  EXPECT_FALSE(fs::exists(path / ".skipzoo-lock"));
  // One that was killed leaves the file, and the system has let go of it.
  folder.write("run/.skipzoo-lock", "process 1 on another machine\n");
  RunFolder::create(path);
}

TEST(RunFolder, IsNotLockedThroughALinkNorByAFileOfTheUser) {
  TemporaryFolder folder;
  const auto mine = folder.write("mine", "mine");
  folder.write("run/.lock", "mine too");
  RunFolder::create(folder / "run");
  EXPECT_EQ(read_text(folder / "run/.lock"), "mine too");
  fs::create_symlink(mine, folder / "run/.skipzoo-lock");
  EXPECT_THROW(RunFolder::create(folder / "run"), FileError);
  EXPECT_EQ(read_text(mine), "mine");
}

TEST(Resume, FromAnOlderCheckpointLeavesNothingOfTheLaterEpochs) {
  TemporaryFolder folder;
  auto s = small_run();
  run(s, folder / "run", stop_after(8));
  fs::copy_file(folder / "run/last.skz", folder / "old.skz");
  run(s, folder / "run");
  auto trainer = make_trainer(s, RunFolder::open(folder / "run"));
  trainer.restore(load_checkpoint(folder / "old.skz"), folder / "old.skz");
  // Killed here, it goes on from there.
  EXPECT_EQ(load_checkpoint(folder / "run/last.skz").position.step, 8);
  EXPECT_EQ(read_csv(folder / "run/summary.csv").size(), 1u);
  EXPECT_EQ(read_text(folder / "run/metrics.jsonl").find("\"epoch\":2"),
            std::string::npos);
}

/// Trains to the end and puts the last checkpoint of epoch `epoch` aside.
fs::path run_and_keep(const Settings& s, const TemporaryFolder& folder,
                      int64_t epoch) {
  auto shorter = s;
  shorter.train.epochs = epoch;
  run(shorter, folder / "run");
  fs::copy_file(folder / "run/last.skz", folder / "old.skz");
  run(s, folder / "run");
  return folder / "old.skz";
}

/// A checkpoint's best is said to be elsewhere than it is.
void set_best(const fs::path& path, Best best) {
  auto checkpoint = load_checkpoint(path);
  checkpoint.best = best;
  save_checkpoint(path, checkpoint);
}

TEST(Resume, FromAnOlderCheckpointCallsNothingOfACutOffEpochTheBest) {
  TemporaryFolder folder;
  auto s = small_run();
  s.train.schedule.name = ScheduleKind::kConstant;
  const auto old = run_and_keep(s, folder, 2);
  const auto restored = [&](Best best, int64_t best_on_disk) {
    set_best(old, best);
    auto on_disk = load_checkpoint(old);
    on_disk.position.epoch = best_on_disk;
    save_checkpoint(folder / "run/best.skz", on_disk);
    fs::remove(folder / "run/best-cut-off.skz");
    auto trainer = make_trainer(s, RunFolder::open(folder / "run"));
    trainer.restore(load_checkpoint(old), old);
    return load_checkpoint(folder / "run/last.skz").best.epoch;
  };
  // It is there still.
  EXPECT_EQ(restored({.epoch = 1, .value = 50}, 1), 1);
  EXPECT_FALSE(fs::exists(folder / "run/best-cut-off.skz"));
  // It was overwritten by epoch 4, which is cut off.
  EXPECT_EQ(restored({.epoch = 1, .value = 50}, 4), 0);
  EXPECT_FALSE(load_checkpoint(folder / "run/last.skz")
                   .sections.contains("best_confusion"));
  EXPECT_FALSE(fs::exists(folder / "run/best.skz"));
  EXPECT_EQ(load_checkpoint(folder / "run/best-cut-off.skz").position.epoch, 4);
  // It is what the run goes on from.
  EXPECT_EQ(restored({.epoch = 2, .value = 50}, 4), 2);
  EXPECT_EQ(load_checkpoint(folder / "run/best.skz").position.epoch, 2);
  // From here on, the first epoch is the best so far.
  restored({.epoch = 1, .value = 1e9}, 4);
  const auto summary = run(s, folder / "run");
  EXPECT_GT(summary.best.epoch, 2);
  EXPECT_EQ(load_checkpoint(folder / "run/best.skz").position.epoch,
            summary.best.epoch);
}

TEST(Fingerprint, SaysWhereDataFirstDiffer) {
  class Named : public Dataset {
   public:
    explicit Named(std::vector<std::string> names) : names_(std::move(names)) {}
    int64_t size() const override {
      return static_cast<int64_t>(names_.size());
    }
    Image image(int64_t) const override { return {}; }
    int64_t label(int64_t i) const override {
      return name(i).find("/cat/") != std::string::npos ? 0 : 1;
    }
    std::string name(int64_t i) const override {
      return names_[static_cast<size_t>(i)];
    }
    const std::vector<std::string>& classes() const override {
      return classes_;
    }

   private:
    std::vector<std::string> names_;
    std::vector<std::string> classes_ = {"cat", "dog"};
  };
  const auto of = [](std::vector<std::string> train) {
    const auto validation =
        std::make_shared<Named>(std::vector<std::string>{"/v/cat/1"});
    return fingerprint({.train = std::make_shared<Named>(std::move(train)),
                        .validation = validation});
  };
  const auto then = of({"/a/cat/1", "/a/cat/2", "/a/dog/1"});
  EXPECT_EQ(first_difference(then, then), "");
  EXPECT_EQ(first_difference("", then), "");
  // Another folder with the same pictures.
  EXPECT_EQ(
      first_difference(then, of({"/b/c/cat/1", "/b/c/cat/2", "/b/c/dog/1"})),
      "");
  EXPECT_EQ(first_difference(then, of({"/a/cat/1", "/a/dog/1"})),
            "training: 2 pictures now, 3 then; class 'cat' has 1 pictures now, "
            "it had 2");
  EXPECT_EQ(first_difference(then, of({"/a/cat/1", "/a/cat/2", "/a/dog/7"})),
            "training: class 'dog' has pictures of other names");
}

}  // namespace
}  // namespace skipzoo
