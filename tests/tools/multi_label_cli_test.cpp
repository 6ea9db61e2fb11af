// A run on a table of several labels a picture, as a user has it.

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "tests/support/expect_words.h"
#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"
#include "tools/data/random.h"
#include "tools/report/history.h"
#include "tools/train/checkpoint.h"

namespace skipzoo {
namespace {

constexpr int kSide = 16;

/// A 24-bit BMP of grey noise with a red and a blue square, and a white bar,
/// where they are asked for, each somewhere.
std::string drawing(bool red, bool blue, bool bar, uint64_t seed) {
  const auto number = [](uint32_t value, int bytes) {
    std::string text;
    for (; bytes > 0; --bytes, value >>= 8) {
      text += static_cast<char>(value & 255);
    }
    return text;
  };
  constexpr uint32_t kBytes = kSide * kSide * 3;
  std::string bmp = "BM" + number(54 + kBytes, 4) + number(0, 4) +
                    number(54, 4) + number(40, 4) + number(kSide, 4) +
                    number(kSide, 4) + number(1, 2) + number(24, 2) +
                    number(0, 4) + number(kBytes, 4) + number(0, 16);
  Random random(seed);
  std::string pixels;
  for (int i = 0; i < kSide * kSide; ++i) {
    pixels += std::string(3, static_cast<char>(random.below(100)));
  }
  const auto fill = [&](int height, int width, const std::string& bgr) {
    const int64_t top = random.below(kSide - height + 1);
    const int64_t left = random.below(kSide - width + 1);
    for (int64_t y = top; y < top + height; ++y) {
      for (int64_t x = left; x < left + width; ++x) {
        pixels.replace(static_cast<size_t>(3 * (y * kSide + x)), 3, bgr);
      }
    }
  };
  if (red) fill(5, 5, "\x20\x20\xE0");
  if (blue) fill(5, 5, "\xE0\x20\x20");
  if (bar) fill(2, kSide, "\xF0\xF0\xF0");
  return bmp + pixels;
}

/// Of the run below, after an epoch in which it still makes mistakes.
constexpr const char* kUnfinished = "run/checkpoint-3.skz";

/// shapes.csv, and a run on it in the folder run.
class MultiLabelRun : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TemporaryFolder>();
    std::string table = "file,labels,split\n";
    for (int i = 0; i < 160; ++i) {
      const bool red = (i & 1) != 0, blue = (i & 2) != 0, bar = (i & 4) != 0;
      const auto name = std::to_string(i) + ".bmp";
      folder_->write(name, drawing(red, blue, bar, static_cast<uint64_t>(i)));
      std::string labels;
      const std::pair<bool, const char*> parts[] = {
          {bar, "bar"}, {blue, "blue"}, {red, "red"}};
      for (const auto& [is_there, label] : parts) {
        if (!is_there) continue;
        labels += (labels.empty() ? "" : " | ") + std::string(label);
      }
      table += name + "," + labels + "," + (i < 112 ? "train" : "val") + "\n";
    }
    folder_->write("shapes.csv", table);
    folder_->write(
        "net.yaml",
        "model: {family: resnet, depths: [1, 1], widths: [8, 16], "
        "num_classes: 3}\n"
        "data: {dataset: csv, csv: shapes.csv, image_size: 16, "
        "crop_pct: 1.0, workers: 0, batch_size: 16}\n"
        "train: {loss: bce, eval_metric: map, epochs: 12, seed: 1, "
        "threads: 1, device: cpu, checkpoint_hist: 12, optimizer: {lr: "
        "0.1}}\n");
    trained_ = run_skipzoo({"train", "-c", path("net.yaml"), "-o", path("run"),
                            "--set", "train.schedule.name=cosine"});
  }
  static void TearDownTestSuite() { folder_.reset(); }
  void SetUp() override { ASSERT_EQ(trained_.exit_code, 0) << trained_.err; }

  static std::string path(const std::string& name) {
    return (*folder_ / name).string();
  }
  static nlohmann::json evaluate(const std::string& file,
                                 std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"evaluate", path(file), "--json"});
    const auto finished = run_skipzoo(more);
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    return nlohmann::json::parse(finished.out);
  }
  /// Of the pictures to validate on: by name, what `predict` says.
  static std::map<std::string, nlohmann::json> predict(
      const std::string& file, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"predict", path(file), "--format", "json"});
    for (int i = 112; i < 160; ++i) {
      more.push_back(path(std::to_string(i) + ".bmp"));
    }
    const auto finished = run_skipzoo(more);
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    std::map<std::string, nlohmann::json> found;
    std::istringstream lines(finished.out);
    for (std::string line; std::getline(lines, line);) {
      const auto json = nlohmann::json::parse(line);
      found[json.at("image").get<std::string>()] = json.at("predictions");
    }
    return found;
  }
  static bool has(const std::string& picture, const std::string& label) {
    const int i = std::stoi(std::filesystem::path(picture).stem().string());
    return (i & (label == "red" ? 1 : label == "blue" ? 2 : 4)) != 0;
  }
  /// Picture and label, of those found.
  static std::set<std::pair<std::string, std::string>> selected(
      const std::map<std::string, nlohmann::json>& predictions) {
    std::set<std::pair<std::string, std::string>> all;
    for (const auto& [picture, list] : predictions) {
      for (const auto& one : list) {
        if (one.at("selected").get<bool>()) {
          all.emplace(picture, one.at("class").get<std::string>());
        }
      }
    }
    return all;
  }

  static inline std::unique_ptr<TemporaryFolder> folder_;
  static inline Finished trained_;
};

TEST_F(MultiLabelRun, LearnsAndSaysSo) {
  const auto rows = read_csv(*folder_ / "run/summary.csv");
  EXPECT_GT(rows.back().val_map, 90);
  std::istringstream lines(read_text(*folder_ / "run/metrics.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    const auto row = nlohmann::json::parse(line);
    EXPECT_FALSE(row.contains("val_recall_per_class"));
    double sum = 0;
    for (const double one : row.at("val_average_precision_per_class")) {
      sum += one;
    }
    EXPECT_NEAR(sum / 3, row.at("val_map").get<double>(), 1e-9);
  }
  expect_words(read_text(*folder_ / "run/report.html"),
               "<h2>Average precision by class (%)</h2>");
  expect_words(trained_.err, "data.multi_label: several labels a picture, as ");
  expect_words(trained_.err, "shapes.csv has in line 5: 'blue | red'");
  expect_words(trained_.err, "  mAP: ");
  expect_words(trained_.err, "done: best map ");
  const auto best = load_checkpoint(*folder_ / "run/best.skz");
  expect_words(best.metadata.config, "multi_label: true");
  EXPECT_EQ(best.metadata.thresholds.size(), 3u);
}

TEST_F(MultiLabelRun, EvaluateSaysWhatTheRunSaid) {
  const auto best = load_checkpoint(*folder_ / "run/best.skz");
  const auto found = evaluate("run");
  EXPECT_NEAR(found.at("map").get<double>(), best.best.value, 1e-6);
  EXPECT_EQ(found.at("thresholds_of"), "network");
  EXPECT_EQ(found.at("images"), 48);
  for (size_t c = 0; c < 3; ++c) {
    const auto& one = found.at("per_class")[c];
    EXPECT_EQ(one.at("class"), best.metadata.classes[c]);
    EXPECT_EQ(one.at("threshold"), best.metadata.thresholds[c]);
    EXPECT_EQ(one.at("images"), 24);
    EXPECT_LE(one.at("recall_interval").at(0), one.at("recall"));
  }
  for (const char* name : {"map", "macro_f1"}) {
    const auto& bounds = found.at(name + std::string("_interval"));
    EXPECT_LE(bounds.at(0).get<double>(), found.at(name).get<double>() + 1e-9);
    EXPECT_GE(bounds.at(1).get<double>(), found.at(name).get<double>() - 1e-9);
  }
  const auto text = run_skipzoo({"evaluate", path("run")});
  expect_words(text.out, "mAP ");
  const auto page = read_text(*folder_ / "run/evaluate-best-val.html");
  for (const char* part :
       {"Mean average precision</span><b>", "Labels by class", "Ranked first",
        "for each class that of the network, from its validation"}) {
    expect_words(page, part);
  }
  expect_words(text.out, "thresholds: those of the network");
  expect_words(text.out,
               "class                       AP  threshold  precision");
}

TEST_F(MultiLabelRun, PredictFindsWhatEvaluateCounts) {
  const auto predictions = predict(kUnfinished);
  ASSERT_EQ(predictions.size(), 48u);
  const auto found = selected(predictions);
  const auto evaluated = evaluate(kUnfinished);
  EXPECT_LT(evaluated.at("macro_f1"), 99.9);
  for (const auto& one : evaluated.at("per_class")) {
    const std::string label = one.at("class");
    int right = 0, taken = 0;
    for (const auto& [picture, name] : found) {
      if (name != label) continue;
      ++taken;
      right += has(picture, label) ? 1 : 0;
    }
    EXPECT_NEAR(right / 24., one.at("recall").get<double>(), 1e-12) << label;
    EXPECT_NEAR(static_cast<double>(right) / taken,
                one.at("precision").get<double>(), 1e-12)
        << label;
  }
  // Each by itself: they sum to more or less than 1.
  double most = 0;
  for (const auto& [picture, list] : predictions) {
    ASSERT_EQ(list.size(), 3u);
    double sum = 0;
    for (const auto& one : list) sum += one.at("probability").get<double>();
    most = std::max(most, sum);
  }
  EXPECT_GT(most, 1.5);
}

TEST_F(MultiLabelRun, AThresholdMayBeGiven) {
  EXPECT_EQ(selected(predict("run", {"--threshold", "0"})).size(), 3 * 48u);
  EXPECT_TRUE(selected(predict("run", {"--threshold", "1"})).empty());
  const auto none = run_skipzoo(
      {"predict", path("run"), path("159.bmp"), "--threshold", "1"});
  expect_words(none.out, "159.bmp\n      none of the labels\n");
  const auto all = run_skipzoo({"predict", path("run"), path("159.bmp"),
                                "--threshold", "0", "--format", "csv"});
  expect_words(all.out,
               "image,rank,class,index,probability,threshold,selected");
  expect_words(all.out, ",0,1\n");
}

TEST_F(MultiLabelRun, ExportsAgree) {
  const auto expected = selected(predict(kUnfinished));
  const auto map = evaluate(kUnfinished).at("map").get<double>();
  for (const std::vector<std::string>& more :
       std::vector<std::vector<std::string>>{
           {}, {"--sigmoid", "--normalize", "uint8"}}) {
    std::vector<std::string> arguments = {"export",   path(kUnfinished),
                                          "--format", "torchscript",
                                          "-o",       path("net.pt")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto exported = run_skipzoo(arguments);
    ASSERT_EQ(exported.exit_code, 0) << exported.err;
    EXPECT_EQ(selected(predict("net.pt")), expected);
    const auto found =
        evaluate("net.pt", {"--set", "data.csv=" + path("shapes.csv")});
    EXPECT_NEAR(found.at("map").get<double>(), map, 1e-6);
  }
  const auto onnx = run_skipzoo({"export", path("run"), "--format", "onnx",
                                 "--sigmoid", "-o", path("net.onnx")});
  EXPECT_EQ(onnx.exit_code, 0) << onnx.err;
  expect_words(run_skipzoo({"export", path("run"), "--format", "onnx",
                            "--softmax", "-o", path("no.onnx")}),
               2,
               "finds several labels in a picture: --sigmoid, not --softmax");
  const auto inspected = run_skipzoo({"inspect", path("net.pt")});
  expect_words(inspected.out, "gives probabilities, each by itself");
  expect_words(inspected.out, "several labels a picture, each from a");
}

TEST_F(MultiLabelRun, WeightsAloneAreUsedByTheTable) {
  const auto exported = run_skipzoo(
      {"export", path("run"), "--format", "pth", "-o", path("net.pth")});
  ASSERT_EQ(exported.exit_code, 0) << exported.err;
  const auto found = evaluate("net.pth", {"-c", path("net.yaml")});
  EXPECT_EQ(found.at("thresholds_of"), "these images");
  EXPECT_EQ(found.at("map"), evaluate("run").at("map"));
  const auto predictions = predict("net.pth", {"-c", path("net.yaml")});
  for (const auto& one : predictions.at(path("112.bmp"))) {
    EXPECT_EQ(one.at("threshold"), 0.5);
  }
}

TEST_F(MultiLabelRun, CrossEntropyIsRefusedInWords) {
  const auto refused =
      run_skipzoo({"train", "-c", path("net.yaml"), "-o", path("no"), "--set",
                   "train.loss=cross_entropy"});
  expect_words(refused, 2,
               "train.loss: must be bce where pictures have several labels");
  expect_words(refused.err, "shapes.csv: line 5: 'blue | red' names several");
}

}  // namespace
}  // namespace skipzoo
