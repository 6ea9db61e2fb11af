#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/temporary_folder.h"
#include "tools/config/run_config.h"
#include "tools/error.h"

namespace skipzoo {
namespace {

constexpr const char* kGood =
    "model:\n"
    "  family: resnet\n"
    "  depths: [1, 1, 1]\n"
    "data:\n"
    "  dataset: cifar10\n"
    "  root: data\n"
    "train:\n"
    "  epochs: 2\n";

LoadedConfig parse(const std::string& text,
                   const std::vector<std::string>& overrides = {}) {
  return parse_config(text, "run.yaml", "/folder", overrides);
}

/// The lines of the error that this config gives.
std::string problems(const std::string& text,
                     const std::vector<std::string>& overrides = {}) {
  try {
    parse(text, overrides);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Config, ReadsEveryKindOfValue) {
  const auto config =
      parse(std::string(kGood) +
            "  optimizer: {lr: 5.0e-2, nesterov: true, betas: [0.8, 0.9]}\n")
          .config;
  const auto& model = std::get<ResNetOptions>(config.model);
  EXPECT_EQ(model.depths, (std::vector<int64_t>{1, 1, 1}));
  EXPECT_EQ(config.data.dataset, DatasetKind::kCifar10);
  EXPECT_EQ(config.data.root, "/folder/data");
  EXPECT_EQ(config.train.epochs, 2);
  EXPECT_EQ(config.train.optimizer.lr, 0.05);
  EXPECT_TRUE(config.train.optimizer.nesterov);
}

TEST(Config, NamesFileLineAndColumnOfEachProblemAtOnce) {
  const auto text = problems(
      "model:\n"
      "  family: resnet\n"
      "  depths: [3, 0, 3]\n"
      "  widths: [16, 32, 64, 128]\n"
      "  bottelneck: true\n"
      "data: {dataset: cifar10, root: x}\n"
      "train:\n"
      "  epochs: ten\n");
  EXPECT_EQ(text,
            "run.yaml:3:15: model.depths[1]: must be at least 1, got 0\n"
            "run.yaml:5:3: model.bottelneck: unknown key; did you mean "
            "'bottleneck'?\n"
            "run.yaml:2:3: model: depths has 3 entries but widths has 4; give "
            "one width per stage\n"
            "run.yaml:8:11: train.epochs: expected an integer, got 'ten'");
}

TEST(Config, RefusesAKeyThatIsGivenTwice) {
  EXPECT_NE(problems(std::string(kGood) + "  epochs: 3\n")
                .find("run.yaml:9:3: train.epochs: given twice"),
            std::string::npos);
}

TEST(Config, RefusesAnUnknownFamilyAndListsTheKnownOnes) {
  std::string known;
  for (const auto& family : families()) {
    known += (known.empty() ? "" : ", ") + family_name(family);
  }
  EXPECT_EQ(
      problems("model: {family: vgg}\ndata: {dataset: cifar10, root: x}"),
      "run.yaml:1:17: model.family: unknown family 'vgg'; one of " + known);
}

TEST(Config, RefusesWhatIsNotYaml) {
  EXPECT_NE(problems("model: [1, 2").find("run.yaml:1:"), std::string::npos);
  EXPECT_NE(problems("- 1\n- 2\n").find("expected the sections"),
            std::string::npos);
}

TEST(Config, RefusesWrongTypes) {
  EXPECT_NE(problems(kGood, {"train.channels_last=7"})
                .find("--set train.channels_last=7: train.channels_last: "
                      "expected true or false, got '7'"),
            std::string::npos);
  EXPECT_NE(problems(kGood, {"train.epochs=1.5"}).find("expected an integer"),
            std::string::npos);
  EXPECT_NE(problems(kGood, {"train.epochs=[1]"}).find("got a list"),
            std::string::npos);
  EXPECT_NE(problems(kGood, {"train.epochs="}).find("got nothing"),
            std::string::npos);
  EXPECT_NE(problems(kGood, {"data.mean=0.5"}).find("expected a list"),
            std::string::npos);
  EXPECT_NE(problems(kGood, {"train.optimizer=sgd"}).find("expected a section"),
            std::string::npos);
  std::string optimizers;
  for (const auto& entry : EnumNames<OptimizerKind>::values) {
    optimizers += std::string(entry.name) + ", ";
  }
  EXPECT_NE(problems(kGood, {"train.optimizer.name=no_such"})
                .find("expected one of " + optimizers + "got 'no_such'"),
            std::string::npos);
  EXPECT_NE(
      problems(kGood, {"train.optimizer.lr=.nan"}).find("expected a number"),
      std::string::npos);
}

// yaml-cpp reads 010 as 8.
TEST(Config, ReadsNumbersInBaseTen) {
  EXPECT_EQ(parse(kGood, {"train.epochs=010"}).config.train.epochs, 10);
}

TEST(Config, RefusesNegativeValues) {
  EXPECT_EQ(problems(kGood, {"train.optimizer.lr=-0.1"}),
            "--set train.optimizer.lr=-0.1: train.optimizer.lr: must be above "
            "0, got -0.1");
}

TEST(Config, HoldsTheModelAgainstTheData) {
  EXPECT_EQ(problems(kGood, {"model.num_classes=7"}),
            "run.yaml: model.num_classes: must be 10 for data.dataset cifar10, "
            "got 7");
  EXPECT_NE(problems(kGood, {"data.mean=[0.5]", "data.std=[0.5]"})
                .find("mean and std have 1 entries but model.in_channels is 3"),
            std::string::npos);
}

TEST(Config, OverridesGoThroughTheSameChecks) {
  EXPECT_EQ(parse(kGood, {"train.epochs=9"}).config.train.epochs, 9);
  EXPECT_EQ(parse(kGood, {"train.schedule={name: constant}"})
                .config.train.schedule.name,
            ScheduleKind::kConstant);
  EXPECT_NE(problems(kGood, {"train.epoch=9"}).find("did you mean 'epochs'?"),
            std::string::npos);
  EXPECT_NE(problems(kGood, {"train.epochs"}).find("expected key=value"),
            std::string::npos);
  EXPECT_NE(problems(kGood, {"train.epochs.x=1"}).find("is not a section"),
            std::string::npos);
}

TEST(Config, PathsInAnOverrideStartAtTheWorkingFolder) {
  EXPECT_EQ(parse(kGood, {"data.root=here"}).config.data.root,
            std::filesystem::weakly_canonical(std::filesystem::current_path() /
                                              "here"));
}

TEST(Config, WarnsOfKeysThatTheChosenScheduleDoesNotUse) {
  const auto loaded =
      parse(std::string(kGood) + "  schedule: {name: cosine, gamma: 0.1}\n");
  ASSERT_EQ(loaded.warnings.size(), 1u);
  EXPECT_EQ(loaded.warnings[0],
            "run.yaml:9:35: train.schedule.gamma: has no effect here with "
            "name: cosine");
}

TEST(Config, DumpsWhatLoadsToTheSameRun) {
  const auto config =
      parse(kGood, {"train.optimizer.lr=0.1234567890123"}).config;
  const auto text = dump_config(config);
  const auto again = parse_config(text, "dump", "/elsewhere");
  EXPECT_TRUE(again.warnings.empty());
  EXPECT_EQ(dump_config(again.config), text);
  EXPECT_EQ(again.config.data.root, "/folder/data");
  EXPECT_EQ(again.config.train.optimizer.lr, 0.1234567890123);
}

TEST(Config, EveryFamilyDescribesItsKeys) {
  for (const auto& family : families()) {
    const auto keys = describe_keys(family);
    const auto has = [&](const std::string& name) {
      return std::any_of(keys.begin(), keys.end(), [&](const auto& key) {
        return key.key == name && !key.meaning.empty() && !key.type.empty() &&
               key.range.ends_with(" and 1000000");
      });
    };
    EXPECT_TRUE(has("num_classes")) << family_name(family);
    EXPECT_TRUE(has("in_channels")) << family_name(family);
  }
}

TEST(Config, AMissingFileIsAConfigError) {
  EXPECT_THROW(load_config("/nowhere/run.yaml"), ConfigError);
}

}  // namespace
}  // namespace skipzoo
