// A run of version 0.1.0, killed in its third epoch of four, that every later
// version is to take up: goldens/run-0.1.0 stays as it is, for good.

#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "tests/support/expect_words.h"
#include "tests/support/make_pictures.h"
#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"
#include "tools/export/format.h"
#include "tools/report/history.h"
#include "tools/train/checkpoint.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

class OldRun : public testing::Test {
 protected:
  OldRun() {
    fs::copy(fs::path(SKIPZOO_GOLDENS) / "run-0.1.0", folder / "run");
  }
  Finished call(std::vector<std::string> arguments) {
    return run_skipzoo(std::move(arguments), folder.path().string());
  }

  TemporaryFolder folder;
};

TEST_F(OldRun, Evaluates) {
  // Its second epoch, as summary.csv has it: the best so far.
  const auto finished =
      call({"evaluate", "run/best.skz", "--device", "cpu", "--json"});
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_NE(finished.out.find("\"top1\":26.953125"), std::string::npos)
      << finished.out;
}

TEST_F(OldRun, GoesOnToItsEnd) {
  const auto before = read_csv(folder / "run" / "summary.csv");
  ASSERT_EQ(before.size(), 2u);
  const auto finished = call({"train", "--resume", "run", "--device", "cpu"});
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
  const auto after = read_csv(folder / "run" / "summary.csv");
  ASSERT_EQ(after.size(), 4u);
  for (size_t epoch = 0; epoch < before.size(); ++epoch) {
    EXPECT_EQ(after[epoch].val_loss, before[epoch].val_loss);
  }
  // It had nothing of its classes; what comes now has.
  std::istringstream lines(read_text(folder / "run" / "metrics.jsonl"));
  std::vector<bool> have;
  for (std::string line; std::getline(lines, line);) {
    have.push_back(line.find("\"val_recall_per_class\":[") != line.npos);
  }
  EXPECT_EQ(have, (std::vector<bool>{false, false, true, true}));
  EXPECT_NE(read_text(folder / "run" / "report.html").find("Recall by class"),
            std::string::npos);
  // Of the same run without the kill. Another processor rounds otherwise.
  EXPECT_NEAR(after[2].train_loss, 1.86521, 2e-3);
  EXPECT_NEAR(after[3].train_loss, 1.76305, 2e-3);
  EXPECT_NEAR(after[3].val_loss, 1.63343, 2e-3);
}

// It was trained before there was data.exif, on pictures as they were stored.
TEST_F(OldRun, TurnsNoPicture) {
  folder.write("plain.jpg", make_jpeg({.width = 24, .height = 16}));
  folder.write("turned.jpg",
               make_jpeg({.width = 24, .height = 16, .orientation = 6}));
  const auto answer = [&](const std::string& file, const std::string& picture,
                          const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {
        "predict", file, picture, "--device", "cpu", "--format", "json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto finished = call(arguments);
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    return finished.out.substr(finished.out.find("\"predictions\""));
  };
  const auto plain = answer("run/best.skz", "plain.jpg");
  EXPECT_EQ(answer("run/best.skz", "turned.jpg"), plain);
  EXPECT_NE(answer("run/best.skz", "turned.jpg", {"--set", "data.exif=apply"}),
            plain);
  expect_words(call({"predict", "run/best.skz", "turned.jpg"}), 0,
               "is used as it is stored");
  // Nor does what is made of it today.
  ASSERT_EQ(call({"export", "run/best.skz", "--format", "torchscript", "-o",
                  "net.pt"})
                .exit_code,
            0);
  EXPECT_EQ(answer("net.pt", "turned.jpg"), answer("net.pt", "plain.jpg"));
  ASSERT_EQ(call({"train", "--resume", "run", "--device", "cpu"}).exit_code, 0);
  EXPECT_EQ(answer("run", "turned.jpg"), answer("run", "plain.jpg"));
  const auto metadata = load_checkpoint(folder / "run/last.skz").metadata;
  EXPECT_EQ(metadata.format, kCheckpointFormat);
  EXPECT_NE(metadata.config.find("\n  exif: ignore\n"), std::string::npos);
}

TEST_F(OldRun, Exports) {
  for (const auto& format : export_formats()) {
    const std::string name(format.name);
    const auto finished = call(
        {"export", "run/last.skz", "--format", name, "-o", "network." + name});
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
  }
}

}  // namespace
}  // namespace skipzoo
