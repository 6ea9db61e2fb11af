// Single values: what --set takes as it stands, paths, and how large they may
// be.

#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>

#include "tests/support/temporary_folder.h"
#include "tools/config/run_config.h"
#include "tools/error.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

constexpr const char* kGood =
    "model: {family: resnet}\n"
    "data: {dataset: image_folder, root: data, image_size: 32}\n";

RunConfig parse(const std::vector<std::string>& overrides,
                const std::string& text = kGood) {
  return parse_config(text, "run.yaml", "/folder", overrides).config;
}

std::string problems(const std::vector<std::string>& overrides,
                     const std::string& text = kGood) {
  try {
    parse(overrides, text);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

void expect_refused(const std::string& assignment, const std::string& words) {
  const auto found = problems({assignment});
  EXPECT_NE(found.find(words), std::string::npos) << found;
}

fs::path root_of(const std::string& text) {
  return parse({"data.root=" + text}).data.root;
}

TEST(ConfigValues, AnAssignmentIsTakenAsItStands) {
  const auto here = fs::weakly_canonical(fs::current_path());
  for (const char* name : {"photos #1", "C: x", "a: b: c", "#1", "%done",
                           "@home", "*", "&a", "a\nb", "it's", "!x", "- a",
                           "photos ", "x: {", "caf\xC3\xA9", "caf\xE9"}) {
    EXPECT_EQ(root_of(name), here / name) << name;
    // And comes back from the dump.
    const auto text = dump_config(parse({std::string("data.root=") + name}));
    EXPECT_EQ(parse({}, text).data.root, here / name) << name;
  }
  EXPECT_EQ(root_of("'it''s'"), here / "it's");
  EXPECT_EQ(root_of("\"a\\tb\""), here / "a\tb");
  EXPECT_EQ(parse({"train.epochs= 3 "}).train.epochs, 3);
  EXPECT_EQ(parse({"train.optimizer.lr=+.5"}).train.optimizer.lr, 0.5);
  EXPECT_EQ(parse({"data.mean=[.1, .2, .3]", "data.std=[1, 1, 1]"}).data.mean,
            (std::vector<double>{.1, .2, .3}));
}

TEST(ConfigValues, AnAssignmentThatIsHalfYamlIsRefused) {
  expect_refused("data.root=[old] photos", "not valid YAML");
  expect_refused("data.root={old}", "expected a text, got a section");
  expect_refused("data.root='open", "is a quote not closed?");
  expect_refused("train.epochs=3 # of them", "expected an integer, got '3 #");
  expect_refused("train.schedule=cosine", "expected a section of keys");
}

TEST(ConfigValues, ATildeIsTheHomeFolderAndNothingElseIsFilledIn) {
  const TemporaryFolder home;
  ::setenv("HOME", home.path().c_str(), 1);
  const auto at = fs::weakly_canonical(home.path());
  EXPECT_EQ(root_of("~/photos"), at / "photos");
  EXPECT_EQ(parse({},
                  "model: {family: resnet}\n"
                  "data: {root: ~/photos, image_size: 32}\n")
                .data.root,
            at / "photos");
  expect_refused("data.root=~friend/photos", "~/ alone stands for");
  expect_refused("data.root=${HOME}/photos", "variables are not filled in");
  expect_refused("data.root=$HOME/photos", "variables are not filled in");
  // A name that has such letters is a name.
  home.write("$HOME/photos/x", "");
  home.write("~friend/x", "");
  EXPECT_EQ(root_of(at / "$HOME/photos"), at / "$HOME/photos");
  EXPECT_EQ(root_of("US$ 5"), fs::current_path() / "US$ 5");
  ::unsetenv("HOME");
  expect_refused("data.root=~/photos", "HOME is not set");
  ::setenv("HOME", "/", 1);
}

TEST(ConfigValues, APathThatCannotBeSaysWhy) {
  expect_refused("data.root=" + std::string(5000, 'x'), "cannot be a path");
  const auto found = problems({});
  EXPECT_EQ(found, "no error");
}

TEST(ConfigValues, APathMayHoldAnyBytes) {
  const auto root = fs::current_path() / "caf\xE9";
  const auto loaded = parse({"data.root=caf\xE9"});
  EXPECT_EQ(loaded.data.root, root);
  const auto again = parse_config(dump_config(loaded), "dump", "/");
  EXPECT_EQ(again.config.data.root, root);
}

TEST(ConfigValues, NumbersHaveAnEndAndItsNameIsSaid) {
  for (const char* number : {"1e18", "1e400", ".inf", "inf", ".nan", "nan",
                             "-nan", "99999999999999999999", "0x10", ""}) {
    expect_refused(std::string("train.epochs=") + number, "train.epochs: exp");
  }
  for (const char* number : {".inf", "inf", "-.inf", "nan", ".nan", "1e400"}) {
    expect_refused(std::string("train.optimizer.lr=") + number,
                   "train.optimizer.lr: expected a number");
    expect_refused(std::string("data.mean=[") + number + "]",
                   "data.mean[0]: expected a number");
  }
  expect_refused("train.epochs=9223372036854775807", "9007199254740992, got");
  expect_refused("train.threads=33000", "train.threads: must be between 0 and");
  expect_refused("train.optimizer.lr=1e300",
                 "must be between -1e+30 and 1e+30, got 1e300");
  expect_refused("model.num_classes=1000000000",
                 "model.num_classes: must be at most 1000000, got");
  expect_refused("model.num_classes=1",
                 "model.num_classes: must be at least 2");
  expect_refused("model.depths=[9000, 9000, 1]",
                 "model: has more than 10000 blocks");
  expect_refused("data.std=[1e-300]", "std must be at least 1e-06");
}

// Each level would hold the whole text as its place.
TEST(ConfigValues, AKeyOfThousandsOfPartsIsRefused) {
  std::string deep;
  while (deep.size() < 100'000) deep += "a.";
  EXPECT_LT(problems({deep + "b=1"}).size(), 1'000u);
  expect_refused(deep + "b=1", "nested deeper than any key");
}

TEST(ConfigValues, AModelIsASectionAndItsFamilyAWord) {
  for (const char* model : {"model=resnet", "model=[resnet]"}) {
    expect_refused(model, "model: expected a section of keys, e.g. {family: ");
  }
  expect_refused("model.family=[resnet]",
                 "model.family: expected one word, one of conv_net, resnet");
}

TEST(ConfigValues, ALongTextIsNotRepeatedWhole) {
  const std::string text(50'000, 'x');
  for (const auto& assignment : {"train.epochs=" + text, "train." + text + "=1",
                                 "model.family=" + text}) {
    const auto found = problems({assignment});
    // Once it stands in the name of the place, the assignment itself.
    EXPECT_LT(found.size(), 55'000u);
    EXPECT_NE(found.find("(50000 characters)"), std::string::npos);
  }
}

TEST(ConfigValues, EmptyListsAreNamed) {
  expect_refused("model.depths=[]", "depths is empty");
  expect_refused("model.widths=[]", "depths has 3 entries but widths has 0");
  expect_refused("train.optimizer.betas=[]", "betas needs two numbers");
  expect_refused("data.mean=[.5]", "mean has 1 entries but std has 0");
}

TEST(ConfigValues, WhatIsLargerThanTheMachineIsRefusedBeforeItIsBuilt) {
  // Each number is possible; their product is petabytes.
  expect_refused("model.widths=[900000, 900000, 900000]",
                 "model: the weights of this network take");
  EXPECT_NE(problems({"model.depths=[1000, 1000, 1000]",
                      "model.widths=[4000, 4000, 4000]"})
                .find("depths, widths, groups, width_per_group, in_channels, "
                      "num_classes are too large together; this machine has "),
            std::string::npos);
  EXPECT_NE(problems({"data.image_size=16384", "data.batch_size=1048576"})
                .find("data.batch_size: a batch of 1048576 pictures"),
            std::string::npos);
  EXPECT_NE(problems({"data.dataset=synthetic", "data.image_size=16384",
                      "data.synthetic_images=10000000"})
                .find("data.synthetic_images: two splits of"),
            std::string::npos);
  for (const char* family : {"model={family: densenet, growth_rate: 1000000, "
                             "block_config: [300, 300]}",
                             "model={family: conv_net, filters: [1000000, "
                             "1000000], strides: [1, 1]}"}) {
    expect_refused(family, "model: the weights of this network take");
  }
}

TEST(ConfigValues, ClassWeightsAreAWordOrNumbers) {
  const std::string three = "model.num_classes=3";
  const auto weights = [&](const std::string& text) {
    return parse({three, "train.class_weights=" + text}).train.class_weights;
  };
  EXPECT_EQ(weights("none").word, ClassWeighting::kNone);
  EXPECT_EQ(weights("balanced").word, ClassWeighting::kBalanced);
  EXPECT_EQ(weights("[1, 2.5, 0]").numbers, (std::vector<double>{1, 2.5, 0}));
  for (const char* text : {"balanced", "[1, 2.5, 0]"}) {
    const auto config =
        parse({three, std::string("train.class_weights=") + text});
    EXPECT_EQ(dump_config(parse({}, dump_config(config))), dump_config(config));
    EXPECT_NE(dump_config(config).find(std::string("class_weights: ") + text),
              std::string::npos);
  }
  expect_refused("train.class_weights=rare",
                 "train.class_weights: expected one of none, balanced, or a "
                 "list of numbers");
  expect_refused("train.class_weights=[]", "expected numbers in the list");
  expect_refused("train.class_weights=[1, -1]",
                 "train.class_weights[1]: must be between 0 and 1000000");
  expect_refused("train.class_weights=[1, 2]",
                 "train.class_weights: has 2 entries but model.num_classes is");
  expect_refused("train.class_weights=[0, 0]", "then there is no loss");
}

TEST(ConfigValues, WhatHasNoEffectOnMixingIsSaid) {
  const auto warnings = [](const std::vector<std::string>& overrides) {
    return parse_config(kGood, "run.yaml", "/folder", overrides).warnings;
  };
  EXPECT_EQ(warnings({"data.augment.mix_prob=0.5"}).size(), 1u);
  EXPECT_EQ(warnings({"data.augment.mixup=1", "data.augment.mix_switch_prob=1",
                      "data.augment.mix_off_epoch=3"})
                .size(),
            1u);
  EXPECT_TRUE(warnings({"data.augment.mixup=1", "data.augment.cutmix=1",
                        "data.augment.mix_switch_prob=1"})
                  .empty());
  EXPECT_EQ(warnings({"train.bce_target_threshold=0.2"}).size(), 1u);
  expect_refused("data.augment.cutmix=-1", "data.augment.cutmix: must be ");
  expect_refused("data.augment.mix_prob=1.5", "between 0 and 1, got 1.5");
  expect_refused("data.sampler=random",
                 "data.sampler: expected one of shuffle, balanced");
  expect_refused("train.loss=mse",
                 "train.loss: expected one of cross_entropy, bce");
}

}  // namespace
}  // namespace skipzoo
