// train.distill and train.drop_path as a user meets them.

#include <gtest/gtest.h>

#include "tests/support/expect_words.h"
#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"
#include "tools/report/history.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

class DistillCommand : public testing::Test {
 protected:
  /// Trains a small network into that folder, with these keys beside.
  Finished train(const std::string& output,
                 const std::vector<std::string>& sets = {}) {
    const auto config = folder.write(
        "net.yaml",
        "model: {family: resnet, depths: [1, 1], widths: [4, 8], num_classes: "
        "3}\n"
        "data: {dataset: synthetic, synthetic_images: 30, image_size: 8, "
        "batch_size: 10, workers: 0}\n"
        "train: {epochs: 1, threads: 1, device: cpu, schedule: {name: "
        "constant}}\n");
    std::vector<std::string> arguments = {"train", "-c", config.string(), "-o",
                                          output};
    for (const auto& set : sets) {
      arguments.insert(arguments.end(), {"--set", set});
    }
    return run_skipzoo(arguments, folder.path().string());
  }
  Finished resume(const std::vector<std::string>& sets) {
    std::vector<std::string> arguments = {"train", "--resume", "run"};
    for (const auto& set : sets) {
      arguments.insert(arguments.end(), {"--set", set});
    }
    return run_skipzoo(arguments, folder.path().string());
  }

  TemporaryFolder folder;
};

TEST_F(DistillCommand, LearnsFromARunAndGoesOnWithItAlone) {
  ASSERT_EQ(train("teacher", {"data.image_size=16", "train.seed=5"}).exit_code,
            0);
  expect_words(train("run", {"train.distill={teacher: teacher, weight: 0.7, "
                             "temperature: 2}",
                             "train.drop_path=0.3"}),
               0, "teacher too: 0.7 of the loss, at temperature 2");
  // Where it stands does not matter, what it is does.
  fs::rename(folder / "teacher", folder / "moved");
  expect_words(resume({"train.epochs=2"}), 1, "it is named by train.distill.");
  expect_words(resume({"train.epochs=2", "train.distill.teacher=moved"}), 0,
               "resumed from");
  ASSERT_EQ(train("other").exit_code, 0);
  expect_words(resume({"train.epochs=3", "train.distill.teacher=other"}), 1,
               "the run learns from another teacher");
  // What came of it needs neither.
  fs::remove_all(folder / "moved");
  EXPECT_EQ(run_skipzoo({"evaluate", (folder / "run").string()}).exit_code, 0);
  // An export does not tell where the teacher was on this machine.
  const auto exported = (folder / "net.safetensors").string();
  ASSERT_EQ(run_skipzoo({"export", (folder / "run").string(), "--format",
                         "safetensors", "-o", exported})
                .exit_code,
            0);
  EXPECT_EQ(read_text(exported).find((folder / "moved").string()),
            std::string::npos);
}

/// The first epoch's row of a summary.csv, up to the times.
std::string row_of(const fs::path& run) {
  const auto rows = read_csv(run / "summary.csv");
  auto row = rows.front();
  row.seconds = row.images_per_s = row.data_time = 0;
  return csv_line(row);
}

// Loading a teacher must not move the numbers that weights are drawn by.
TEST_F(DistillCommand, AWeightOfZeroIsTheRunWithoutATeacher) {
  ASSERT_EQ(train("plain").exit_code, 0);
  ASSERT_EQ(
      train("run", {"train.distill={teacher: plain, weight: 0}"}).exit_code, 0);
  EXPECT_EQ(row_of(folder / "run"), row_of(folder / "plain"));
  ASSERT_EQ(train("taught", {"train.distill.teacher=plain"}).exit_code, 0);
  EXPECT_NE(row_of(folder / "taught"), row_of(folder / "plain"));
}

TEST_F(DistillCommand, OfWrongClassesItIsRefusedBeforeAnythingIsWritten) {
  ASSERT_EQ(train("teacher", {"model.num_classes=4"}).exit_code, 0);
  expect_words(train("run", {"train.distill.teacher=teacher"}), 2,
               "knows 4 classes, model.num_classes is 3");
  expect_words(train("run", {"train.distill.teacher=absent"}), 1,
               "absent: no such file or folder");
  EXPECT_FALSE(fs::exists(folder / "run"));
}

}  // namespace
}  // namespace skipzoo
