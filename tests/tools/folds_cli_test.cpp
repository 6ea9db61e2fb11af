// train --folds, and all of them as one network.

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "tests/support/expect_words.h"
#include "tests/support/picture_run.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

class Folds : public PictureRun {
 protected:
  void SetUp() override {
    for (int i = 0; i < 9; ++i) {
      write_picture("train/cat", i);
      write_picture("train/dog", 100 + i);
      write_picture("test/cat", 200 + i);
      write_picture("test/dog", 300 + i);
    }
    write_config("batch_size: 4", "epochs: 2");
  }
  Finished folds(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {
        "train", "-c", path("net.yaml"), "-o", path("cv"), "--folds", "3"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_skipzoo(arguments);
  }
};

TEST_F(Folds, AreRunsOfTheirOwnWithATable) {
  const auto trained = folds();
  expect_words(trained, 0, "fold 3 of 3");
  expect_words(trained, 0, "12 training and 6 validation images");
  expect_words(trained.out, "val_macro_f1");
  const auto table = read_text(folder / "cv/folds.csv");
  expect_words(table, "fold,epoch,val_top1,");
  EXPECT_EQ(std::ranges::count(table, '\n'), 4);
  std::set<std::string> held_out;
  for (const char* fold : {"1", "2", "3"}) {
    const auto own = std::string("cv/fold-") + fold;
    std::istringstream list(read_text(folder / (own + "/holdout.txt")));
    for (std::string line; std::getline(list, line);) {
      EXPECT_TRUE(held_out.insert(line).second) << line;
    }
    const auto measured = run_skipzoo({"evaluate", path(own), "--json"});
    expect_words(measured, 0, "measured on the 6 pictures that the run held");
  }
  EXPECT_EQ(held_out.size(), 18u);
}

TEST_F(Folds, GoOnWhereTheyEnded) {
  ASSERT_EQ(folds().exit_code, 0);
  const auto table = read_text(folder / "cv/folds.csv");
  // As if it had been killed in the last: the others are done.
  fs::remove_all(folder / "cv/fold-3");
  fs::remove(folder / "cv/folds.csv");
  const auto again = folds({"--resume"});
  expect_words(again, 0, "nothing to do: all 2 epochs are done");
  // The same to the bit.
  EXPECT_EQ(read_text(folder / "cv/folds.csv"), table);
  expect_words(folds(), 1, "holds a run already");
  fs::remove_all(folder / "cv/fold-3");
  expect_words(run_skipzoo({"predict", path("cv"), path("photos/test/cat")}), 1,
               "holds 2 of 3 folds");
  expect_words(run_skipzoo({"train", "-c", path("net.yaml"), "-o", path("cv"),
                            "--folds", "4", "--resume"}),
               2, "holds 3 folds, not 4");
  // What is missing is by the first one's config.
  const auto other = folds({"--resume", "--set", "train.log_interval=7"});
  expect_words(other, 0, "fold 3 of 3");
  expect_words(read_text(folder / "cv/fold-3/config.yaml"), "epochs: 2");
}

TEST_F(Folds, AreOneNetworkToEvaluateAndToPredictBy) {
  ASSERT_EQ(folds().exit_code, 0);
  const auto measured =
      run_skipzoo({"evaluate", path("cv"), "--json", "--split", "test"});
  expect_words(measured, 0, "the mean of 3 networks");
  expect_words(measured.out, "\"images\":18");
  const auto page = read_text(folder / "cv/evaluate-folds-test.html");
  expect_words(page, "<h1>cv: test</h1>");
  expect_words(page, "the mean of 3 networks");
  // A heat map is of one network.
  EXPECT_EQ(page.find("class=\"heat\""), page.npos);
  const auto probabilities = [&](const std::string& network) {
    const auto found = run_skipzoo(
        {"predict", network, path("photos/test/cat"), "--format", "json"});
    EXPECT_EQ(found.exit_code, 0) << found.err;
    std::vector<double> all;
    std::istringstream lines(found.out);
    for (std::string line; std::getline(lines, line);) {
      const auto json = nlohmann::json::parse(line);
      for (const auto& one : json["predictions"]) {
        if (one["class"] == "cat") all.push_back(one["probability"]);
      }
    }
    return all;
  };
  std::vector<double> mean(9);
  for (const char* fold : {"cv/fold-1", "cv/fold-2", "cv/fold-3"}) {
    const auto one = probabilities(path(fold));
    ASSERT_EQ(one.size(), mean.size());
    for (size_t i = 0; i < mean.size(); ++i) mean[i] += one[i] / 3;
  }
  const auto all = probabilities(path("cv"));
  ASSERT_EQ(all.size(), mean.size());
  for (size_t i = 0; i < mean.size(); ++i) EXPECT_NEAR(all[i], mean[i], 1e-5);
  expect_words(run_skipzoo({"export", path("cv"), "--format", "onnx"}), 2,
               "give one of them, as fold-1");
  expect_words(
      run_skipzoo({"evaluate", path("cv"), "--set", "data.val_split=train"}), 2,
      "all folds but one");
}

TEST_F(Folds, AreOnePlaceForWordsOfWhatTheyAreNot) {
  ASSERT_EQ(folds().exit_code, 0);
  expect_words(run_skipzoo({"evaluate", path("cv"), "--split", "holdout"}), 2,
               "folds.csv has how these did");
  expect_words(run_skipzoo({"fine-tune", "-c", path("net.yaml"), "--weights",
                            path("cv")}),
               1, "holds the folds of a cross-validation; give one of them");
}

TEST_F(Folds, OfTooFewPicturesAreRefusedBeforeTheFirst) {
  const auto with = [&](const char* number) {
    return run_skipzoo({"train", "-c", path("net.yaml"), "-o", path("cv"),
                        "--folds", number, "--set", "train.epochs=1"});
  };
  expect_words(with("10"), 2, "--folds 10: no class has more than 9 pictures");
  EXPECT_FALSE(fs::exists(folder / "cv/fold-1"));
  fs::remove(folder / "photos/train/dog/100.jpg");
  fs::remove(folder / "photos/train/dog/101.jpg");
  expect_words(with("8"), 0, "so that not each validates on them: 'dog'");
  const auto piped =
      run_skipzoo({"train", "-c", "-", "--folds", "3"}, folder.path().string());
  expect_words(piped, 2, "--folds: each fold reads the config");
}

}  // namespace
}  // namespace skipzoo
