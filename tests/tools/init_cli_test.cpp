// data, init and train on a folder of pictures, without a config.

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

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
  expect_words(trained, 0, "done: best ");
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
               "done: best ");
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
  expect_words(trained, 0, "done: best ");
  expect_words(read_text(folder / "photos.yaml"), "in_channels: 1");
}

TEST_F(OwnPictures, AreNotMixedWithWhatIsMadeOfThem) {
  expect_words(run_skipzoo({"train", "."}, path("photos")), 2,
               "the run would lie among the class folders");
  EXPECT_FALSE(fs::exists(folder / "photos/photos.yaml"));
}

// What a config would hold is not known before networks were timed.
TEST_F(OwnPictures, PrintNoConfigThatIsNotThere) {
  expect_words(run({"train", "photos", "--print-config"}), 2,
               "'skipzoo init photos' writes it");
  EXPECT_FALSE(fs::exists(folder / "photos.yaml"));
}

TEST_F(OwnPictures, MinutesAreOfAllFolds) {
  const auto trained = run({"train", "photos", "--minutes", "0.4", "--folds",
                            "2", "--set", "train.epochs=1", "-o", "cv"});
  expect_words(trained, 0, "--minutes: 0.2 for each of the 2 folds");
  expect_words(read_text(folder / "photos.yaml"), "max_minutes: 0.2");
}

TEST_F(OwnPictures, FoldersInClassFoldersAreNamed) {
  for (const char* name : {"cat", "dog"}) {
    const auto inner = folder / "photos" / name;
    fs::rename(inner, folder / "moved");
    fs::create_directories(inner);
    fs::rename(folder / "moved", inner / "young");
    fs::create_directories(inner / "old");
    fs::rename(
        inner / "young" / (name == std::string("cat") ? "1.jpg" : "101.jpg"),
        inner / "old/1.jpg");
  }
  const auto words = run({"data", "photos", "--no-page"});
  expect_words(words, 0, "the 2 class folders of");
  expect_words(words, 0,
               "as cat/old; 'leaf' takes each of those 4 for a class");
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

TEST_F(PictureRun, DataLooksAtSplitsThatNoRunLooksAt) {
  for (int i = 0; i < 3; ++i) {
    for (const auto& [split, first] :
         std::map<std::string, int>{{"train", 0}, {"val", 10}, {"test", 20}}) {
      write_picture(split + "/cat", first + i);
      write_picture(split + "/dog", 100 + first + i);
    }
  }
  write_picture("test/cat", 0);   // Of the training pictures.
  write_picture("test/cat", 10);  // Of those that are validated on.
  for (const char* name : {"120", "121", "122"}) {
    folder.write("photos/test/dog/" + std::string(name) + ".jpg", "damaged");
  }
  const auto found =
      run_skipzoo({"data", path("photos"), "--json", "--no-page"});
  ASSERT_EQ(found.exit_code, 0) << found.err;
  const auto json = nlohmann::json::parse(found.out);
  ASSERT_EQ(json["splits"].size(), 3u);
  EXPECT_EQ(json["splits"][2]["name"], "test");
  EXPECT_EQ(json["splits"][2]["classes"]["cat"], 5);
  EXPECT_EQ(json["splits"][2]["classes_without_readable"],
            nlohmann::json::array({"dog"}));
  EXPECT_EQ(json["unreadable"].size(), 3u);
  // Those that cannot be read are no copies of each other.
  ASSERT_EQ(json["copies"].size(), 2u);
  EXPECT_EQ(json["copies"][0][1]["split"], "test");
  const auto text = run_skipzoo({"data", path("photos"), "--no-page"});
  expect_words(text.out, "no picture of test that can be read: 'dog'");
  expect_words(text.out, "test/cat/0.jpg (what is measured is trained on)");
  expect_words(run_skipzoo({"data", path("photos"), "--out", "-"}), 2,
               "the page goes into a file");
}

}  // namespace
}  // namespace skipzoo
