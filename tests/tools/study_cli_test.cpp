// study as a user meets it.

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <sstream>
#include <thread>

#include "tests/support/expect_words.h"
#include "tests/support/temporary_folder.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

class StudyCommand : public testing::Test {
 protected:
  void SetUp() override { write_config("[none, A]", "[1, 2]", 2); }
  void write_config(const std::string& skips, const std::string& seeds,
                    int epochs) const {
    folder.write(
        "net.yaml",
        "model: {family: resnet, depths: [1, 1], widths: [4, 8], num_classes: "
        "3}\n"
        "data: {dataset: synthetic, synthetic_images: 48, image_size: 8, "
        "batch_size: 16, workers: 0}\n"
        "train: {epochs: " +
            std::to_string(epochs) +
            ", threads: 1, device: cpu, schedule: {name: constant}}\n"
            "study: {skips: " +
            skips + ", depths: [6], seeds: " + seeds + ", pictures: 16}\n");
  }
  std::vector<std::string> arguments(const std::vector<std::string>& more = {},
                                     const std::string& output = "out") const {
    std::vector<std::string> all = {"study", "-c", "net.yaml", "-o", output};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  Finished study(const std::vector<std::string>& more = {}) const {
    return run_skipzoo(arguments(more), folder.path().string());
  }
  fs::file_time_type written(const std::string& name) const {
    return fs::last_write_time(folder / name);
  }
  /// study.csv or summary.csv without what a clock says.
  std::string without_times(const std::string& file) const {
    std::istringstream lines(read_text(folder / file));
    std::string text, line;
    std::vector<bool> keeps;
    while (std::getline(lines, line)) {
      std::istringstream cells(line);
      size_t column = 0;
      for (std::string cell; std::getline(cells, cell, ','); ++column) {
        if (column == keeps.size()) {
          keeps.push_back(cell.find("second") == std::string::npos &&
                          cell.find("time") == std::string::npos &&
                          cell.find("per_s") == std::string::npos);
        }
        if (keeps[column]) text += cell + ",";
      }
      text += "\n";
    }
    return text;
  }

  TemporaryFolder folder;
};

TEST_F(StudyCommand, TrainsEachNetworkAndComparesThem) {
  const auto found = study();
  ASSERT_EQ(found.exit_code, 0) << found.err;
  expect_words(found.err, "network 4 of 4: A-6-2");
  expect_words(found.out, "train loss");
  expect_words(found.out, "With skip connections the same depth trains better");
  expect_words(found.out, "Criterion: ");
  for (const char* cell : {"none-6-1", "A-6-1", "none-6-2", "A-6-2"}) {
    const auto at = folder / "out" / cell;
    for (const char* file : {"config.yaml", "summary.csv", "layers.csv",
                             "result.json", "last.skz", "report.html"}) {
      EXPECT_TRUE(fs::exists(at / file)) << cell << file;
    }
    EXPECT_FALSE(fs::exists(at / "surface.csv"));
  }
  const auto csv = read_text(folder / "out/study.csv");
  EXPECT_EQ(std::ranges::count(csv, '\n'), 5);
  expect_words(csv, "\nA,6,2,");
  expect_words(read_text(folder / "out/study.html"), "Study: out");
  expect_words(read_text(folder / "out/A-6-2/layers.csv"),
               "\n2,layer2.0.conv2,");
}

TEST_F(StudyCommand, TrainsAsTrainDoesByTheConfigInTheFolder) {
  ASSERT_EQ(study().exit_code, 0);
  const auto alone =
      run_skipzoo({"train", "-c", "out/A-6-2/config.yaml", "-o", "alone"},
                  folder.path().string());
  ASSERT_EQ(alone.exit_code, 0) << alone.err;
  EXPECT_EQ(without_times("alone/summary.csv"),
            without_times("out/A-6-2/summary.csv"));
  expect_words(read_text(folder / "alone/config.yaml"), "seed: 2");
  // The network that a study begins from is not what it is a config of.
  const auto fits = run_skipzoo({"inspect", "alone/last.skz", "--configs", "."},
                                folder.path().string());
  EXPECT_EQ(fits.exit_code, 0) << fits.err;
  expect_words(fits.out, "A-6-2/config.yaml");
  EXPECT_EQ(fits.out.find("net.yaml"), std::string::npos) << fits.out;
}

TEST_F(StudyCommand, DoesNothingTwiceAndAddsWhatIsNew) {
  ASSERT_EQ(study().exit_code, 0);
  const auto csv = read_text(folder / "out/study.csv");
  const auto result = written("out/A-6-1/result.json");
  const auto weights = written("out/A-6-1/last.skz");
  const auto again = study();
  expect_words(again, 0, "network 4 of 4: A-6-2: is done already");
  EXPECT_EQ(read_text(folder / "out/study.csv"), csv);
  // Another seed and another skip are new cells; a surface is measured on the
  // networks that are there.
  write_config("[none, A, dense]", "[1, 2, 3]", 2);
  const auto more = study({"--set", "study.surface=3"});
  expect_words(more, 0, "network 9 of 9: dense-6-3");
  expect_words(more.err, "A-6-2: is done already");
  expect_words(more.err, "A-6-1: loss surface, 3 x 3 points");
  expect_words(more.err, "dense, 6 layers: ");
  EXPECT_EQ(written("out/A-6-1/last.skz"), weights);
  EXPECT_NE(written("out/A-6-1/result.json"), result);
  const auto surface = read_text(folder / "out/dense-6-1/surface.csv");
  EXPECT_EQ(std::ranges::count(surface, '\n'), 10);
  EXPECT_FALSE(fs::exists(folder / "out/A-6-2/surface.csv"));
  expect_words(read_text(folder / "out/study.csv"),
               csv.substr(csv.find("A,6,2,")));
}

TEST_F(StudyCommand, GoesOnWhereItWasKilled) {
  // Long enough to be killed in.
  write_config("[none, A]", "[1, 2]", 60);
  ASSERT_EQ(
      run_skipzoo(arguments({}, "whole"), folder.path().string()).exit_code, 0);
  Process process(skipzoo_command(arguments()), folder.path().string());
  const auto second = folder / "out/A-6-1/last.skz";
  for (int i = 0; i < 6000 && !fs::exists(second); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  process.signal(SIGKILL);
  EXPECT_EQ(process.wait().exit_code, 128 + SIGKILL);
  ASSERT_TRUE(fs::exists(folder / "out/none-6-1/result.json"));
  ASSERT_FALSE(fs::exists(folder / "out/none-6-2/config.yaml"));
  const auto first = written("out/none-6-1/last.skz");
  const auto rest = study();
  ASSERT_EQ(rest.exit_code, 0) << rest.err;
  expect_words(rest.err, "none-6-1: is done already");
  EXPECT_EQ(written("out/none-6-1/last.skz"), first);
  EXPECT_EQ(without_times("out/study.csv"), without_times("whole/study.csv"));
  EXPECT_EQ(read_text(folder / "out/A-6-1/layers.csv"),
            read_text(folder / "whole/A-6-1/layers.csv"));
}

TEST_F(StudyCommand, EndsByASignalAndSaysHowToGoOn) {
  write_config("[none, A]", "[1, 2]", 100'000);
  Process process(skipzoo_command(arguments()), folder.path().string());
  for (int i = 0; i < 6000 && !fs::exists(folder / "out/none-6-1/last.skz");
       ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  process.signal(SIGINT);
  const auto finished = process.wait();
  EXPECT_EQ(finished.exit_code, 130) << finished.err;
  expect_words(finished.err, "study -c net.yaml -o out\n");
  EXPECT_EQ(finished.err.find("--resume"), std::string::npos) << finished.err;
  EXPECT_FALSE(fs::exists(folder / "out/A-6-1"));
}

TEST_F(StudyCommand, NeverMixesConfigs) {
  ASSERT_EQ(study().exit_code, 0);
  const auto csv = read_text(folder / "out/study.csv");
  const auto changed = study({"--set", "train.optimizer.lr=0.5"});
  expect_words(changed, 2,
               "none-6-1: holds a network of another config, which is not to "
               "be compared with the others: train.optimizer.lr: lr: ");
  expect_words(changed.err, "there, lr: 0.5 now; name another folder by -o");
  EXPECT_EQ(read_text(folder / "out/study.csv"), csv);
  // The plain one stays what it was, whatever the config calls its shortcut.
  EXPECT_EQ(study({"--set", "model.shortcut=B"}).exit_code, 0);
}

TEST_F(StudyCommand, GoesOnAfterALossThatIsNotFinite) {
  const auto found = study({"--set", "train.optimizer.lr=1e30"});
  expect_words(found, 0, "loss is not finite");
  expect_words(found.err, "left out of the means");
  expect_words(read_text(folder / "out/A-6-2/result.json"), "\"failure\"");
  expect_words(read_text(folder / "out/study.html"),
               "4 with a loss that was not finite");
  expect_words(study({"--set", "train.optimizer.lr=1e30"}), 0,
               "A-6-2: is done already");
}

TEST_F(StudyCommand, RefusesWhatCannotBe) {
  const auto with = [&](const std::string& change) {
    return study({"--set", change});
  };
  expect_words(with("study.depths=[7]"), 2,
               "study.depths: a resnet of these stages has 4n + 2 layers, so "
               "6 or 10, not 7");
  expect_words(with("study.skips=[none, highroad]"), 2,
               "study.skips: one of A, A_end, B, C, none, dense, got "
               "'highroad'");
  expect_words(with("study.surface=4"), 2, "surface must be 0 or an odd");
  expect_words(with("study.seed=[4]"), 2,
               "study.seed: unknown key; did you mean 'seeds'?");
  EXPECT_FALSE(fs::exists(folder / "out"));
  folder.write("plain.yaml",
               "model: {family: resnet}\ndata: {dataset: synthetic, "
               "image_size: 8}\n");
  expect_words(
      run_skipzoo({"study", "-c", "plain.yaml"}, folder.path().string()), 2,
      "plain.yaml: study: missing; it says what is compared");
  expect_words(run_skipzoo({"study"}), 2, "--config is required");
}

TEST_F(StudyCommand, HasAConfigThatTrainTakesToo) {
  const auto trained = run_skipzoo({"train", "-c", "net.yaml", "-o", "run"},
                                   folder.path().string());
  expect_words(trained, 0, "study: is for 'skipzoo study'; trained here is");
  EXPECT_EQ(read_text(folder / "run/config.yaml").find("study:"),
            std::string::npos);
  expect_words(run_skipzoo({"describe", "study"}).out, "depths");
}

}  // namespace
}  // namespace skipzoo
