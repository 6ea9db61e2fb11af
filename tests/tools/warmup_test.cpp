// A run begun before the warm-up's first step moved goes on by its old rates.

#include <gtest/gtest.h>

#include <regex>

#include "tests/support/process.h"
#include "tests/support/small_run.h"
#include "tests/support/temporary_folder.h"
#include "tools/config/run_config.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> command(const fs::path& output,
                                 const std::vector<std::string>& sets) {
  std::vector<std::string> arguments = {
      "train", "-c", std::string(SKIPZOO_CONFIGS) + "/digits/resnet20.yaml",
      "-o", output.string()};
  std::vector<std::string> all = {
      "data.dataset=synthetic", "model.depths=[1,1,1]", "train.threads=1",
      "data.synthetic_images=256",
      "train.schedule={name: constant, warmup_epochs: 3}"};
  all.insert(all.end(), sets.begin(), sets.end());
  for (const auto& set : all) arguments.insert(arguments.end(), {"--set", set});
  return arguments;
}

/// Makes a run look as one of an older version, whose config had no such key.
void take_out_the_key(const fs::path& run) {
  for (const char* name : {"last.skz", "best.skz"}) {
    auto checkpoint = load_checkpoint(run / name);
    auto& config = checkpoint.metadata.config;
    const auto old =
        std::regex_replace(config, std::regex(" *warmup: from_start\n"), "");
    EXPECT_NE(old, config);
    config = old;
    save_checkpoint(run / name, checkpoint);
  }
}

TEST(WarmUp, ARunOfOldKeepsItsRatesToTheLastBit) {
  const TemporaryFolder folder;
  const std::string from_start = "train.schedule.warmup=from_start";
  const auto whole = folder / "whole", parts = folder / "parts";
  ASSERT_EQ(
      run_skipzoo(command(whole, {"train.epochs=4", from_start})).exit_code, 0);
  ASSERT_EQ(
      run_skipzoo(command(parts, {"train.epochs=2", from_start})).exit_code, 0);
  take_out_the_key(parts);
  // Twice, for the run keeps its rates and not only the first resume.
  for (const char* epochs : {"3", "4"}) {
    const auto resumed =
        run_skipzoo({"train", "--resume", parts.string(), "--set",
                     std::string("train.epochs=") + epochs});
    ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
    EXPECT_NE(resumed.err.find("first at 'epochs: "), std::string::npos)
        << resumed.err;
  }
  expect_same_run(whole, parts);

  // 4 batches an epoch, 12 of warm-up: the last one of the first epoch is at
  // 3/12 of the rate by the old way, at 4/12 by the new.
  const auto first = [](const fs::path& run) {
    return read_csv(run / "summary.csv").front().lr;
  };
  EXPECT_NEAR(first(parts), 0.05 * 3 / 12, 1e-12);
  ASSERT_EQ(run_skipzoo(command(folder / "new", {"train.epochs=1"})).exit_code,
            0);
  EXPECT_NEAR(first(folder / "new"), 0.05 * 4 / 12, 1e-12);
}

TEST(WarmUp, OnlyAResolvedConfigWithoutTheKeyIsOfOld) {
  const std::string text =
      "model: {family: resnet}\n"
      "data: {dataset: synthetic, image_size: 8}\n"
      "train: {schedule: {warmup_epochs: 2, warmup_lr: 0}}\n";
  EXPECT_EQ(parse_resolved_config(text, "x").config.train.schedule.warmup,
            Warmup::kFromStart);
  const auto now = parse_config(text, "x", "/").config;
  EXPECT_EQ(now.train.schedule.warmup, Warmup::kLinear);
  EXPECT_EQ(
      parse_resolved_config(dump_config(now), "x").config.train.schedule.warmup,
      Warmup::kLinear);
}

}  // namespace
}  // namespace skipzoo
