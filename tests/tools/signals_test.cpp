// What ends a run from outside: nothing of it is lost, and it says so.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <thread>

#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"
#include "tools/train/checkpoint.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

/// Whether something is so within a minute.
bool comes(const std::function<bool()>& is_so) {
  for (int i = 0; i < 6000 && !is_so(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return is_so();
}

class SignalledRun : public testing::Test {
 protected:
  /// A network of moments with as many epochs as are asked for, or with steps
  /// of seconds.
  std::vector<std::string> train(int epochs, bool slow = false) {
    const auto config = folder.write(
        "net.yaml",
        "model: {family: resnet, depths: [1, 1], widths: [4, 8], num_classes: "
        "3}\n"
        "data: {dataset: synthetic, synthetic_images: 512, image_size: " +
            std::string(slow ? "192, batch_size: 256" : "8, batch_size: 16") +
            ", workers: 0}\n"
            "train: {epochs: " +
            std::to_string(epochs) +
            ", threads: 1, device: cpu, schedule: {name: constant}}\n");
    return {"train", "-c", config.string(), "-o", run.string()};
  }
  Position last() { return load_checkpoint(run / "last.skz").position; }

  TemporaryFolder folder;
  fs::path run = folder / "run";
};

TEST_F(SignalledRun, OfEachKindIsSavedAndSaysHowToGoOn) {
  // What batch systems send before a limit, a terminal that closes, `kill`.
  for (const int signal : {SIGUSR1, SIGUSR2, SIGHUP, SIGTERM, SIGXCPU}) {
    fs::remove_all(run);
    Process process(skipzoo_command(train(100'000)));
    ASSERT_TRUE(comes([&] { return fs::exists(run / "last.skz"); }));
    process.signal(signal);
    process.signal(signal);  // systemd sends two.
    const auto finished = process.wait();
    EXPECT_EQ(finished.exit_code, 128 + signal) << finished.err;
    EXPECT_NE(finished.err.find("stopped; saved"), std::string::npos)
        << finished.err;
    EXPECT_NE(finished.err.find("--resume"), std::string::npos);
    EXPECT_GT(last().step, 0);
    EXPECT_FALSE(fs::exists(run / ".skipzoo-lock"));
  }
}

TEST_F(SignalledRun, EndsAtOnceByASecondInterruptAndSaysWhatThatCosts) {
  Process process(skipzoo_command(train(10, /*slow=*/true)));
  ASSERT_TRUE(comes([&] { return fs::exists(run / "data.json"); }));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  process.signal(SIGINT);
  ASSERT_TRUE(comes([&] {
    return process.errors_so_far().find("another Ctrl-C") != std::string::npos;
  }));
  process.signal(SIGINT);
  const auto finished = process.wait();
  EXPECT_EQ(finished.exit_code, 130) << finished.err;
  EXPECT_NE(finished.err.find("ended at once; lost is the whole run: nothing "
                              "is saved yet"),
            std::string::npos)
      << finished.err;
  // It died before its first checkpoint, and begins anew.
  const auto again =
      run_skipzoo({"train", "--resume", run.string(), "--set", "train.epochs=1",
                   "--set", "data.image_size=8"});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_NE(again.err.find("begins anew by its config.yaml"), std::string::npos)
      << again.err;
}

// A SIGTERM that came before takes nobody's Ctrl-C away.
TEST_F(SignalledRun, EndsAtOnceByTwoInterruptsAfterAnotherSignal) {
  Process process(skipzoo_command(train(10, /*slow=*/true)));
  ASSERT_TRUE(comes([&] { return fs::exists(run / "data.json"); }));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const auto says = [&](const std::string& words) {
    return comes([&] {
      return process.errors_so_far().find(words) != std::string::npos;
    });
  };
  process.signal(SIGTERM);
  ASSERT_TRUE(says("SIGTERM: finishes the step"));
  process.signal(SIGINT);
  ASSERT_TRUE(says("another Ctrl-C ends it at once and loses the whole run"));
  process.signal(SIGINT);
  const auto finished = process.wait();
  EXPECT_EQ(finished.exit_code, 130) << finished.err;
  EXPECT_NE(finished.err.find("ended at once"), std::string::npos)
      << finished.err;
}

// `skipzoo train 2>&1 | head`: the reader goes, the run does not.
TEST_F(SignalledRun, GoesOnWithoutTheReaderOfItsLog) {
  auto command = skipzoo_command(train(30));
  command.insert(command.begin(),
                 {"/bin/sh", "-c",
                  "{ \"$0\" \"$@\" 2>&1; echo $? >\"$CODE\"; } | head -n 1"});
  const auto code = folder / "code";
  command.insert(command.begin(), {"/usr/bin/env", "CODE=" + code.string()});
  const auto finished = Process(command).wait();
  EXPECT_EQ(read_text(code), "0\n");
  EXPECT_EQ(last().epoch, 30);
  const auto log = read_text(run / "train.log");
  EXPECT_NE(log.find("standard error cannot be written any more"),
            std::string::npos)
      << log;
  EXPECT_NE(log.find("done: best "), std::string::npos) << log;
}

// A terminal's Ctrl-C reaches the reader of the log too, and it is the first to
// end.
TEST_F(SignalledRun, IsSavedByAnInterruptThatEndsTheReaderOfItsLogToo) {
  const auto pipe = folder / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  auto command = skipzoo_command(train(100'000));
  command.insert(command.begin(),
                 {"/bin/sh", "-c", "exec \"$0\" \"$@\" 2>" + pipe.string()});
  Process reader({"/bin/cat", pipe.string()});
  Process process(command);
  ASSERT_TRUE(comes([&] { return fs::exists(run / "last.skz"); }));
  reader.signal(SIGINT);
  reader.wait();
  process.signal(SIGINT);
  EXPECT_EQ(process.wait().exit_code, 130);
  const auto log = read_text(run / "train.log");
  EXPECT_NE(log.find("SIGINT: stopped; saved"), std::string::npos) << log;
}

TEST_F(SignalledRun, OfAnotherCommandLeavesNothingHalfWritten) {
  ASSERT_EQ(run_skipzoo(train(1)).exit_code, 0);
  std::string list;
  for (int i = 0; i < 100'000; ++i) {
    list += std::string(SKIPZOO_GOLDENS) + "/pictures/rgb.jpg\n";
  }
  const auto pictures = folder.write("list.txt", list);
  const auto output = folder / "out/guesses.csv";
  fs::create_directory(folder / "out");
  Process process(skipzoo_command({"predict", run.string(), pictures.string(),
                                   "--output", output.string()}));
  ASSERT_TRUE(comes([&] { return !fs::is_empty(folder / "out"); }));
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait().exit_code, 128 + SIGTERM);
  EXPECT_TRUE(fs::is_empty(folder / "out"));
}

}  // namespace
}  // namespace skipzoo
