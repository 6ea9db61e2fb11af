#include "tools/data/layout.h"

#include <gtest/gtest.h>

#include "tests/support/expect_words.h"
#include "tests/support/make_pictures.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/words_of_error.h"
#include "tools/data/measured.h"
#include "tools/data/split_names.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

TEST(SplitNames, AreFoundByOtherUsualOnes) {
  const auto meant = [](const char* wanted, std::vector<std::string> names) {
    return split_meant_by(wanted, names).value_or("none");
  };
  EXPECT_EQ(meant("train", {"test", "train", "training"}), "train");
  EXPECT_EQ(meant("train", {"Training", "Test"}), "Training");
  EXPECT_EQ(meant("val", {"train", "validation"}), "validation");
  EXPECT_EQ(meant("validation", {"VAL", "train"}), "VAL");
  EXPECT_EQ(meant("test", {"train", "eval"}), "eval");
  EXPECT_EQ(meant("test", {"dev", "testing"}), "testing");
  // Nothing is to be chosen by the pictures that it is tested on.
  EXPECT_EQ(meant("val", {"train", "test"}), "none");
  EXPECT_EQ(meant("photos", {"train", "test"}), "none");
  EXPECT_EQ(meant("mine", {"mine", "train"}), "mine");
}

class Layouts : public testing::Test {
 protected:
  void SetUp() override {
    options_.root = folder_.path();
    options_.image_size = 16;
    options_.workers = 0;
  }
  void write(std::initializer_list<const char*> names) {
    for (const char* name : names) {
      folder_.write(name, make_jpeg({.seed = static_cast<int>(seed_++)}));
    }
  }

  TemporaryFolder folder_;
  DataOptions options_;
  int seed_ = 0;
};

TEST_F(Layouts, TheNamedSplitsAreTaken) {
  write({"train/a/1.jpg", "test/a/2.jpg", "val/a/3.jpg"});
  const auto found = as_laid_out(options_);
  EXPECT_EQ(found.train_split, "train");
  EXPECT_EQ(found.val_split, "test");
  EXPECT_EQ(found.holdout, 0);
}

TEST_F(Layouts, SplitsMayHaveOtherUsualNames) {
  write({"Training/a/1.jpg", "valid/a/2.jpg"});
  EXPECT_EQ(folder_of_split(options_, Split::kTrain), folder_ / "Training");
  const auto found = as_laid_out(options_);
  EXPECT_EQ(found.train_split, "Training");
  EXPECT_EQ(found.val_split, "valid");
  EXPECT_EQ(found.holdout, 0);
  const auto data = open_training_data(options_, 3, 1, 0);
  EXPECT_EQ(data.train->size(), 1);
  EXPECT_TRUE(data.validation->name(0).ends_with("valid/a/2.jpg"));
}

TEST_F(Layouts, ClassFoldersAloneAreSplitByAHoldout) {
  for (int i = 0; i < 10; ++i) {
    for (const char* name : {"cat", "train", "tram"}) {  // No split.
      folder_.write(name + ("/" + std::to_string(i)) + ".jpg",
                    make_jpeg({.seed = ++seed_}));
    }
  }
  EXPECT_TRUE(is_flat(options_));
  const auto found = as_laid_out(options_);
  EXPECT_EQ(found.train_split, ".");
  EXPECT_EQ(found.holdout, kUsualHoldout);
  const auto data = open_training_data(found, 3, 3, 0);
  EXPECT_EQ(data.train->classes(),
            (std::vector<std::string>{"cat", "train", "tram"}));
  EXPECT_EQ(data.train->size(), 24);
  EXPECT_EQ(data.validation->size(), 6);
  EXPECT_TRUE(data.train->key(0).starts_with("cat/"));
  options_.holdout = 0.5;
  EXPECT_EQ(as_laid_out(options_).holdout, 0.5);
  // Laid out once, it stays.
  const auto again = as_laid_out(found);
  EXPECT_EQ(again.train_split, ".");
  EXPECT_EQ(again.holdout, kUsualHoldout);
}

TEST_F(Layouts, ATrainingSplitAloneIsDealtToo) {
  write({"train/a/1.jpg", "train/b/2.jpg", "test/3.jpg"});
  EXPECT_EQ(as_laid_out(options_).holdout, kUsualHoldout);
  // Of one's own choice, it is missed.
  options_.val_split = "check";
  EXPECT_EQ(as_laid_out(options_).holdout, 0);
  expect_words(words_of_error([&] { open_training_data(options_, 3, 2, 0); }),
               "check: no such folder");
}

TEST_F(Layouts, WhatIsNotThereIsLeftToWhoOpensIt) {
  for (const auto& root : {folder_ / "gone", folder_.path()}) {
    options_.root = root;
    EXPECT_FALSE(is_flat(options_));
    const auto found = as_laid_out(options_);
    EXPECT_EQ(found.train_split, "train");
    EXPECT_EQ(found.holdout, 0);
    EXPECT_EQ(folder_of_split(found, Split::kTest), root / "test");
  }
}

// Of a run on class folders: what it held out is not sought in a folder that
// has splits, as an export's user may name one.
TEST_F(Layouts, AHeldOutPartIsOfClassFoldersAlone) {
  DataOptions run = options_;
  run.root = folder_ / "flat";
  run.train_split = ".";
  run.holdout = kUsualHoldout;
  write({"flat/a/1.jpg", "flat/b/2.jpg"});
  EXPECT_TRUE(part_to_measure(Measured::kVal, run, &run).by_holdout);
  DataOptions splits = run;
  splits.root = folder_ / "splits";
  write({"splits/train/a/1.jpg", "splits/valid/a/2.jpg"});
  const auto found = part_to_measure(Measured::kVal, splits, &run);
  EXPECT_EQ(found.part, Measured::kTest);
  EXPECT_FALSE(found.by_holdout);
  EXPECT_EQ(folder_of_split(splits, Split::kTest), splits.root / "valid");
}

TEST_F(Layouts, OfATableAreItsColumn) {
  write({"1.jpg", "2.jpg"});
  options_.dataset = DatasetKind::kCsv;
  options_.csv =
      folder_.write("t.csv", "path,label,split\n1.jpg,a,TRAIN\n2.jpg,a,dev\n");
  EXPECT_EQ(as_laid_out(options_).train_split, "TRAIN");
  EXPECT_EQ(as_laid_out(options_).val_split, "dev");
  EXPECT_EQ(as_laid_out(options_).holdout, 0);
  folder_.write("t.csv", "path,label\n1.jpg,a\n2.jpg,a\n");
  EXPECT_EQ(as_laid_out(options_).holdout, kUsualHoldout);
  EXPECT_EQ(as_laid_out(options_).train_split, "train");
}

}  // namespace
}  // namespace skipzoo
