// The page of a study: its claims, maps and contours.

#include "tools/study/study_page.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/study_result.h"
#include "tools/study/contours.h"
#include "tools/study/layer_map.h"

namespace skipzoo {
namespace {

/// A plane that rises to the right: its loss is 2 + the first direction.
LossSurface plane() {
  LossSurface surface{.points = 5, .loss = {}};
  for (int64_t b = 0; b < 5; ++b) {
    for (int64_t a = 0; a < 5; ++a) {
      surface.loss.push_back(2 + surface.place(a));
    }
  }
  return surface;
}

TEST(Contours, LieWhereTheLossIsThat) {
  const auto segments = contour(plane(), 2.3);
  ASSERT_EQ(segments.size(), 4u);  // Through four squares, one above another.
  double length = 0;
  for (const auto& [from, to] : segments) {
    EXPECT_NEAR(from.x, 0.3, 1e-12);
    EXPECT_NEAR(to.x, 0.3, 1e-12);
    length += std::abs(from.y - to.y);
  }
  EXPECT_DOUBLE_EQ(length, 2);
  EXPECT_TRUE(contour(plane(), 3.5).empty());
  auto hole = plane();
  hole.loss[2 * 5 + 3] = NAN;  // A corner of two of those squares.
  EXPECT_EQ(contour(hole, 2.3).size(), 2u);
}

TEST(Contours, HaveLevelsBetweenTheEndsWithTheirNumbers) {
  auto surface = plane();
  surface.loss.back() = INFINITY;
  const auto levels = contour_levels(surface);
  ASSERT_GE(levels.size(), 4u);
  for (size_t i = 0; i < levels.size(); ++i) {
    EXPECT_GT(levels[i], 1);
    EXPECT_LT(levels[i], 3);
    EXPECT_GT(levels[i], i > 0 ? levels[i - 1] : 0);
  }
  const auto html = contour_figure("A, 8 layers", surface);
  EXPECT_NE(html.find("<title>loss 1.8</title>"), std::string::npos) << html;
  EXPECT_NE(html.find("2 in the middle"), std::string::npos);
  EXPECT_TRUE(
      contour_levels({.points = 3, .loss = std::vector<double>(9, 1)}).empty());
}

TEST(LayerMap, SharesAScaleOfLogarithms) {
  const LogRange range{.low = 0.01, .high = 100};
  EXPECT_DOUBLE_EQ(range.share(1), 0.5);
  EXPECT_DOUBLE_EQ(range.share(0.1), 0.25);
  EXPECT_TRUE(std::isnan(range.share(0)));
  EXPECT_TRUE(std::isnan(range.share(INFINITY)));
}

/// A study of two networks.
StudyReport made_up_report() {
  StudyReport report{.title = "Study: <digits>", .config_yaml = "study: {}\n"};
  report.cells = 3;
  report.seed = 1;
  for (const char* skip : {"none", "A"}) {
    StudyRun run{.result = made_up(skip, 20, 1)};
    for (int64_t epoch = 0; epoch <= 2; ++epoch) {
      for (const char* layer : {"conv1", "layer1.0.conv1", "fc"}) {
        run.layers.push_back({.epoch = epoch,
                              .layer = layer,
                              .gradient_norm = 0.125,
                              .signal_variance = 0.5,
                              .update_ratio = 0.01});
      }
      if (epoch == 0) continue;
      run.epochs.emplace_back();
      run.epochs.back().epoch = epoch;
      run.epochs.back().train_loss = 1.75;
    }
    run.surface = plane();
    report.runs.push_back(run);
  }
  return report;
}

TEST(StudyPage, HoldsWhatWasFoundAndFetchesNothing) {
  const auto html = study_page(made_up_report());
  for (const char* part :
       {"Study: &lt;digits&gt;", "of 3", "none, 20 layers", "A, 20 layers",
        "Degradation: a deeper plain network trains worse", "? cannot be told",
        "<title>epoch 2, layer1.0.conv1: 0.125</title>",
        "<th scope=\"row\">2 layer1.0.conv1</th>", "none 1.75",
        "class=\"contour\"", "aria-label=\"Gradient norm of A, 20 layers",
        "prefers-color-scheme:dark", "@media print", "name=\"viewport\""}) {
    EXPECT_NE(html.find(part), std::string::npos) << part;
  }
  for (const char* part : {"http:", "https:", "src=", "url(", "@import"}) {
    EXPECT_EQ(html.find(part), std::string::npos) << part;
  }
  // Three epochs of three layers, of both networks.
  size_t squares = 0;
  for (size_t at = html.find("<title>epoch "); at != std::string::npos;
       at = html.find("<title>epoch ", at + 1)) {
    if (html.substr(at, 40).find(", ") != std::string::npos) ++squares;
  }
  EXPECT_EQ(squares, 18u);
}

TEST(StudyPage, ShowsOutcomesInWordsAndSigns) {
  auto report = made_up_report();
  for (const int64_t seed : {2, 3}) {
    for (const char* skip : {"none", "A"}) {
      StudyRun run{.result = made_up(skip, 20, seed)};
      report.runs.push_back(run);
    }
  }
  for (auto& run : report.runs) {
    if (run.result.skip == "A") run.result.train_loss = 0.2;
  }
  const auto html = study_page(report);
  EXPECT_NE(html.find("✓ holds"), std::string::npos);
  // Gradients do not vanish in that plain network.
  EXPECT_NE(html.find("✗ does not hold"), std::string::npos);
}

}  // namespace
}  // namespace skipzoo
