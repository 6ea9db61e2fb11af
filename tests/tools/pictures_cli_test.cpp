// predict, evaluate and train on picture folders as people have them.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/expect_words.h"
#include "tests/support/picture_formats.h"
#include "tests/support/picture_run.h"
#include "tools/train/checkpoint.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1))
    ++found;
  return found;
}

class PictureCommands : public PictureRun {
 protected:
  void SetUp() override {
    for (const char* where :
         {"train/cat", "train/dog", "test/cat", "test/dog"}) {
      for (int i = 0; i < 2; ++i) write_picture(where, i);
    }
    write_config("batch_size: 4", "epochs: 1");
  }
  Finished predict(const std::string& pictures,
                   const std::string& format = "json") {
    // The type is named, or one with bfloat16 would be recommended here or not.
    return run_skipzoo({"predict", path("run"), path(pictures), "--format",
                        format, "--dtype", "fp32"});
  }
};

TEST_F(PictureCommands, TrainAndEvaluateNameWhatTheyPassOver) {
  for (const char* name :
       {"train/cat/1.heic", "train/cat/2.heic", "train/dog/3.avif",
        "train/labels.csv", "train/beside.jpg", "train/.hidden.avif",
        "train/cat/2021/4.jpg", "train/cat/2021/5.ppm", "test/dog/6.psd",
        "train/cat/7.jxl", "train/dog/8.jfif", "train/dog/9.JFIF"}) {
    folder.write(std::string("photos/") + name, make_jpeg());
  }
  const auto trained = train();
  expect_words(trained, 0,
               "photos/train: passed over: 2 .heic, 1 .avif, 1 .csv, 1 .jxl, 1 "
               ".ppm; 1 picture beside the class folders");
  // What is a JPEG by its bytes is read under its other names, too, and what
  // lies deeper in a class folder is of that class.
  expect_words(trained, 0, "7 training and 4 validation images");
  expect_words(trained, 0, "photos/test: passed over: 1 .psd");
  // Said before there was a run folder, and kept in it.
  expect_words(read_text(folder / "run/train.log"),
               "photos/train: passed over: 2 .heic");
  expect_words(run_skipzoo({"evaluate", path("run")}), 0,
               "photos/test: passed over: 1 .psd");
}

TEST_F(PictureRun, TrainsOnClassFoldersWithoutSplits) {
  for (const char* where : {"cat", "dog"}) {
    for (int i = 0; i < 5; ++i) write_picture(where, i + (where[0] == 'd'));
  }
  write_config("batch_size: 4", "epochs: 1");
  const auto trained = train();
  expect_words(trained, 0, "photos holds class folders and no splits");
  expect_words(trained, 0, "0.2 of the pictures are held out to validate on");
  expect_words(trained, 0, "8 training and 2 validation images");
  const auto resolved = read_text(folder / "run/config.yaml");
  expect_words(resolved, "holdout: 0.2");
  expect_words(resolved, "train_split: .");
  expect_words(run_skipzoo({"evaluate", path("run")}), 0,
               "measured on the 2 pictures that the run held out");
  expect_words(train({"--resume", "--set", "train.epochs=2"}), 0,
               "8 training and 2 validation images");
  // Another folder of photos, all of it.
  const auto other =
      run_skipzoo({"evaluate", path("run"), "--split", "test", "--json",
                   "--set", "data.root=" + path("photos")});
  expect_words(other, 0, "are those the run was trained on");
  expect_words(other.out, "\"images\":10");
}

// Validated on one split, measured on another.
TEST_F(PictureRun, TheTestSplitIsMeasuredWhereThereIsOne) {
  for (int i = 0; i < 4; ++i) {
    for (const std::string split : {"train", "val"}) {
      write_picture(split + "/cat", i + (split == "val" ? 100 : 0));
      write_picture(split + "/dog", 50 + i + (split == "val" ? 100 : 0));
    }
  }
  write_config("batch_size: 4, val_split: val", "epochs: 1");
  ASSERT_EQ(train().exit_code, 0);
  const auto without =
      run_skipzoo({"evaluate", path("run"), "--json", "--split", "test"});
  expect_words(without, 0, "there is no test split; measured is 'val'");
  expect_words(without.out, "\"split\":\"val\"");
  for (int i = 0; i < 3; ++i) {
    write_picture("Test/cat", 200 + i);
    write_picture("Test/dog", 250 + i);
  }
  const auto found =
      run_skipzoo({"evaluate", path("run"), "--json", "--split", "test"});
  expect_words(found, 0, "");
  expect_words(found.out, "\"split\":\"Test\"");
  expect_words(found.out, "\"images\":6");
  const auto validated = run_skipzoo({"evaluate", path("run"), "--json"});
  expect_words(validated.out, "\"split\":\"val\"");
  expect_words(validated.out, "\"images\":8");
}

TEST_F(PictureRun, TrainsOnATable) {
  std::string table = "path,label,split,weight\n";
  for (int i = 0; i < 6; ++i) {
    write_picture("all", i);
    table += std::to_string(i) + ".jpg," + (i % 2 == 0 ? "cat" : "dog") + "," +
             (i < 4 ? "train" : "val") + ",0.5\n";
  }
  folder.write("labels.csv", table);
  write_config("batch_size: 4, csv: labels.csv", "epochs: 1");
  const std::vector<std::string> keys = {"--set", "data.dataset=csv", "--set",
                                         "data.root=" + path("photos/all")};
  const auto trained = train(keys);
  expect_words(trained, 0,
               "data.val_split: 'test' is not there; taken is 'val'");
  expect_words(trained, 0, "4 training and 2 validation images");
  const auto found = run_skipzoo({"evaluate", path("run"), "--json"});
  EXPECT_EQ(found.exit_code, 0) << found.err;
  expect_words(found.out, "\"class\":\"dog\"");
  expect_words(found.out, "\"images\":2");
  ASSERT_EQ(run_skipzoo({"export", path("run"), "--format", "torchscript", "-o",
                         path("net.pt")})
                .exit_code,
            0);
  expect_words(run_skipzoo({"evaluate", path("net.pt")}), 2,
               "an export does not say where its pictures are; give their "
               "table by --set data.csv=FILE");
  std::vector<std::string> again = {"evaluate", path("net.pt"), "--json"};
  again.insert(again.end(), {"--set", "data.csv=" + path("labels.csv"), "--set",
                             "data.root=" + path("photos/all")});
  EXPECT_EQ(run_skipzoo(again).exit_code, 0);
  // Another table, without splits: all of it.
  folder.write("others.csv", "path,label\n0.jpg,dog\n1.jpg,cat\n5.jpg,dog\n");
  const auto others =
      run_skipzoo({"evaluate", path("run"), "--json", "--split", "test",
                   "--set", "data.csv=" + path("others.csv")});
  expect_words(others, 0, "");
  expect_words(others.out, "\"images\":3");
  folder.write("labels.csv", table + "gone.jpg,cat,train,1\n");
  expect_words(run_skipzoo({"evaluate", path("run"), "--split", "train"}), 1,
               "labels.csv: line 8: ");
}

TEST_F(PictureCommands, PredictEndsWithOneWhereItPassesPicturesOver) {
  ASSERT_EQ(train().exit_code, 0);
  folder.write("some/a.jfif", make_jpeg());
  folder.write("some/b.jpg", make_jpeg());
  folder.write("some/notes.txt", "");
  expect_words(predict("some"), 0, "passed over: 1 .txt");
  folder.write("some/c.heic", "");
  const auto missed = predict("some");
  expect_words(missed, 1, "passed over: 1 .heic, 1 .txt; JPEG, PNG");
  EXPECT_EQ(count(missed.out, "\"image\""), 2);
  folder.write("d.jp2", std::string("\0\0\0\x0CjP  \r\n", 10));
  expect_words(predict("d.jp2"), 1, "d.jp2: no JPEG, PNG");
  expect_words(predict("d.jp2"), 1, "but a JPEG 2000");
}

TEST_F(PictureCommands, PredictPassesOverLoopsOfLinksAndPipes) {
  ASSERT_EQ(train().exit_code, 0);
  folder.write("some/a.jpg", make_jpeg());
  fs::create_symlink("c.jpg", folder / "some/b.jpg");
  fs::create_symlink("b.jpg", folder / "some/c.jpg");
  ASSERT_EQ(mkfifo((folder / "some/d.jpg").c_str(), 0600), 0);
  const auto finished = predict("some");
  EXPECT_EQ(count(finished.out, "\"image\""), 1);
  expect_words(finished, 1, "some/b.jpg: Too many levels of symbolic links");
  expect_words(finished, 1, "some/d.jpg: is a pipe, expected a file");
  expect_words(finished, 1, "passed over: 2 links or folders");
}

TEST_F(PictureCommands, AnswersReplaceNoPictureAndNoList) {
  ASSERT_EQ(train().exit_code, 0);
  const auto picture = path("photos/test/cat/0.jpg");
  const auto before = read_text(picture);
  const auto list = folder.write("list.txt", picture + "\n").string();
  for (const auto& [what, output] : {std::pair(picture, picture),
                                     {path("photos/test"), picture},
                                     {list, picture},
                                     {list, list}}) {
    expect_words(
        run_skipzoo({"predict", path("run"), what, "--output", output}), 1,
        "is the file to be read; give another name");
  }
  EXPECT_EQ(read_text(picture), before);
  EXPECT_EQ(read_text(list), picture + "\n");
}

TEST_F(PictureCommands, NamesThatAreNotUtf8ComeOutSomehow) {
  ASSERT_EQ(train().exit_code, 0);
  folder.write("some/K\xE4se.jpg", make_jpeg());
  for (const char* format : {"text", "csv", "json"}) {
    const auto finished = predict("some", format);
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    EXPECT_NE(finished.out.find("se.jpg"), std::string::npos) << format;
  }
}

TEST_F(PictureCommands, ClassNamesInLatin1DoNotEndJson) {
  ASSERT_EQ(train().exit_code, 0);
  auto checkpoint = load_checkpoint(folder / "run/best.skz");
  checkpoint.metadata.classes = {"K\xE4se", "<b>,\"\n"};
  save_checkpoint(folder / "latin.skz", checkpoint);
  EXPECT_EQ(run_skipzoo({"evaluate", path("latin.skz"), "--json"}).exit_code,
            0);
  const auto predicted =
      run_skipzoo({"predict", path("latin.skz"), path("photos/test/cat/0.jpg"),
                   "--format", "csv"});
  EXPECT_EQ(predicted.exit_code, 0) << predicted.err;
  EXPECT_NE(predicted.out.find(",\"<b>,\"\"\n\",1,"), std::string::npos)
      << predicted.out;
}

TEST_F(PictureCommands, TheFirstTurnedPictureIsNamedOnce) {
  for (const char* name : {"cat/0.jpg", "cat/1.jpg", "dog/1.jpg"}) {
    folder.write(std::string("photos/train/") + name,
                 make_jpeg({.orientation = 6}));
    folder.write(std::string("photos/test/") + name,
                 make_jpeg({.orientation = 3}));
  }
  const auto trained = train();
  const std::string turned = "turned upright, as its EXIF orientation, ";
  EXPECT_EQ(count(trained.err, turned), 1) << trained.err;
  expect_words(trained, 0, turned + "6, says");
  for (const auto& finished :
       {run_skipzoo({"evaluate", path("run")}), predict("photos/test")}) {
    expect_words(finished, 0, turned + "3, says");
    EXPECT_EQ(count(finished.err, turned), 1) << finished.err;
    EXPECT_EQ(count(finished.err, "as it is stored"), 0) << finished.err;
  }
}

TEST_F(PictureCommands, TheFirstThatIsNotTurnedIsWarnedOf) {
  folder.write("photos/train/cat/0.jpg", make_jpeg({.orientation = 6}));
  for (const char* name : {"cat/0.jpg", "cat/1.jpg"}) {
    folder.write(std::string("photos/test/") + name,
                 make_jpeg({.orientation = 3}));
  }
  const auto trained = train({"--set", "data.exif=ignore"});
  expect_words(trained, 0, "lying on its side");
  EXPECT_EQ(count(trained.err, "its EXIF orientation is 6"), 1) << trained.err;
  // By the run's own word.
  for (const auto& finished :
       {run_skipzoo({"evaluate", path("run")}), predict("photos/test")}) {
    expect_words(finished, 0, "upside down");
    EXPECT_EQ(count(finished.err, "its EXIF orientation is 3"), 1)
        << finished.err;
  }
}

// Files of the same stored pixels, which EXIF wants turned by none or by half.
TEST_F(PictureCommands, PredictTurnsPicturesAsTheRunDid) {
  const auto pictures = fs::path(SKIPZOO_GOLDENS) / "picture_formats";
  for (const bool turns : {true, false}) {
    fs::remove_all(folder / "run");
    const std::string exif = turns ? "apply" : "ignore";
    ASSERT_EQ(train({"--set", "data.exif=" + exif}).exit_code, 0);
    const auto answer = [&](const std::string& name) {
      const auto text = predict((pictures / name).string()).out;
      return text.substr(text.find("\"predictions\""));
    };
    EXPECT_EQ(answer("turned_3.png") != answer("turned_1.png"), turns);
    EXPECT_EQ(answer("rgb.bmp"), answer("turned_1.png"));
  }
}

// What people have in one folder, each kind beside the others and by any name.
TEST_F(PictureCommands, PredictReadsAFolderOfMixedKinds) {
  ASSERT_EQ(train().exit_code, 0);
  const auto pictures = fs::path(SKIPZOO_GOLDENS) / "picture_formats";
  int64_t written = 0, read = 0;
  for (const char* name : {"rgb.bmp", "animated.gif", "rgb16.tif", "cmyk.tif",
                           "lossy.webp", "turned_5.jpg", "turned_6.png"}) {
    const auto bytes = read_text(pictures / name);
    folder.write(std::string("mixed/") + name, bytes);
    ++written;
    read += is_read(kind_of(bytes)) ? 1 : 0;
  }
  folder.write("mixed/named_wrongly.jpg", read_text(pictures / "rgb.bmp"));
  folder.write("mixed/damaged.bmp", "BM");
  const auto finished = predict("mixed");
  EXPECT_EQ(count(finished.out, "\"image\""), read + 1) << finished.err;
  expect_words(finished, 1, "damaged.bmp: not a readable BMP: the data end");
  EXPECT_EQ(finished.err.find("passed over: ") != finished.err.npos,
            read < written);
  EXPECT_EQ(count(finished.err, "\n"), read < written ? 4 : 3)
      << finished.err;  // Nothing of what the libraries think of them.
}

TEST_F(PictureCommands, ValidatingOnWhatIsTrainedOnIsSaid) {
  const auto trained = train({"--set", "data.val_split=train"});
  expect_words(trained, 0, "data.val_split is the folder of data.train_split");
  expect_words(run_skipzoo({"evaluate", path("run")}), 0,
               "these pictures are those the run was trained on");
}

TEST_F(PictureCommands, AClassThatTheTestSplitLacksIsNamed) {
  ASSERT_EQ(train().exit_code, 0);
  fs::rename(folder / "photos/test/dog", folder / "photos/test/Dog");
  expect_words(
      run_skipzoo({"evaluate", path("run")}), 0,
      "'cat' there, 'Dog' here; only in the weights: 'dog'; only in the "
      "data: 'Dog'");
  fs::remove_all(folder / "photos/test/Dog");
  expect_words(
      run_skipzoo({"evaluate", path("run")}), 1,
      "holds 1 class folders, but the network has 2 classes; only in the "
      "network: 'dog'");
}

TEST_F(PictureCommands, TwoSizesWhereTheDataHaveTheirOwnAreASentence) {
  const auto header = [](uint32_t count) {
    return big_endian(0x803) + big_endian(count) + big_endian(16) +
           big_endian(12);
  };
  for (const char* split : {"train", "test"}) {
    folder.write(std::string(split) + "-images-idx3-ubyte",
                 header(4) + std::string(4 * 16 * 12, 'x'));
    folder.write(
        std::string(split) + "-labels-idx1-ubyte",
        big_endian(0x801) + big_endian(4) + std::string("\0\1\0\1", 4));
  }
  folder.write("idx.yaml",
               "model: {family: resnet, depths: [1], widths: [4], "
               "in_channels: 1, num_classes: 2}\n"
               "data: {dataset: idx, root: ., batch_size: 4, workers: 0}\n"
               "train: {epochs: 1, threads: 1, device: cpu}\n");
  const auto trained =
      run_skipzoo({"train", "-c", path("idx.yaml"), "-o", path("run")});
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  // Of as many pixels, but turned.
  folder.write("some/a.jpg", make_jpeg({.width = 12, .height = 16}));
  folder.write("some/b.jpg", make_jpeg({.width = 16, .height = 12}));
  expect_words(
      predict("some"), 1,
      "b.jpg: is of 16 x 12 pixels, others are of 12 x 16; give one size to "
      "bring them to, by data.image_size");
}

TEST_F(PictureCommands, SizesBeyondMemoryAreASentence) {
  const auto finished = train({"--set", "data.dataset=synthetic", "--set",
                               "data.synthetic_images=10000000", "--set",
                               "data.image_size=16384"});
  expect_words(finished, 2,
               "data.synthetic_images: two splits of 10000000 pictures");
  ASSERT_EQ(train().exit_code, 0);
  std::string list;
  for (int i = 0; i < 100'000; ++i) {
    list += path("photos/test/cat/0.jpg") + "\n";
  }
  folder.write("list.txt", list);
  const auto predicted =
      run_skipzoo({"predict", path("run"), path("list.txt"), "--set",
                   "data.image_size=4000", "--set", "data.batch_size=1000000"});
  expect_words(predicted, 2, "data.batch_size: a batch of 1000000 pictures");
}

}  // namespace
}  // namespace skipzoo
