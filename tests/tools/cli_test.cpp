// The binary as a user meets it: exit codes, messages, files.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"
#include "tools/report/history.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

const std::string kDigits = std::string(SKIPZOO_CONFIGS) + "/digits/";

/// A run of seconds on synthetic data; more settings may follow.
std::vector<std::string> small_run(const fs::path& output,
                                   std::vector<std::string> more = {}) {
  std::vector<std::string> arguments = {
      "train", "-c", kDigits + "resnet20.yaml", "-o", output.string()};
  for (const char* set :
       {"data.dataset=synthetic", "model.depths=[1,1,1]", "train.epochs=2",
        "train.threads=1", "train.device=cpu", "data.synthetic_images=256"}) {
    arguments.insert(arguments.end(), {"--set", set});
  }
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

/// Expects an exit code and words on stderr.
void expect_error(const Finished& finished, int exit_code,
                  const std::string& words) {
  EXPECT_EQ(finished.exit_code, exit_code) << finished.err;
  EXPECT_NE(finished.err.find(words), std::string::npos) << finished.err;
  EXPECT_EQ(finished.err.find("frame #"), std::string::npos) << finished.err;
}

TEST(CommandLine, SaysItsVersionAndHelp) {
  const auto version = run_skipzoo({"--version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_NE(version.out.find("LibTorch 2."), std::string::npos);
  const auto help = run_skipzoo({"train", "--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_NE(help.out.find("Examples:"), std::string::npos);
  expect_error(run_skipzoo({"trian"}), 2, "");
  expect_error(run_skipzoo({}), 2, "subcommand");
}

TEST(CommandLine, TrainsEvaluatesAndRefusesToOverwrite) {
  TemporaryFolder folder;
  const auto run = folder / "run";
  const auto trained = run_skipzoo(small_run(run));
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  EXPECT_NE(trained.err.find("skipzoo evaluate"), std::string::npos);
  EXPECT_EQ(trained.out, "");
  EXPECT_EQ(read_csv(run / "summary.csv").size(), 2u);

  const auto evaluated =
      run_skipzoo({"evaluate", (run / "last.skz").string(), "--json"});
  ASSERT_EQ(evaluated.exit_code, 0) << evaluated.err;
  const auto json = nlohmann::json::parse(evaluated.out);
  EXPECT_EQ(json.at("images"), 256);
  EXPECT_EQ(json.at("per_class").size(), 10u);
  EXPECT_EQ(json.at("confusion").size(), 10u);
  EXPECT_NEAR(json.at("top1").get<double>(),
              read_csv(run / "summary.csv").back().val_top1, 1e-9);
  EXPECT_TRUE(json.contains("loss") && json.contains("top5"));

  expect_error(run_skipzoo(small_run(run)), 1, "holds a run already");
}

TEST(CommandLine, PrintsAConfigThatLoadsToTheSameRun) {
  const auto printed =
      run_skipzoo({"train", "-c", kDigits + "resnet20.yaml", "--print-config"});
  ASSERT_EQ(printed.exit_code, 0) << printed.err;
  TemporaryFolder folder;
  const auto copy = folder.write("copy.yaml", printed.out);
  const auto again =
      run_skipzoo({"train", "-c", copy.string(), "--print-config"});
  EXPECT_EQ(again.out, printed.out);
  EXPECT_EQ(again.err, "");
}

TEST(CommandLine, DescribesNetworksAndKeys) {
  const auto network = run_skipzoo(
      {"describe", "-c", kDigits + "../cifar10/resnet20.yaml", "--json"});
  ASSERT_EQ(network.exit_code, 0) << network.err;
  const auto json = nlohmann::json::parse(network.out);
  EXPECT_EQ(json.at("parameters"), 269'722);
  EXPECT_EQ(json.at("macs"), 40'551'040);
  EXPECT_EQ(json.at("layers").size(), 39u);  // 19 convolutions and norms, fc.
  const auto keys = run_skipzoo({"describe", "densenet"});
  EXPECT_NE(keys.out.find("growth_rate"), std::string::npos);
  expect_error(run_skipzoo({"describe", "vgg"}), 2, "unknown family 'vgg'");
}

/// Waits for a file and for a moment more; false after 60 seconds.
bool appears(const fs::path& path) {
  for (int i = 0; i < 6000 && !fs::exists(path); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return fs::exists(path);
}

/// A run long enough to be caught in its middle.
std::vector<std::string> long_run(const fs::path& output) {
  return small_run(output, {"--set", "train.epochs=30", "--set",
                            "train.checkpoint_interval=3"});
}

std::vector<std::string> rows_without_times(const fs::path& csv) {
  std::vector<std::string> lines;
  for (auto row : read_csv(csv)) {
    row.seconds = row.images_per_s = row.data_time = 0;
    lines.push_back(csv_line(row));
  }
  return lines;
}

/// What metrics.jsonl alone has, line by line.
std::vector<std::string> recalls_by_class(const fs::path& jsonl) {
  std::vector<std::string> lists;
  std::istringstream lines(read_text(jsonl));
  for (std::string line; std::getline(lines, line);) {
    lists.push_back(
        nlohmann::json::parse(line).at("val_recall_per_class").dump());
  }
  return lists;
}

std::string weights_and_more(const fs::path& checkpoint) {
  // The zip holds no times: equal state makes equal bytes, but for the name
  // inside, which is the file's.
  return read_text(checkpoint);
}

class Killed : public testing::TestWithParam<int> {};

TEST_P(Killed, ARunGoesOnAsIfNothingHadHappened) {
  TemporaryFolder folder;
  ASSERT_EQ(run_skipzoo(long_run(folder / "whole")).exit_code, 0);
  const auto parts = folder / "parts";
  const int signal = GetParam();
  {
    Process process(skipzoo_command(long_run(parts)));
    ASSERT_TRUE(appears(parts / "best.skz"));
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    process.signal(signal);
    const auto stopped = process.wait();
    EXPECT_EQ(stopped.exit_code, 128 + signal) << stopped.err;
    if (signal != SIGKILL) {
      EXPECT_NE(stopped.err.find("--resume"), std::string::npos) << stopped.err;
    }
  }
  EXPECT_LT(read_csv(parts / "summary.csv").size(), 30u);
  auto resume = long_run(parts);
  resume.push_back("--resume");
  const auto resumed = run_skipzoo(resume);
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(rows_without_times(folder / "whole/summary.csv"),
            rows_without_times(parts / "summary.csv"));
  const auto recalls = recalls_by_class(folder / "whole/metrics.jsonl");
  EXPECT_EQ(recalls.size(), 30u);
  EXPECT_EQ(recalls, recalls_by_class(parts / "metrics.jsonl"));
  EXPECT_EQ(weights_and_more(folder / "whole/last.skz"),
            weights_and_more(parts / "last.skz"));
}

INSTANTIATE_TEST_SUITE_P(By, Killed, testing::Values(SIGKILL, SIGINT, SIGTERM));

TEST(CommandLine, ABareResumeTakesTheNewestRunOfTheConfig) {
  TemporaryFolder folder;
  auto arguments = small_run("unused");
  arguments.erase(std::find(arguments.begin(), arguments.end(), "-o"),
                  std::find(arguments.begin(), arguments.end(), "--set"));
  const auto where = folder.path().string();
  auto resume = arguments;
  resume.push_back("--resume");
  expect_error(run_skipzoo(resume, where), 1, "holds no run of 'resnet20'");
  ASSERT_EQ(run_skipzoo(arguments, where).exit_code, 0);
  resume.insert(resume.end(), {"--set", "train.epochs=3"});
  const auto resumed = run_skipzoo(resume, where);
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_NE(resumed.err.find("resumed from runs/resnet20-"), std::string::npos)
      << resumed.err;
  // Another file of that name is another config.
  expect_error(run_skipzoo({"train", "-c", kDigits + "../cifar10/resnet20.yaml",
                            "--resume"},
                           where),
               1, "holds no run of 'resnet20'");
  expect_error(run_skipzoo({"train", "--resume", "runs", "-o", "x"}, where), 2,
               "drop -o");
}

TEST(BadInput, InAConfigNamesItsPlaceAndEndsWithTwo) {
  TemporaryFolder folder;
  const auto config = folder.write(
      "bad.yaml",
      "model: {family: resnet, bottelneck: true}\n"
      "data: {dataset: synthetic, image_size: 8, batch_size: many}\n"
      "train: {optimizer: {lr: -1}}\n");
  const auto finished = run_skipzoo({"train", "-c", config.string()});
  expect_error(finished, 2,
               "bad.yaml:1:25: model.bottelneck: unknown key; did "
               "you mean 'bottleneck'?");
  expect_error(finished, 2,
               "bad.yaml:2:55: data.batch_size: expected an "
               "integer, got 'many'");
  expect_error(finished, 2,
               "bad.yaml:3:25: train.optimizer.lr: must be above "
               "0, got -1");
  expect_error(run_skipzoo({"train", "-c", "absent.yaml"}), 2,
               "absent.yaml: cannot be read");
}

TEST(BadInput, InDataStopsBeforeTrainingStarts) {
  TemporaryFolder folder;
  const auto run = (folder / "run").string();
  const auto train = [&](const std::string& dataset, const fs::path& root) {
    return run_skipzoo({"train", "-c", kDigits + "../cifar10/resnet20.yaml",
                        "-o", run, "--set", "data.dataset=" + dataset, "--set",
                        "data.root=" + root.string()});
  };
  expect_error(train("cifar10", folder / "absent"), 1,
               "data_batch_1.bin: not found");
  folder.write("cifar/data_batch_1.bin", "short");
  expect_error(train("cifar10", folder / "cifar"), 1,
               "5 bytes, expected 30730000");
  const auto picture =
      read_text(fs::path(SKIPZOO_GOLDENS) / "pictures/rgb.jpg");
  folder.write("photos/train/a/1.jpg", picture);
  folder.write("photos/train/b/1.jpg", picture);
  expect_error(train("image_folder", folder / "photos"), 1,
               "holds 2 class folders, but model.num_classes is 10");
  EXPECT_FALSE(fs::exists(run));
}

TEST(BadInput, ABrokenJpegIsNamed) {
  TemporaryFolder folder;
  const auto picture =
      read_text(fs::path(SKIPZOO_GOLDENS) / "pictures/rgb.jpg");
  for (const char* split : {"train", "test"}) {
    for (const char* name : {"a/1.jpg", "a/2.jpg", "b/1.jpg", "b/2.jpg"}) {
      folder.write(std::string("photos/") + split + "/" + name, picture);
    }
  }
  folder.write("photos/train/b/2.jpg", picture.substr(0, 200));
  const auto train = [&](const std::string& on_error) {
    return run_skipzoo({"train", "-c", kDigits + "../cifar10/resnet20.yaml",
                        "-o", (folder / ("run-" + on_error)).string(), "--set",
                        "data.dataset=image_folder", "--set",
                        "data.root=" + (folder / "photos").string(), "--set",
                        "model.num_classes=2", "--set", "train.epochs=1",
                        "--set", "train.schedule={name: constant}", "--set",
                        "data.on_error=" + on_error});
  };
  expect_error(train("stop"), 1, "b/2.jpg: not a readable JPEG");
  const auto skipped = train("skip");
  EXPECT_EQ(skipped.exit_code, 0) << skipped.err;
  EXPECT_NE(skipped.err.find("skipped: "), std::string::npos);
  EXPECT_NE(skipped.err.find("1 pictures could not be read and were skipped"),
            std::string::npos)
      << skipped.err;
}

TEST(BadInput, AFolderThatCannotBeWrittenIsNamed) {
  TemporaryFolder folder;
  folder.write("file", "");  // A file where a folder is to be: so for root too.
  expect_error(run_skipzoo(small_run(folder / "file/run")), 1,
               "file/run: cannot be created");
}

TEST(BadInput, CudaWhereThereIsNoneSaysWhoLacksIt) {
  TemporaryFolder folder;
  auto arguments = small_run(folder / "run");
  arguments.insert(arguments.end(), {"--device", "tpu"});
  expect_error(run_skipzoo(arguments), 2,
               "expected auto, cpu, cuda or cuda:<index>");
  arguments.back() = "cuda";
  const auto finished = run_skipzoo(arguments);
  if (finished.exit_code == 0) GTEST_SKIP() << "this machine has CUDA";
  expect_error(finished, 2, "device 'cuda': ");
  EXPECT_TRUE(finished.err.find("without CUDA") != std::string::npos ||
              finished.err.find("no CUDA device is visible") !=
                  std::string::npos)
      << finished.err;
}

TEST(BadInput, AFileThatIsNoCheckpointIsNamed) {
  TemporaryFolder folder;
  const auto file = folder.write("model.skz", "hello");
  expect_error(run_skipzoo({"evaluate", file.string()}), 1,
               "model.skz: not a file of weights");
  expect_error(run_skipzoo({"evaluate", "absent.skz"}), 1,
               "absent.skz: cannot be read");
}

TEST(BadInput, ALossThatIsNotFiniteEndsWithItsPlace) {
  TemporaryFolder folder;
  auto arguments = small_run(folder / "run");
  arguments.insert(arguments.end(),
                   {"--set", "train.optimizer.lr=1.0e+30", "--set",
                    "train.schedule.warmup_epochs=0"});
  expect_error(run_skipzoo(arguments), 1,
               "loss is not finite at epoch 1, step");
}

}  // namespace
}  // namespace skipzoo
