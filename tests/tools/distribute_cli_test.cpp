// train --nproc: several processes on this machine.

#include <ATen/ops/equal.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "tests/support/expect_words.h"
#include "tests/support/picture_run.h"
#include "tools/distribute/c10d.h"
#include "tools/train/checkpoint.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

class Nproc : public PictureRun {
 protected:
  void SetUp() override {
    if (!has_gloo()) GTEST_SKIP() << "built without Gloo's headers";
    for (int i = 0; i < 13; ++i) {
      write_picture("train/cat", i);
      write_picture("train/dog", 100 + i);
      write_picture("test/cat", 200 + i);
      write_picture("test/dog", 300 + i);
    }
  }
  std::vector<std::string> command(std::vector<std::string> more = {}) const {
    std::vector<std::string> words = {"train", "-c", path("net.yaml"), "--set",
                                      "train.timeout_s=3"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  NamedTensors weights(const std::string& run) const {
    return load_checkpoint(folder / run / "last.skz").weights;
  }
};

/// Waits until a process has said it.
void wait_for(const Process& process, const std::string& words) {
  for (int i = 0; i < 600; ++i) {
    if (process.errors_so_far().find(words) != std::string::npos) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  FAIL() << process.errors_so_far();
}

TEST_F(Nproc, TrainsInOneRunAndGoesOnToTheBit) {
  write_config("batch_size: 4, augment: {hflip: true}",
               "epochs: 25, drop_path: 0.3");
  const auto whole =
      run_skipzoo(command({"--nproc", "2", "-o", path("whole")}));
  expect_words(whole, 0, "2 processes: 8 pictures a step, 4 in each");
  expect_words(whole, 0, "done: ");
  // One process says what it does.
  EXPECT_EQ(whole.err.find("done: "), whole.err.rfind("done: "));
  // Wherever it is stopped, it ends with the same.
  Process part(skipzoo_command(command({"--nproc", "2", "-o", path("part")})));
  wait_for(part, "Val:   3 ");
  part.signal(SIGTERM);
  const auto stopped = part.wait();
  expect_words(stopped, 128 + SIGTERM, "train --resume ");
  expect_words(stopped.err, " --nproc 2");
  const auto rest =
      run_skipzoo({"train", "--resume", path("part"), "--nproc", "2"});
  expect_words(rest, 0, "resumed from");
  const auto a = weights("whole"), b = weights("part");
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_TRUE(at::equal(a[i].second, b[i].second)) << a[i].first;
  }
  // And others go on behind the same pictures.
  const auto more = run_skipzoo({"train", "--resume", path("part"), "--nproc",
                                 "3", "--set", "train.epochs=26"});
  expect_words(more, 0,
               "a batch had 8 pictures of all processes and now has "
               "12");
  const auto alone = run_skipzoo(
      {"train", "--resume", path("part"), "--set", "train.epochs=27"});
  expect_words(alone, 0, "had 12 pictures of all processes and now has 4");
  const auto evaluated =
      run_skipzoo({"evaluate", path("part"), "--nproc", "2", "--json"});
  const auto page = folder / "part/evaluate-best-test.html";
  const auto by_two = read_text(page);
  const auto by_one = run_skipzoo({"evaluate", path("part"), "--json"});
  EXPECT_EQ(read_text(page), by_two);
  expect_words(by_two, "Most confident mistakes");
  EXPECT_EQ(evaluated.exit_code, 0) << evaluated.err;
  const auto figures = nlohmann::json::parse(evaluated.out);
  const auto of_one = nlohmann::json::parse(by_one.out);
  EXPECT_EQ(figures["confusion"], of_one["confusion"]);
  EXPECT_EQ(figures["images"], 26);
  // Each class has as many pictures: of all processes.
  int epochs = 0;
  std::istringstream lines(read_text(folder / "whole/metrics.jsonl"));
  for (std::string line; std::getline(lines, line); ++epochs) {
    const auto row = nlohmann::json::parse(line);
    const auto& recalls = row.at("val_recall_per_class");
    ASSERT_EQ(recalls.size(), 2u);
    EXPECT_NEAR((recalls[0].get<double>() + recalls[1].get<double>()) / 2,
                row.at("val_top1").get<double>(), 1e-9);
  }
  EXPECT_EQ(epochs, 25);
}

// Wherever it is stopped, its own weights and their moving average, too.
TEST_F(Nproc, KeepsTheMeanOfRunningStatistics) {
  write_config("batch_size: 4",
               "epochs: 12, dist_bn: reduce, ema: {decay: 0.9}");
  run_skipzoo(command({"--nproc", "2", "-o", path("whole")}));
  Process part(skipzoo_command(command({"--nproc", "2", "-o", path("part")})));
  wait_for(part, "Val:   3 ");
  part.signal(SIGTERM);
  part.wait();
  expect_words(run_skipzoo({"train", "--resume", path("part"), "--nproc", "2"}),
               0, "done: ");
  run_skipzoo(command({"--nproc", "2", "-o", path("of_first"), "--set",
                       "train.dist_bn=broadcast"}));
  const auto a = load_checkpoint(folder / "whole/last.skz");
  const auto b = load_checkpoint(folder / "part/last.skz");
  const auto c = load_checkpoint(folder / "of_first/last.skz");
  int64_t others = 0;
  for (size_t i = 0; i < a.weights.size(); ++i) {
    const auto& [name, tensor] = a.weights[i];
    EXPECT_TRUE(at::equal(tensor, b.weights.at(i).second)) << name;
    const bool is_other = !at::equal(tensor, c.weights.at(i).second);
    EXPECT_TRUE(!is_other || name.find("running") != std::string::npos) << name;
    others += is_other;
  }
  EXPECT_GT(others, 0);
  for (const auto& section : a.sections) {
    const auto& there = b.sections.at(section.first);
    if (section.first != "ema" && section.first != "model") continue;
    for (size_t i = 0; i < there.size(); ++i) {
      EXPECT_TRUE(at::equal(section.second.at(i).second, there[i].second))
          << there[i].first;
    }
  }
}

TEST_F(Nproc, SaysWhatIsWrongOnce) {
  write_config("batch_size: 4", "epochs: -1");
  const auto wrong = run_skipzoo(command({"--nproc", "2"}));
  EXPECT_EQ(wrong.exit_code, 2);
  expect_words(wrong.err, "train.epochs");
  EXPECT_EQ(wrong.err.find("train.epochs"), wrong.err.rfind("train.epochs"));
  expect_words(run_skipzoo({"train", "-c", "-", "--nproc", "2"}), 2,
               "--nproc: each process reads the config");
}

/// The processes that a process has started.
std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> children;
  const auto text = std::to_string(parent);
  std::ifstream file("/proc/" + text + "/task/" + text + "/children");
  for (pid_t child = 0; file >> child;) children.push_back(child);
  return children;
}

class NprocFaults : public Nproc,
                    public testing::WithParamInterface<std::pair<int, int>> {};

// A process that is killed or stopped ends the other within the bound of
// silence and five seconds, which names it; the run can go on.
TEST_P(NprocFaults, EndTheRun) {
  const auto [rank, number] = GetParam();
  write_config("batch_size: 4", "epochs: 100000, checkpoint_interval: 1");
  Process run(skipzoo_command(command({"--nproc", "2", "-o", path("run")})));
  wait_for(run, "Val:   2 ");
  const auto processes = children_of(run.id());
  ASSERT_EQ(processes.size(), 2u);
  const auto start = std::chrono::steady_clock::now();
  kill(processes[static_cast<size_t>(rank)], number);
  const auto ended = run.wait();
  const std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - start;
  EXPECT_LT(seconds.count(), 3 + 5 + 2) << ended.err;  // 2: a busy machine.
  EXPECT_NE(ended.exit_code, 0);
  expect_words(ended.err, "rank " + std::to_string(1 - rank) +
                              ": ends with the run: rank " +
                              std::to_string(rank));
  for (const pid_t one : processes) EXPECT_NE(kill(one, 0), 0);
  // What it saved last is whole.
  const auto last = load_checkpoint(folder / "run/last.skz");
  const auto again =
      run_skipzoo({"train", "--resume", path("run"), "--nproc", "2", "--set",
                   "train.epochs=" + std::to_string(last.position.epoch + 1)});
  expect_words(again, 0, "done: ");
}

INSTANTIATE_TEST_SUITE_P(RanksAndSignals, NprocFaults,
                         testing::Values(std::pair(0, SIGKILL),
                                         std::pair(1, SIGKILL),
                                         std::pair(0, SIGSTOP),
                                         std::pair(1, SIGSTOP)));

}  // namespace
}  // namespace skipzoo
