// fine-tune and predict as a user meets them.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"
#include "tools/report/history.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

const std::string kPictures = std::string(SKIPZOO_GOLDENS) + "/pictures/";

std::string config_text(int classes, const std::string& more = "") {
  return "model: {family: resnet, depths: [1, 1], widths: [4, 8], "
         "num_classes: " +
         std::to_string(classes) +
         "}\n"
         "data: {dataset: image_folder, root: photos" +
         std::to_string(classes) +
         ", image_size: 16, batch_size: 2, mean: [0.5, 0.5, 0.5], std: [0.2, "
         "0.2, 0.2], workers: 0}\n"
         "train: {epochs: 1, threads: 1, device: cpu}\n" +
         more;
}

class FineTuneCommand : public testing::Test {
 protected:
  /// One picture a class, in folders named so.
  void write_photos(const std::string& root,
                    const std::vector<std::string>& classes) {
    const auto picture = read_text(kPictures + "rgb.jpg");
    for (const auto& name : classes) {
      folder.write(root + "/train/" + name + "/1.jpg", picture);
      folder.write(root + "/test/" + name + "/1.jpg", picture);
    }
  }

  void SetUp() override {
    write_photos("photos4", {"ape", "bee", "cat", "dog"});
    write_photos("photos2", {"bus", "car"});
    const auto config = folder.write("four.yaml", config_text(4));
    const auto trained =
        run_skipzoo({"train", "-c", config.string(), "-o", path("four")});
    ASSERT_EQ(trained.exit_code, 0) << trained.err;
  }
  std::string path(const std::string& name) { return (folder / name).string(); }

  TemporaryFolder folder;
};

TEST_F(FineTuneCommand, TrainsOnAndItsCheckpointIsAsAnyOther) {
  const auto config = folder.write("two.yaml", config_text(2));
  const auto tuned = run_skipzoo({"fine-tune", "-c", config.string(),
                                  "--weights", path("four"), "--freeze", "*",
                                  "--freeze", "layer1", "-o", path("two")});
  ASSERT_EQ(tuned.exit_code, 0) << tuned.err;
  EXPECT_NE(tuned.err.find("fc: a new one for 2 classes; the file's is for 4"),
            std::string::npos)
      << tuned.err;
  EXPECT_NE(read_text(folder / "two/train.log")
                .find("fc: a new one for 2 classes; the file's is for 4"),
            std::string::npos);

  const auto resumed = run_skipzoo(
      {"train", "--resume", path("two"), "--set", "train.epochs=2"});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  // A name of the same number of classes is worth a word, and so is a network
  // that fits by names and shapes alone.
  write_photos("photos4", {"ape", "bee", "cat", "emu"});
  fs::remove_all(folder / "photos4/train/dog");
  fs::remove_all(folder / "photos4/test/dog");
  const auto other = run_skipzoo(
      {"fine-tune", "-c", path("four.yaml"), "--weights", path("four"), "--set",
       "model.shortcut=A_end", "--freeze", "layer[12].?", "-o", path("emu")});
  ASSERT_EQ(other.exit_code, 0) << other.err;
  EXPECT_NE(other.err.find("'dog' there, 'emu' here"), std::string::npos)
      << other.err;
  EXPECT_NE(other.err.find("'shortcut: A' there, 'shortcut: A_end' here"),
            std::string::npos)
      << other.err;
  // That pattern means something to YAML, and is read again all the same.
  EXPECT_EQ(run_skipzoo({"evaluate", path("emu")}).exit_code, 0);

  // The weights it began from are not needed again.
  fs::remove_all(folder / "four");
  const auto again = run_skipzoo(
      {"train", "--resume", path("two"), "--set", "train.epochs=3"});
  ASSERT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(read_csv(folder / "two/summary.csv").size(), 3u);

  const auto evaluated = run_skipzoo({"evaluate", path("two"), "--json"});
  ASSERT_EQ(evaluated.exit_code, 0) << evaluated.err;
  const auto predicted =
      run_skipzoo({"predict", path("two"), kPictures + "rgb.jpg"});
  ASSERT_EQ(predicted.exit_code, 0) << predicted.err;
}

TEST_F(FineTuneCommand, SaysWhatIsMissingOrWrong) {
  const auto config = path("four.yaml");
  const auto expect_words = [](const Finished& finished, int exit_code,
                               const std::string& words) {
    EXPECT_EQ(finished.exit_code, exit_code) << finished.err;
    EXPECT_NE(finished.err.find(words), std::string::npos) << finished.err;
  };
  expect_words(run_skipzoo({"fine-tune", "-c", config}), 2,
               "give the weights to begin from by --weights FILE");
  expect_words(run_skipzoo({"fine-tune", "-c", config, "--weights", "a b.pth"}),
               1, "a b.pth: cannot be read");
  expect_words(
      run_skipzoo({"fine-tune", "-c", config, "--weights", path("four"),
                   "--freeze", "features", "-o", path("x")}),
      2, "'features' fits nothing that can be frozen");
  EXPECT_FALSE(fs::exists(folder / "x/last.skz"));
  expect_words(run_skipzoo({"fine-tune", "--resume", path("four"), "--weights",
                            path("four")}),
               2, "drop --weights");
  const auto idle = folder.write(
      "idle.yaml", config_text(4, "fine_tune: {head_lr_scale: 10}\n"));
  expect_words(run_skipzoo({"train", "-c", idle.string(), "--print-config"}), 0,
               "fine_tune.head_lr_scale: has no effect here");
  const auto other = folder.write(
      "mean.yaml", config_text(4, "fine_tune: {layer_decay: 2}\n"));
  expect_words(run_skipzoo({"train", "-c", other.string()}), 2,
               "fine_tune.layer_decay: must be");
}

TEST_F(FineTuneCommand, EvaluationSaysWhereTheDataDiffer) {
  const auto evaluated =
      run_skipzoo({"evaluate", path("four"), "--set", "data.mean=[0.1,0.1,0.1]",
                   "--set", "data.image_size=20"});
  ASSERT_EQ(evaluated.exit_code, 0) << evaluated.err;
  EXPECT_NE(evaluated.err.find("trained on pictures with mean 0.5, 0.5, 0.5"),
            std::string::npos)
      << evaluated.err;
  EXPECT_NE(evaluated.err.find("trained on pictures of [3, 16, 16], the data "
                               "are [3, 20, 20]"),
            std::string::npos)
      << evaluated.err;
}

TEST_F(FineTuneCommand, PredictsInEveryFormat) {
  const auto picture = kPictures + "rgb.jpg";
  const auto json = run_skipzoo(
      {"predict", path("four"), picture, "--format", "json", "--topk", "9"});
  ASSERT_EQ(json.exit_code, 0) << json.err;
  const auto parsed = nlohmann::json::parse(json.out);
  EXPECT_EQ(parsed.at("image"), picture);
  ASSERT_EQ(parsed.at("predictions").size(), 4u);
  double sum = 0, last = 1;
  for (const auto& guess : parsed.at("predictions")) {
    const auto probability = guess.at("probability").get<double>();
    EXPECT_LE(probability, last);
    last = probability;
    sum += probability;
    const auto index = guess.at("index").get<size_t>();
    EXPECT_EQ(guess.at("class"),
              (std::vector<std::string>{"ape", "bee", "cat", "dog"}[index]));
  }
  EXPECT_NEAR(sum, 1, 1e-5);

  const auto csv =
      run_skipzoo({"predict", path("four"), picture, "--format", "csv",
                   "--topk", "1", "--output", path("out.csv")});
  ASSERT_EQ(csv.exit_code, 0) << csv.err;
  EXPECT_EQ(csv.out, "");
  const auto text = read_text(folder / "out.csv");
  EXPECT_TRUE(text.starts_with("image,rank,class,index,probability\n" +
                               picture + ",1,"))
      << text;
  const auto refused =
      run_skipzoo({"predict", path("four"), picture, "--format", "xml"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find("expected one of text, csv, json, got 'xml'"),
            std::string::npos)
      << refused.err;
}

TEST_F(FineTuneCommand, ABrokenPictureDoesNotStopTheRest) {
  const auto good = read_text(kPictures + "rgb.jpg");
  folder.write("photos/a.jpg", good);
  folder.write("photos/b.jpg", good.substr(0, 100));
  folder.write("photos/deep/c.JPG", good);
  folder.write("photos/.hidden.jpg", "none");
  const auto predicted = run_skipzoo(
      {"predict", path("four"), path("photos"), "--format", "json"});
  EXPECT_EQ(predicted.exit_code, 1);
  EXPECT_NE(predicted.err.find("b.jpg: not a readable JPEG"), std::string::npos)
      << predicted.err;
  EXPECT_NE(predicted.err.find("1 of 3 pictures could not be read"),
            std::string::npos);
  std::vector<std::string> images;
  std::istringstream lines(predicted.out);
  for (std::string line; std::getline(lines, line);) {
    images.push_back(nlohmann::json::parse(line).at("image"));
  }
  EXPECT_EQ(images, (std::vector<std::string>{path("photos/a.jpg"),
                                              path("photos/deep/c.JPG")}));
}

TEST_F(FineTuneCommand, TakesAMovingAverageWhereThereIsOne) {
  const auto none = run_skipzoo({"fine-tune", "-c", path("four.yaml"),
                                 "--weights", path("four"), "--set",
                                 "fine_tune.use_ema=true", "-o", path("no")});
  EXPECT_NE(none.exit_code, 0);
  EXPECT_NE(none.err.find("holds no averaged weights"), std::string::npos)
      << none.err;

  const auto trained = run_skipzoo(
      {"train", "-c", path("four.yaml"), "-o", path("ema"), "--set",
       "train.epochs=3", "--set", "train.ema={decay: 0.9, warmup: true}"});
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  EXPECT_NE(trained.err.find("EMA Acc@1: "), std::string::npos) << trained.err;
  EXPECT_NE(read_text(folder / "ema/report.html").find("Val top-1, EMA"),
            std::string::npos);
  EXPECT_EQ(read_text(folder / "four/report.html").find("Val top-1, EMA"),
            std::string::npos);

  // The last checkpoint is used by the average, and by the others with --raw.
  const auto loss_of = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"evaluate", path("ema/last.skz"), "--json"});
    const auto finished = run_skipzoo(more);
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    return nlohmann::json::parse(finished.out).at("loss").get<double>();
  };
  const auto row = read_csv(folder / "ema/summary.csv").back();
  EXPECT_NEAR(loss_of({}), row.val_loss_ema, 1e-5);
  EXPECT_NEAR(loss_of({"--raw"}), row.val_loss, 1e-5);
  EXPECT_NE(row.val_loss, row.val_loss_ema);
  // So is what is exported of it.
  for (const bool raw : {false, true}) {
    std::vector<std::string> arguments = {"export",   path("ema/last.skz"),
                                          "--format", "torchscript",
                                          "-o",       path("net.pt")};
    if (raw) arguments.push_back("--raw");
    const auto exported = run_skipzoo(arguments);
    ASSERT_EQ(exported.exit_code, 0) << exported.err;
    const auto again = run_skipzoo({"evaluate", path("net.pt"), "--json",
                                    "--set", "data.root=" + path("photos4")});
    ASSERT_EQ(again.exit_code, 0) << again.err;
    EXPECT_NEAR(nlohmann::json::parse(again.out).at("loss").get<double>(),
                raw ? row.val_loss : row.val_loss_ema, 1e-4);
  }

  const auto tuned = run_skipzoo({"fine-tune", "-c", path("four.yaml"),
                                  "--weights", path("ema"), "--set",
                                  "fine_tune.use_ema=true", "-o", path("yes")});
  EXPECT_EQ(tuned.exit_code, 0) << tuned.err;
  const auto refused =
      run_skipzoo({"evaluate", kPictures + "rgb.jpg", "--raw"});
  EXPECT_NE(refused.exit_code, 0);
}

}  // namespace
}  // namespace skipzoo
