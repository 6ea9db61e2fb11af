// --resume as a user meets it: which run, from where, and on which data.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "tests/support/expect_words.h"
#include "tests/support/next_command.h"
#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"
#include "tools/report/history.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

class ResumeCommand : public testing::Test {
 protected:
  /// A config of moments, on these data, under a name of any bytes.
  std::string config(const std::string& data, const std::string& name) {
    return folder
        .write(name,
               "model: {family: resnet, depths: [1], widths: [4], num_classes: "
               "2}\n"
               "data: {" +
                   data +
                   ", image_size: 8, crop_pct: 1.0, batch_size: 4, "
                   "workers: 0}\n"
                   "train: {epochs: 1, threads: 1, device: cpu, schedule: "
                   "{name: constant}}\n")
        .string();
  }
  std::string synthetic() {
    return config("dataset: synthetic, synthetic_images: 16", "net.yaml");
  }
  Finished call(std::vector<std::string> arguments) {
    return run_skipzoo(std::move(arguments), folder.path().string());
  }
  Finished resume(const std::string& run, const std::string& epochs = "2") {
    return call({"train", "--resume", run, "--set", "train.epochs=" + epochs});
  }
  void add_picture(const std::string& name) {
    const auto picture = fs::path(SKIPZOO_GOLDENS) / "pictures/rgb.jpg";
    folder.write(name, read_text(picture));
  }

  TemporaryFolder folder;
};

TEST_F(ResumeCommand, TakesTheTwelfthRunOfASecondBeforeTheNinth) {
  const auto net = synthetic();
  ASSERT_EQ(call({"train", "-c", net, "-o", "one"}).exit_code, 0);
  for (const char* name :
       {"runs/net-20260102-030405-9", "runs/net-20260102-030405-12",
        "runs/net-20260102-030405", "runs/net-20260101-030405-99"}) {
    fs::create_directory(folder / "runs");
    fs::copy(folder / "one", folder / name);
  }
  // One that died before its first checkpoint is no reason to leave another.
  fs::create_directory(folder / "runs/net-20270101-000000");
  fs::copy(folder / "one/config.yaml",
           folder / "runs/net-20270101-000000/config.yaml");
  expect_words(
      call({"train", "-c", net, "--resume", "--set", "train.epochs=2"}), 0,
      "resumed from runs/net-20260102-030405-12/last.skz");
}

TEST_F(ResumeCommand, BeginsARunAnewThatDiedBeforeItsFirstCheckpoint) {
  const auto net = synthetic();
  ASSERT_EQ(call({"train", "-c", net, "-o", "run"}).exit_code, 0);
  for (const bool by_resume : {true, false}) {
    fs::remove(folder / "run/last.skz");
    fs::remove(folder / "run/best.skz");
    fs::resize_file(folder / "run/summary.csv",
                    fs::file_size(folder / "run/summary.csv") - 2);
    const auto again = by_resume ? call({"train", "--resume", "run"})
                                 : call({"train", "-c", net, "-o", "run"});
    expect_words(again, 0, "done: best ");
    EXPECT_EQ(read_csv(folder / "run/summary.csv").size(), 1u);
  }
  // Only its best was saved when it died.
  fs::remove(folder / "run/last.skz");
  expect_words(resume("run"), 0, "resumed from run/best.skz");
  fs::create_directory(folder / "empty");
  expect_words(resume("empty"), 1, "holds neither last.skz nor config.yaml");
  for (const char* absent : {"run/absent.skz", "absent", "absent/last.skz"}) {
    expect_words(resume(absent), 1, "no such run or checkpoint");
  }
}

TEST_F(ResumeCommand, IsRefusedWhileAnotherProcessWritesTheRun) {
  Process process(skipzoo_command({"train", "-c", synthetic(), "-o",
                                   (folder / "run").string(), "--set",
                                   "train.epochs=100000"}));
  for (int i = 0; i < 6000 && !fs::exists(folder / "run/last.skz"); ++i) {
    usleep(10'000);
  }
  expect_words(resume("run", "200000"), 1, "run: is being written by process ");
  expect_words(call({"train", "-c", synthetic(), "-o", "run"}), 1,
               "is being written by process ");
  // To look at it is no harm.
  EXPECT_EQ(call({"evaluate", "run"}).exit_code, 0);
  process.signal(SIGKILL);
  process.wait();
  ASSERT_TRUE(fs::exists(folder / "run/.skipzoo-lock"));
  const auto rows = read_text(folder / "run/summary.csv");
  const auto epochs = std::count(rows.begin(), rows.end(), '\n');
  expect_words(resume("run", std::to_string(epochs + 2)), 0, "resumed from");
  EXPECT_FALSE(fs::exists(folder / "run/.skipzoo-lock"));
}

TEST_F(ResumeCommand, GoesOnWhereNoPathIsUtf8) {
  for (const char* split : {"train", "test"}) {
    for (const char* name : {"a/1.jpg", "a/2.jpg", "b/1.jpg", "b/2.jpg"}) {
      add_picture(std::string("caf\xe9/") + split + "/" + name);
    }
  }
  const auto net =
      config("dataset: image_folder, root: .", "caf\xe9/n\xe9t.yaml");
  ASSERT_EQ(call({"train", "-c", net, "-o", "r\xfcn"}).exit_code, 0);
  expect_words(resume("r\xfcn"), 0, "resumed from r\\xfcn/last.skz");
  expect_words(call({"evaluate", "r\xfcn"}), 0, "");
  expect_words(call({"export", "r\xfcn", "--format", "torchscript"}), 0,
               "best.pt: read again");
  expect_words(call({"train", "-c", net}), 0, "done: best ");
  expect_words(
      call({"train", "-c", net, "--resume", "--set", "train.epochs=2"}), 0,
      "resumed from runs/n\\xe9t-");
}

TEST_F(ResumeCommand, IsPrintedAsAShellTakesIt) {
  const auto done = call({"train", "-c", synthetic(), "-o", "a run's"});
  expect_words(done, 0, " evaluate 'a run'\\''s/best.skz'\n");
  const auto next = run_next_command(done, folder.path().string());
  EXPECT_EQ(next.exit_code, 0) << next.err;
}

TEST_F(ResumeCommand, SaysWhereTheDataAreOthersNow) {
  for (const char* name : {"train/a/1.jpg", "train/a/2.jpg", "train/b/1.jpg",
                           "train/b/2.jpg", "test/a/1.jpg", "test/b/1.jpg"}) {
    add_picture(name);
  }
  const auto net = config("dataset: image_folder, root: .", "net.yaml");
  ASSERT_EQ(call({"train", "-c", net, "-o", "run"}).exit_code, 0);
  const auto same = resume("run");
  EXPECT_EQ(same.err.find("the data are not those"), std::string::npos)
      << same.err;
  add_picture("train/b/3.jpg");
  // Each time: it is what the run began with that counts.
  for (const char* epochs : {"3", "4"}) {
    expect_words(resume("run", epochs), 0,
                 "warning: the data are not those this run began with: "
                 "training: 5 pictures now, 4 then; class 'b' has 3 pictures "
                 "now, it had 2");
  }
  // An older run, that says nothing of its data.
  fs::remove(folder / "run/data.json");
  add_picture("train/b/4.jpg");
  const auto older = resume("run", "5");
  EXPECT_EQ(older.exit_code, 0) << older.err;
  EXPECT_EQ(older.err.find("the data are not those"), std::string::npos);
}

TEST_F(ResumeCommand, AFullDiskIsToldWithWhatIsSaved) {
  ASSERT_EQ(call({"train", "-c", synthetic(), "-o", "run"}).exit_code, 0);
  const auto size = fs::file_size(folder / "run/last.skz");
  const auto limited =
      Process({"/bin/sh", "-c",
               "ulimit -f " + std::to_string((size - 1) / 1024) +
                   "; exec \"$0\" train --resume run --set train.epochs=2",
               SKIPZOO_BINARY},
              folder.path().string())
          .wait();
  expect_words(limited, 1,
               "cannot be written: File too large; saved last: "
               "run/last.skz, at epoch 2, batch 0; to go on: ");
  expect_words(limited, 1, " train --resume run");
  EXPECT_EQ(resume("run").exit_code, 0);
}

}  // namespace
}  // namespace skipzoo
