// data, init and train on a folder of pictures, without a config.

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

class OwnPictures : public PictureRun {
 protected:
  void SetUp() override {
    for (int i = 0; i < 20; ++i) {
      write_picture("cat", i);
      write_picture("dog", 100 + i);
    }
  }
  Finished run(std::vector<std::string> arguments) const {
    return run_skipzoo(std::move(arguments), folder.path().string());
  }
};

TEST_F(OwnPictures, OneLineTrainsOnThem) {
  const auto trained =
      run({"train", "photos/", "--minutes", "0.1", "-o", "run"});
  expect_words(trained, 0,
               "32 training and 8 validation pictures of 2 classes");
  expect_words(trained, 0, "photos.yaml: ");
  expect_words(trained, 0, "done: last epoch");
  const auto config = read_text(folder / "photos.yaml");
  expect_words(config, "root: photos ");
  expect_words(config, "max_minutes: 0.1");
  expect_words(config, "holdout: 0.2");
  expect_words(run({"evaluate", "run"}), 0,
               "measured on the 8 pictures that the run held out");
  // The second time by the same, unless something else is asked for.
  const auto again = run({"train", "photos", "--set", "train.epochs=1"});
  expect_words(again, 0, "photos.yaml: is there already: trained by it");
  EXPECT_EQ(read_text(folder / "photos.yaml"), config);
  expect_words(run({"train", "photos", "--minutes", "0.2"}), 2,
               "photos.yaml: is there already");
  EXPECT_EQ(read_text(folder / "photos.yaml"), config);
}

TEST_F(OwnPictures, InitWritesAConfigAndNothingElse) {
  expect_words(run({"init", "photos", "--minutes", "0.1", "-o", "a/my.yaml"}),
               0, "train -c a/my.yaml");
  EXPECT_TRUE(fs::exists(folder / "a/my.yaml"));
  EXPECT_FALSE(fs::exists(folder / "runs"));
  expect_words(run({"train", "-c", "a/my.yaml", "--print-config"}), 0, "");
  expect_words(run({"init", "photos", "-o", "a/my.yaml"}), 2,
               "is there already");
}

TEST_F(OwnPictures, InitOfWeightsFineTunesThem) {
  write_config("batch_size: 8, holdout: 0.2", "epochs: 1");
  ASSERT_EQ(train().exit_code, 0);
  expect_words(run({"init", "photos", "--weights", "run", "--minutes", "0.1"}),
               0, "that of the weights");
  const auto config = read_text(folder / "photos.yaml");
  expect_words(config, "weights: run");
  expect_words(config, "widths: [4]");
  expect_words(run({"train", "photos", "--set", "train.epochs=1"}), 0,
               "done: last epoch");
}

TEST_F(PictureRun, GreyPicturesHaveANetworkOfOneChannel) {
  for (int i = 0; i < 12; ++i) {
    for (const std::string name : {"cat", "dog"}) {
      folder.write(
          "photos/" + name + "/" + std::to_string(i) + ".jpg",
          make_jpeg({.seed = i + 50 * (name == "dog"), .channels = 1}));
    }
  }
  const auto trained = run_skipzoo(
      {"train", "photos", "--minutes", "0.1", "--set", "train.epochs=1"},
      folder.path().string());
  expect_words(trained, 0, "done: last epoch");
  expect_words(read_text(folder / "photos.yaml"), "in_channels: 1");
}

TEST_F(OwnPictures, AreNotMixedWithWhatIsMadeOfThem) {
  expect_words(run_skipzoo({"train", "."}, path("photos")), 2,
               "the run would lie among the class folders");
  EXPECT_FALSE(fs::exists(folder / "photos/photos.yaml"));
}

TEST_F(OwnPictures, WhatIsNoPlaceIsSaid) {
  expect_words(run({"train", "nothing"}), 1,
               "nothing: no such folder of pictures, nor a table of them");
  expect_words(run({"train", "photos", "-c", "net.yaml"}), 2,
               "drop them, or -c");
  expect_words(run({"train", "-c", "net.yaml", "--minutes", "3"}), 2,
               "--set train.max_minutes=N");
  expect_words(run({"train", "photos", "--resume"}), 1,
               "no run of these pictures to go on with");
  expect_words(run({"train", "photos", "--resume", "--minutes", "1"}), 2,
               "drop --minutes");
  expect_words(run({"init", "photos/cat/1.jpg"}), 1, "a picture; give");
  expect_words(run({"data", "photos", "--set", "data.holdout=0.5"}), 2,
               "--set changes a config");
  fs::create_directories(folder / "wrapped");
  fs::rename(folder / "photos", folder / "wrapped/photos");
  expect_words(run({"init", "wrapped"}), 1, "did you mean");
  fs::rename(folder / "wrapped/photos", folder / "photos");
  fs::remove_all(folder / "photos/dog");
  expect_words(run({"init", "photos"}), 1, "pictures of one class");
}

TEST_F(OwnPictures, DataSaysWhatIsThereAndWhetherARunWouldStart) {
  write_picture("dog", 3);  // Cat 3.
  const auto good = run({"data", "photos"});
  expect_words(good, 0, "contact sheet: data.html");
  expect_words(good.out, "cat");
  expect_words(good.out, "kinds: 41 JPEG");
  expect_words(good.out, "size: 16 x 16 pixels");
  expect_words(good.out, "a run would start");
  expect_words(good.out, "(of different classes)");
  const auto page = read_text(folder / "data.html");
  expect_words(page, "src=\"data:image/jpeg;base64,/9j/");
  EXPECT_EQ(page.find("http"), std::string::npos);

  folder.write("photos/cat/broken.jpg", "no picture");
  const auto json = run({"data", "photos", "--json", "--no-page"});
  EXPECT_EQ(json.exit_code, 0) << json.err;
  const auto found = nlohmann::json::parse(json.out);
  EXPECT_EQ(found["starts"], true);
  EXPECT_EQ(found["unreadable"].size(), 1u);
  EXPECT_EQ(found["copies"].size(), 1u);
  EXPECT_EQ(found["copies"][0].size(), 2u);

  // A config's run would stop at it.
  write_config("batch_size: 8, holdout: 0.2", "epochs: 1");
  expect_words(run({"data", "-c", "net.yaml", "--no-page"}), 1, "");
  expect_words(run({"data", "-c", "net.yaml", "--no-page"}).out,
               "data.on_error is stop");
  expect_words(run({"data", "-c", "net.yaml", "--no-page", "--set",
                    "data.on_error=skip"})
                   .out,
               "a run would start");
  expect_words(run({"data"}), 2, "give a folder or table of pictures");
}

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

}  // namespace
}  // namespace skipzoo
