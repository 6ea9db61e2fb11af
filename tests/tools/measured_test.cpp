#include "tools/data/measured.h"

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"
#include "tests/support/words_of_error.h"

namespace skipzoo {
namespace {

DataOptions pictures(const TemporaryFolder& folder, double holdout = 0) {
  DataOptions data;
  data.root = folder.path();
  data.holdout = holdout;
  return data;
}

TEST(PartToMeasure, IsByDefaultWhatTheRunValidatedOn) {
  TemporaryFolder folder;
  const auto plain = pictures(folder), dealt = pictures(folder, 0.2);
  const auto of = [&](const DataOptions& data, const DataOptions* run) {
    return part_to_measure(Measured::kVal, data, run);
  };
  EXPECT_EQ(of(dealt, &dealt).part, Measured::kHoldout);
  EXPECT_TRUE(of(dealt, &dealt).by_holdout);
  // A run without a holdout, a config that wants none, weights of no run.
  for (const auto& [data, run] :
       {std::pair(&plain, &plain),
        {&dealt, &plain},
        {&plain, &dealt},
        {&dealt, static_cast<const DataOptions*>(nullptr)}}) {
    EXPECT_EQ(of(*data, run).part, Measured::kTest);
    EXPECT_FALSE(of(*data, run).by_holdout);
    EXPECT_FALSE(of(*data, run).trained_on);
  }
}

TEST(PartToMeasure, TheTrainingSplitOfARunIsItsPartOfIt) {
  TemporaryFolder folder;
  const auto plain = pictures(folder), dealt = pictures(folder, 0.2);
  EXPECT_TRUE(part_to_measure(Measured::kTrain, dealt, &dealt).by_holdout);
  EXPECT_TRUE(part_to_measure(Measured::kTrain, dealt, &dealt).trained_on);
  EXPECT_FALSE(part_to_measure(Measured::kTrain, plain, &plain).by_holdout);
  EXPECT_TRUE(part_to_measure(Measured::kTrain, plain, &plain).trained_on);
  EXPECT_FALSE(part_to_measure(Measured::kTrain, plain, nullptr).trained_on);
  EXPECT_FALSE(part_to_measure(Measured::kTest, dealt, &dealt).by_holdout);
  EXPECT_FALSE(part_to_measure(Measured::kHoldout, dealt, &dealt).trained_on);
}

TEST(PartToMeasure, KnowsTheTrainingFolderUnderAnotherName) {
  TemporaryFolder folder;
  std::filesystem::create_directories(folder / "train/cat");
  std::filesystem::create_directories(folder / "test/cat");
  std::filesystem::create_directory_symlink("train", folder / "mine");
  const auto run = pictures(folder);
  auto data = run;
  EXPECT_FALSE(part_to_measure(Measured::kTest, data, &run).trained_on);
  data.val_split = "mine";
  EXPECT_TRUE(part_to_measure(Measured::kTest, data, &run).trained_on);
  EXPECT_TRUE(part_to_measure(Measured::kVal, data, &run).trained_on);
  EXPECT_FALSE(part_to_measure(Measured::kTest, data, nullptr).trained_on);
  data.dataset = DatasetKind::kIdx;  // One folder holds both its splits.
  EXPECT_FALSE(part_to_measure(Measured::kTest, data, &run).trained_on);
}

TEST(PartToMeasure, HeldOutPicturesThatAreNotAreASentence) {
  TemporaryFolder folder;
  const auto plain = pictures(folder), dealt = pictures(folder, 0.2);
  for (const auto* run : {&plain, static_cast<const DataOptions*>(nullptr)}) {
    EXPECT_NE(words_of_error([&] {
                part_to_measure(Measured::kHoldout, dealt, run);
              }).find("these weights are of no run with data.holdout"),
              std::string::npos);
  }
}

}  // namespace
}  // namespace skipzoo
