#include "tools/train/average_precision.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tools/train/intervals.h"

namespace skipzoo {
namespace {

/// scikit-learn's figures: goldens/make_multi_label.py.
class MultiLabelGoldens : public testing::Test {
 protected:
  MultiLabelGoldens() {
    std::ifstream file(std::string(SKIPZOO_GOLDENS) + "/multi_label.json");
    golden_ = nlohmann::json::parse(file);
    const auto rows = golden_.at("scores").size();
    const auto tensor = [&](const char* name, auto number) {
      std::vector<decltype(number)> all;
      for (const auto& row : golden_.at(name)) {
        for (const auto& one : row) all.push_back(one.get<decltype(number)>());
      }
      return torch::tensor(all).view({static_cast<int64_t>(rows), -1});
    };
    found_.pictures = {.probabilities = tensor("scores", 0.F),
                       .labels = tensor("labels", int64_t{}).to(torch::kByte)};
    found_.images = static_cast<int64_t>(rows);
    found_.labels = label_scores(found_.pictures);
  }
  static void expect_figures(const LabelScores& found,
                             const nlohmann::json& golden) {
    EXPECT_DOUBLE_EQ(found.precision, golden.at("precision"));
    EXPECT_DOUBLE_EQ(found.recall, golden.at("recall"));
    EXPECT_DOUBLE_EQ(found.f1, golden.at("f1"));
  }

  nlohmann::json golden_;
  Evaluation found_;
};

TEST_F(MultiLabelGoldens, AveragePrecisionAndTheBestF1AreScikitLearns) {
  const auto& classes = golden_.at("classes");
  ASSERT_EQ(found_.labels.size(), classes.size());
  for (size_t c = 0; c < classes.size(); ++c) {
    const auto& found = found_.labels[c];
    EXPECT_EQ(found.images, classes[c].at("images"));
    if (found.images == 0) continue;
    EXPECT_NEAR(found.average_precision, classes[c].at("average_precision"),
                1e-12);
    expect_figures(found, classes[c].at("best"));
  }
  EXPECT_NEAR(mean_average_precision(found_.labels),
              100 * golden_.at("map").get<double>(), 1e-10);
}

TEST_F(MultiLabelGoldens, TheThresholdIsHalfWayToTheNextScore) {
  const auto& classes = golden_.at("classes");
  for (size_t c = 0; c < classes.size(); ++c) {
    const auto& found = found_.labels[c];
    if (found.images == 0) {
      EXPECT_EQ(found.threshold, 0.5);
      continue;
    }
    const float last = classes[c].at("threshold");
    float next = 0;
    for (const auto& row : golden_.at("scores")) {
      const float score = row[c];
      if (score < last) next = std::max(next, score);
    }
    EXPECT_EQ(found.threshold, (double{last} + double{next}) / 2);
  }
}

TEST_F(MultiLabelGoldens, OtherThresholdsMayBeGiven) {
  const auto& classes = golden_.at("classes");
  const auto at_half =
      label_scores(found_.pictures, std::vector<double>(classes.size(), 0.5));
  for (size_t c = 0; c < classes.size(); ++c) {
    expect_figures(at_half[c], classes[c].at("at_half"));
    EXPECT_EQ(at_half[c].average_precision, found_.labels[c].average_precision);
  }
  EXPECT_NEAR(mean_f1(at_half),
              100 * golden_.at("macro_f1_at_half").get<double>(), 1e-10);
}

TEST_F(MultiLabelGoldens, ComeBackFromACheckpoint) {
  const auto rows = packed(found_.labels);
  const auto again = unpacked_scores(rows, 6);
  EXPECT_TRUE(torch::equal(packed(again), rows));
  EXPECT_THROW(unpacked_scores(rows, 5), std::runtime_error);
  EXPECT_THROW(unpacked_scores(rows.to(torch::kFloat), 6), std::runtime_error);
  EXPECT_THROW(unpacked_scores(rows / 0., 6), std::runtime_error);
}

// Pictures that a bootstrap draws twice count as if they were there twice.
TEST(Rankings, CountPicturesAsOftenAsTheyAreDrawn) {
  const std::vector<float> scores = {0.9F, 0.4F, 0.4F, 0.1F};
  const std::vector<uint8_t> has = {0, 1, 0, 1};
  const std::vector<int32_t> times = {1, 2, 0, 3};
  const std::vector<float> drawn = {0.9F, 0.4F, 0.4F, 0.1F, 0.1F, 0.1F};
  const std::vector<uint8_t> of_drawn = {0, 1, 1, 1, 1, 1};
  const auto a = Ranking(scores, has).at(0.3, times);
  const auto b = Ranking(drawn, of_drawn).at(0.3);
  EXPECT_EQ(a.average_precision, b.average_precision);
  EXPECT_EQ(a.precision, b.precision);
  EXPECT_EQ(a.recall, b.recall);
  EXPECT_EQ(a.f1, b.f1);
  EXPECT_EQ(a.images, 5);
}

TEST_F(MultiLabelGoldens, IntervalsHoldTheFigures) {
  const auto found = label_intervals(found_);
  const double map = mean_average_precision(found_.labels);
  const double f1 = mean_f1(found_.labels);
  EXPECT_LT(found.map.low, map);
  EXPECT_GT(found.map.high, map);
  EXPECT_GT(found.map.high - found.map.low, 2);
  EXPECT_LT(found.macro_f1.low, f1);
  EXPECT_GT(found.macro_f1.high, f1);
  EXPECT_EQ(label_intervals(found_).map.low, found.map.low);
  // A network that is always right is so on every draw.
  Evaluation right = found_;
  right.pictures.probabilities = right.pictures.labels.to(torch::kFloat);
  right.labels = label_scores(right.pictures);
  EXPECT_EQ(label_intervals(right).map.low, 100);
}

}  // namespace
}  // namespace skipzoo
