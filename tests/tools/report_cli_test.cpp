// report as a user meets it: runs side by side.

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/expect_words.h"
#include "tests/support/temporary_folder.h"

namespace skipzoo {
namespace {

class ReportCommand : public testing::Test {
 protected:
  void train(const std::string& name, const std::string& override_text) const {
    folder.write(
        "net.yaml",
        "model: {family: resnet, depths: [1, 1], widths: [4, 8], num_classes: "
        "3}\n"
        "data: {dataset: synthetic, synthetic_images: 48, image_size: 8, "
        "batch_size: 16, workers: 0}\n"
        "train: {epochs: 2, threads: 1, device: cpu, schedule: {name: "
        "constant}}\n");
    ASSERT_EQ(run_skipzoo({"train", "-c", "net.yaml", "-o", name, "--set",
                           override_text},
                          folder.path().string())
                  .exit_code,
              0);
  }
  Finished report(const std::vector<std::string>& runs) const {
    std::vector<std::string> all = {"report"};
    all.insert(all.end(), runs.begin(), runs.end());
    return run_skipzoo(all, folder.path().string());
  }

  TemporaryFolder folder;
};

TEST_F(ReportCommand, PutsRunsSideBySide) {
  train("plain", "model.shortcut=none");
  train("residual & co", "model.shortcut=A");
  const auto done = report({"plain", "residual & co/", "-o", "both.html"});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_NE(done.out.find("2 runs side by side: both.html"), std::string::npos);
  const auto page = read_text(folder / "both.html");
  EXPECT_NE(page.find("<th scope=\"row\">residual &amp; co</th><td>2</td>"),
            std::string::npos);
  EXPECT_NE(page.find("<th scope=\"row\">model.shortcut</th>"
                      "<td>shortcut: none</td><td>shortcut: A</td>"),
            std::string::npos);
  // What is the same is not listed.
  EXPECT_EQ(page.find("<th scope=\"row\">train.epochs</th>"),
            std::string::npos);
  // Six curves of each, told apart by their dashes.
  const auto count = [&](const std::string& part) {
    int found = 0;
    for (auto at = page.find(part); at != page.npos;
         at = page.find(part, at + 1)) {
      ++found;
    }
    return found;
  };
  EXPECT_GE(count("<polyline class=\"k0\" points"), 6);
  EXPECT_GE(count("<polyline class=\"k1\" points"), 6);
  EXPECT_EQ(page.find("http"), std::string::npos);
}

TEST_F(ReportCommand, SaysWhatIsNoRun) {
  std::filesystem::create_directory(folder / "empty");
  expect_words(report({"empty"}), 1,
               "empty: is no folder of a run: it has no summary.csv; give "
               "folders that 'skipzoo train' made");
}

TEST_F(ReportCommand, TellsOfItsNetworkOnTheRunsOwnPage) {
  train("run", "train.epochs=1");
  const auto page = read_text(folder / "run/report.html");
  for (const char* part :
       {"Network, layer by layer", "layer1.0.conv1", "Environment", "LibTorch",
        "Expected calibration error"}) {
    EXPECT_NE(page.find(part), std::string::npos) << part;
  }
}

}  // namespace
}  // namespace skipzoo
