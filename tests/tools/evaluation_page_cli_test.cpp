// The page that evaluate leaves.

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/support/expect_words.h"
#include "tests/support/temporary_folder.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

/// A run in the folder run, of three classes.
class EvaluatePage : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TemporaryFolder>();
    folder_->write(
        "net.yaml",
        "model: {family: resnet, depths: [1, 1], widths: [4, 8], num_classes: "
        "3}\n"
        "data: {dataset: synthetic, synthetic_images: 48, image_size: 8, "
        "batch_size: 16, workers: 0}\n"
        "train: {epochs: 2, threads: 1, device: cpu, schedule: {name: "
        "constant}}\n");
    ASSERT_EQ(call({"train", "-c", "net.yaml", "-o", "run"}).exit_code, 0);
  }
  static void TearDownTestSuite() { folder_.reset(); }

  static Finished call(const std::vector<std::string>& arguments) {
    return run_skipzoo(arguments, folder_->path().string());
  }
  static fs::path path(const std::string& name) { return *folder_ / name; }
  /// Names of all pages in the run's folder, its own among them.
  static std::set<std::string> pages() {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(path("run"))) {
      const auto name = entry.path().filename().string();
      if (name.find(".html") != name.npos) names.insert(name);
    }
    return names;
  }
  void TearDown() override {
    for (const auto& name : pages()) {
      if (name != "report.html") fs::remove_all(path("run") / name);
    }
  }

  static inline std::unique_ptr<TemporaryFolder> folder_;
};

using Names = std::set<std::string>;

TEST_F(EvaluatePage, LiesBesideTheCheckpointThatIsMeasured) {
  const auto own = read_text(path("run/report.html"));
  expect_words(call({"evaluate", "run"}), 0,
               "page: run/evaluate-best-test.html");
  expect_words(call({"evaluate", "run/last.skz", "--split", "train", "--json"}),
               0, "page: run/evaluate-last-train.html");
  EXPECT_EQ(pages(), (Names{"evaluate-best-test.html",
                            "evaluate-last-train.html", "report.html"}));
  EXPECT_EQ(read_text(path("run/report.html")), own);
}

TEST_F(EvaluatePage, TellsWhatIsPrinted) {
  const auto done = call({"evaluate", "run/best.skz", "--json"});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  const auto json = nlohmann::json::parse(done.out);
  const auto page = read_text(path("run/evaluate-best-test.html"));
  char top1[32];
  std::snprintf(top1, sizeof(top1), "<b>%.2f%%</b>",
                json.at("top1").get<double>());
  expect_words(page, "Top-1</span>" + std::string(top1));
  for (const char* part :
       {"run: test", "best.skz of epoch ", "Confusion matrix",
        "Precision, recall and F1 by class", "Expected calibration error",
        "Most confident mistakes", "Network, layer by layer", "layer1.0.conv1",
        "LibTorch", "synthetic_images: 48"}) {
    expect_words(page, part);
  }
  // Each picture is in one cell.
  int64_t images = 0;
  for (auto at = page.find("<td class=\"hit"); at != page.npos;
       at = page.find("<td class=\"hit", at + 1)) {
    images += std::stoll(page.substr(page.find('>', at) + 1));
  }
  int64_t right = 0;
  for (size_t c = 0; c < 3; ++c) {
    right += json.at("confusion")[c][c].get<int64_t>();
  }
  EXPECT_EQ(images, right);
  EXPECT_LT(page.size(), 2'000'000u);
  EXPECT_EQ(page.find(folder_->path().string()), page.npos);
}

TEST_F(EvaluatePage, IsWrittenWhereOutputNamesIt) {
  expect_words(call({"evaluate", "run", "-o", "new/folder/page.html"}), 0,
               "page: new/folder/page.html");
  expect_words(read_text(path("new/folder/page.html")), "<h1>run: test</h1>");
  EXPECT_EQ(pages(), (Names{"report.html"}));
}

TEST_F(EvaluatePage, OfWeightsAloneIsWrittenWhereItIsAskedFor) {
  ASSERT_EQ(call({"convert", "run/best.skz", "alone.pth"}).exit_code, 0);
  const std::vector<std::string> command = {"evaluate", "alone.pth", "-c",
                                            "net.yaml"};
  const auto none = call(command);
  EXPECT_EQ(none.exit_code, 0) << none.err;
  EXPECT_EQ(none.err.find("page: "), none.err.npos) << none.err;
  auto asked = command;
  asked.insert(asked.end(), {"--output", "alone.html"});
  expect_words(call(asked), 0, "page: alone.html");
  expect_words(read_text(path("alone.html")), "<h1>alone.pth: test</h1>");
  // A copy of a checkpoint is in no run.
  fs::copy_file(path("run/best.skz"), path("copy.skz"));
  const auto copy = call({"evaluate", "copy.skz"});
  EXPECT_EQ(copy.exit_code, 0) << copy.err;
  EXPECT_FALSE(fs::exists(path("evaluate-copy-test.html")));
}

TEST_F(EvaluatePage, OfAProgramHasNoLayers) {
  const auto exported = call({"export", "run/best.skz", "--format",
                              "torchscript", "-o", "program.pt"});
  ASSERT_EQ(exported.exit_code, 0) << exported.err;
  expect_words(call({"evaluate", "program.pt", "-o", "program.html"}), 0,
               "page: program.html");
  const auto page = read_text(path("program.html"));
  expect_words(page, "an exported program");
  expect_words(page, "Most confident mistakes");
  EXPECT_EQ(page.find("Network, layer by layer"), page.npos);
  EXPECT_EQ(page.find("A click shows"), page.npos);
}

TEST_F(EvaluatePage, ReplacesNeitherTheWeightsNorTheRunsOwnPage) {
  const auto weights = read_text(path("run/best.skz"));
  const auto own = read_text(path("run/report.html"));
  const auto onto_weights = call({"evaluate", "run", "-o", "run/best.skz"});
  expect_words(onto_weights, 1, "run/best.skz: is the file to be read");
  EXPECT_EQ(onto_weights.out, "");
  expect_words(call({"evaluate", "run", "-o", "run/report.html"}), 1,
               "run/report.html: is the run's own page; give another name");
  expect_words(call({"evaluate", "run", "-o", "run"}), 1,
               "run: is a folder, expected the name of a file");
  EXPECT_EQ(read_text(path("run/best.skz")), weights);
  EXPECT_EQ(read_text(path("run/report.html")), own);
  EXPECT_EQ(pages(), (Names{"report.html"}));
}

TEST_F(EvaluatePage, ThatCannotBeWrittenIsOneError) {
  folder_->write("file", "no folder");
  const auto failed = call({"evaluate", "run", "-o", "file/page.html"});
  expect_words(failed, 1, "file: cannot be created: ");
  EXPECT_NE(failed.out.find("top-1 "), failed.out.npos);
  EXPECT_EQ(read_text(path("file")), "no folder");
  // Nobody asked for this one.
  fs::create_directory(path("run/evaluate-best-test.html"));
  const auto warned = call({"evaluate", "run"});
  expect_words(warned, 0,
               "evaluate-best-test.html: is a folder, expected the name of a "
               "file; the page is left out; --output names another place");
  EXPECT_EQ(warned.err.find("page: "), warned.err.npos);
}

}  // namespace
}  // namespace skipzoo
