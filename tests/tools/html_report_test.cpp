#include "tools/report/html_report.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "tools/report/lr_report.h"
#include "tools/report/mistakes.h"

namespace skipzoo {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

int occurrences(std::string_view text, std::string_view part) {
  int count = 0;
  for (auto at = text.find(part); at != text.npos;
       at = text.find(part, at + part.size())) {
    ++count;
  }
  return count;
}

RunReport small_report(int64_t epochs) {
  RunReport report;
  report.title = "a<b> & \"c\"";
  report.network = "resnet, 269,722 parameters";
  for (int64_t epoch = 1; epoch <= epochs; ++epoch) {
    const auto e = static_cast<double>(epoch);
    report.rows.push_back(
        {epoch, 0.1, 2 / e, 50 + e, 3 / e, 40 + e, 90, 1000, 10});
  }
  report.best_epoch = epochs;
  report.classes = {"cat", "<dog>"};
  report.confusion = {{731, 13}, {29, 617}};
  report.config_yaml = "model: {family: resnet}  # <&>";
  report.figures = {{"Macro F1", 87.5, 80.25, 93}};
  return report;
}

/// Every opened element is closed, in order, and no attribute is left open.
bool well_nested(std::string_view html) {
  std::vector<std::string> open;
  for (auto at = html.find('<'); at != html.npos; at = html.find('<', at + 1)) {
    const auto end = html.find('>', at);
    if (end == html.npos) {
      return false;
    }
    const auto tag = html.substr(at + 1, end - at - 1);
    const std::string name(tag.substr(0, tag.find_first_of(" \n/", 1)));
    if (tag.starts_with("/")) {
      if (open.empty() || "/" + open.back() != name) {
        return false;
      }
      open.pop_back();
    } else if (!tag.ends_with("/") && name != "!DOCTYPE" && name != "meta" &&
               name != "link" && name != "br" && name != "!--") {
      open.push_back(name);
    }
    if (occurrences(tag, "\"") % 2 != 0) {
      return false;
    }
  }
  return open.empty();
}

TEST(HtmlReport, IsWellFormedForAnyNumberOfEpochs) {
  for (const int64_t epochs : {0, 1, 2, 21, 300}) {
    EXPECT_TRUE(well_nested(html_report(small_report(epochs)))) << epochs;
  }
  EXPECT_TRUE(well_nested(html_report({})));
}

TEST(HtmlReport, EscapesItsText) {
  const auto html = html_report(small_report(3));
  EXPECT_EQ(occurrences(html, "a&lt;b&gt; &amp; &quot;c&quot;"), 2);
  EXPECT_NE(html.find("# &lt;&amp;&gt;</pre>"), html.npos);
  EXPECT_EQ(html.find("<dog>"), html.npos);
  EXPECT_EQ(html.find("a<b>"), html.npos);
}

TEST(HtmlReport, FetchesNothingAndRunsNothing) {
  const auto html = html_report(small_report(3));
  for (const auto* part : {"http", "<script", "src=", "url(", "@import"}) {
    EXPECT_EQ(html.find(part), html.npos) << part;
  }
}

TEST(HtmlReport, DrawsOneLinePerCurve) {
  // Two of loss, two of top-1, one of the learning rate.
  for (const int64_t epochs : {1, 2, 50}) {
    EXPECT_EQ(occurrences(html_report(small_report(epochs)), "<polyline"), 5);
  }
  EXPECT_EQ(occurrences(html_report(small_report(0)), "<polyline"), 0);
}

TEST(HtmlReport, NumbersThatAreNotFiniteLeaveGaps) {
  auto report = small_report(9);
  report.rows[4].val_loss = kNan;
  report.rows[5].train_loss = kInf;
  report.rows[6].train_loss = 1e300;
  for (auto& row : report.rows) {
    row.val_top1 = kNan;
  }
  const auto html = html_report(report);
  EXPECT_TRUE(well_nested(html));
  // Each loss in two parts, one curve of top-1, one of the learning rate.
  EXPECT_EQ(occurrences(html, "<polyline"), 6);
  for (auto at = html.find("points=\""); at != html.npos;
       at = html.find("points=\"", at + 1)) {
    const auto points = html.substr(at + 8, html.find('"', at + 8) - at - 8);
    EXPECT_EQ(points.find_first_not_of("0123456789.-, "), points.npos)
        << points;
  }
}

TEST(HtmlReport, TicksAreRoundNumbers) {
  auto report = small_report(2);
  report.rows[0].train_loss = report.rows[0].val_loss = 0.07;
  report.rows[1].train_loss = report.rows[1].val_loss = 2.31;
  const auto html = html_report(report);
  const auto svg = html.substr(0, html.find("</svg>"));
  for (const auto* tick : {"0", "0.5", "1", "1.5", "2", "2.5"}) {
    // Labels of the upright axis end at it.
    const auto label = std::string("\"end\">") + tick + "</text>";
    EXPECT_EQ(occurrences(svg, label), 1) << tick;
  }
  EXPECT_EQ(occurrences(svg, "\"end\">"), 6);
}

TEST(HtmlReport, ShowsTheConfusionsAndWhatFollowsFromThem) {
  const auto html = html_report(small_report(3));
  for (const auto* count : {">731<", ">13<", ">29<", ">617<"}) {
    EXPECT_EQ(occurrences(html, count), 1) << count;
  }
  EXPECT_NE(html.find(">96.18%<"), html.npos);  // 731 / (731 + 29)
  EXPECT_NE(html.find(">98.25%<"), html.npos);  // 731 / (731 + 13)
  EXPECT_NE(html.find(">97.21%<"), html.npos);  // 2 * 731 / (760 + 744)
}

TEST(HtmlReport, ShowsFiguresWithTheirIntervals) {
  const auto html = html_report(small_report(3));
  EXPECT_NE(html.find("Macro F1</span><b>87.50%</b><span class=\"soft\">95% "
                      "interval<br>80.25 to 93.00%"),
            html.npos);
}

TEST(HtmlReport, IsWellFormedWithMistakes) {
  auto report = small_report(3);
  const Example example{.name = "a/<b>&\"c\".jpg",
                        .truth = "<cat>",
                        .predicted = "dog",
                        .probability = 0.987,
                        .picture = "png",
                        .heat = "heat"};
  report.mistakes = mistakes_html(
      {.confident_mistakes = {example, example},
       .doubtful_hits = {},
       .thresholds = {{.threshold = 0.9, .coverage = 12.5, .accuracy = 75},
                      {.threshold = 0.99, .coverage = 0, .accuracy = kNan}}},
      3);
  const auto html = html_report(report);
  EXPECT_TRUE(well_nested(html));
  EXPECT_EQ(occurrences(html, "src=\"data:image/png;base64,cG5n\""), 2);
  EXPECT_EQ(occurrences(html, "src=\"data:image/png;base64,aGVhdA==\""), 2);
  EXPECT_EQ(occurrences(html, "src="), 4);
  EXPECT_EQ(occurrences(html, "<cat>"), 0);
  EXPECT_EQ(html.find("http"), html.npos);
  EXPECT_NE(html.find("<b>&lt;cat&gt;</b> taken for <b>dog</b>, 98.70%"),
            html.npos);
  EXPECT_NE(html.find(">0.99</th><td>0.00%</td><td>–</td><td>–</td>"),
            html.npos);
}

// By the pointer and by the tab key, without a script.
TEST(HtmlReport, ShowsTheValuesOfAnEpochWhereItIsPointedAt) {
  const auto html = html_report(small_report(3));
  const auto figures = occurrences(html, "<figure");
  EXPECT_EQ(occurrences(html, "<g class=\"spot\""), 3 * figures);
  EXPECT_EQ(occurrences(html, "<g class=\"spot\" tabindex=\"0\""), 3 * figures);
  EXPECT_NE(html.find("aria-label=\"epoch 2, "), html.npos);
  EXPECT_EQ(occurrences(html, ">epoch 2</tspan>"), figures);
}

// Not each is a stop of the tab key, and not each has a strip of its own.
TEST(HtmlReport, OfManyEpochsEveryFewAreShown) {
  const auto html = html_report(small_report(300));
  const auto figures = occurrences(html, "<figure");
  EXPECT_EQ(occurrences(html, "<g class=\"spot\""), 100 * figures);
  EXPECT_LE(occurrences(html, "tabindex=\"0\" role=\"img\""), 16 * figures);
  EXPECT_LT(html.size(), 1'000'000u);
}

TEST(HtmlReport, ListsTheNetworkAndTheEnvironment) {
  auto report = small_report(3);
  report.about = {
      .layers = {{"conv1", "16x32x32", 432, 442368}, {"fc", "10", 650, 640}},
      .environment = {{"LibTorch", "2.13.0 <cpu>"}}};
  const auto html = html_report(report);
  EXPECT_TRUE(well_nested(html));
  EXPECT_NE(html.find("<th scope=\"row\">conv1</th><td>16x32x32</td>"
                      "<td>432</td><td>442,368</td>"),
            html.npos);
  EXPECT_NE(html.find("<th scope=\"row\">total</th><td></td><td>1,082</td>"
                      "<td>443,008</td>"),
            html.npos);
  EXPECT_NE(html.find("<td>2.13.0 &lt;cpu&gt;</td>"), html.npos);
}

TEST(HtmlReport, SaysWhoseConfusionsItShows) {
  auto report = small_report(3);
  EXPECT_NE(html_report(report).find("<h2>Confusion matrix</h2>"),
            std::string::npos);
  report.confusion_epoch = 2;
  report.best_epoch = 2;
  const auto best = html_report(report);
  EXPECT_NE(best.find("Confusion matrix of epoch 2, the best (best.skz)"),
            std::string::npos);
  EXPECT_NE(best.find("F1 by class of epoch 2, the best (best.skz)"),
            std::string::npos);
  report.confusion_epoch = 3;
  EXPECT_NE(html_report(report).find("of epoch 3, the last (last.skz)"),
            std::string::npos);
}

TEST(HtmlReport, OfSeveralLabelsHasATableInsteadOfConfusions) {
  auto report = small_report(3);
  report.confusion.clear();
  for (auto& row : report.rows) row.val_map = 87.654;
  report.labels = {{.average_precision = 0.9125,
                    .threshold = 0.4567,
                    .precision = 0.75,
                    .recall = 0.625,
                    .f1 = 0.6818,
                    .images = 80},
                   {}};
  report.confusion_epoch = 3;
  const auto html = html_report(report);
  EXPECT_TRUE(well_nested(html));
  for (const char* text :
       {"Labels by class of epoch 3, the best (best.skz)", ">91.25%<",
        ">0.457<", ">75.00%<", ">62.50%<", ">68.18%<", ">80<", "&lt;dog&gt;",
        "Best mAP", ">87.65%<", "Mean average precision (%)"}) {
    EXPECT_NE(html.find(text), html.npos) << text;
  }
  EXPECT_EQ(html.find("Confusion matrix"), html.npos);
  // No picture has the second label.
  EXPECT_EQ(occurrences(html, "<td>–</td>"), 4);
}

/// The heights of the points of the first curve drawn.
std::vector<double> heights(const std::string& html) {
  const auto at = html.find("points=\"") + 8;
  std::istringstream points(html.substr(at, html.find('"', at) - at));
  std::vector<double> heights;
  for (std::string point; points >> point;) {
    heights.push_back(std::stod(point.substr(point.find(',') + 1)));
  }
  return heights;
}

TEST(HtmlReport, AFirstLossOutOfScaleDoesNotFlattenTheRest) {
  for (const double first : {9.9, 1e6}) {
    auto report = small_report(12);  // From 2 and 3 down.
    report.rows[0].train_loss = first;
    const auto html = html_report(report);
    EXPECT_TRUE(well_nested(html));
    const auto y = heights(html);
    ASSERT_EQ(y.size(), 12u);
    EXPECT_LT(y[0], 10) << "leaves the picture, whose top is 10";
    EXPECT_GT(y[11] - y[1], 100) << "of 204";
    EXPECT_NE(
        html.find("outside the picture: train " +
                  std::string(first < 10 ? "9.9" : "1e+06") + " in epoch 1"),
        std::string::npos)
        << html.substr(html.find("<figure"), 600);
  }
  EXPECT_EQ(html_report(small_report(12)).find("outside the picture"),
            std::string::npos);
}

TEST(HtmlReport, ConfusionsMayBeRaggedOrUnnamed) {
  auto report = small_report(1);
  report.classes = {"cat"};
  report.confusion = {{1, 2, 0}, {}};
  const auto html = html_report(report);
  EXPECT_TRUE(well_nested(html));
  EXPECT_NE(html.find(">class 2<"), html.npos);
}

TEST(HtmlReport, ListsTheTwentyMostFrequentConfusionsOfManyClasses) {
  auto report = small_report(1);
  report.confusion.assign(101, std::vector<int64_t>(101, 0));
  for (size_t i = 0; i < 30; ++i) {
    report.confusion[i][i + 1] = 5000 + static_cast<int64_t>(i);
  }
  const auto html = html_report(report);
  EXPECT_EQ(html.find("<table class=\"map\">"), html.npos);
  EXPECT_EQ(html.find("<td>5009</td><td>100.00%</td>"), html.npos);
  EXPECT_NE(html.find("<td>5010</td><td>100.00%</td>"), html.npos);
  EXPECT_LT(html.find("<td>5029</td>"), html.find("<td>5028</td>"));
}

LrReport small_sweep(size_t steps) {
  LrReport report;
  report.title = "a<b>";
  report.network = "resnet";
  for (size_t i = 0; i < steps; ++i) {
    const auto x = static_cast<double>(i);
    report.points.push_back(
        {std::pow(10, -8 + x / 10), 2 - x / 100, 2 - x / 200});
  }
  report.config_yaml = "model: {family: resnet}";
  return report;
}

TEST(LrPage, HasACurveBetweenPowersOfTen) {
  for (const size_t steps : {1u, 2u, 81u}) {
    auto report = small_sweep(steps);
    if (steps > 50) report.suggested = 50;
    const auto html = lr_page(report);
    EXPECT_TRUE(well_nested(html)) << steps;
    EXPECT_EQ(occurrences(html, "<polyline"), 1);
    EXPECT_EQ(occurrences(html, "a&lt;b&gt;"), 2);
    EXPECT_EQ(occurrences(html, "<tr class=\"best\">"), steps > 50 ? 1 : 0);
    for (const auto* part : {"http", "<script", "src=", "url(", "nan", "inf"}) {
      EXPECT_EQ(html.find(part), html.npos) << part;
    }
    if (steps < 50) continue;
    for (const auto* tick : {"1e-08", "1e-06", "0.0001", "1"}) {
      EXPECT_NE(html.find(">" + std::string(tick) + "</text>"), html.npos)
          << tick;
    }
    EXPECT_NE(html.find("<b>0.001</b>"), html.npos);  // The suggestion.
    EXPECT_NE(html.find("<line class=\"best\" x1=\"273.8\""), html.npos);
  }
}

TEST(LrPage, ItsNumbersComeBackFromTheTable) {
  const double lr = 0.0036307805477010136;
  EXPECT_EQ(lr_csv({{1e-8, 2, 2}, {lr, 1.99, 1.995}}),
            "step,lr,loss,smoothed_loss\n1,1e-08,2,2\n"
            "2,0.0036307805477010136,1.99,1.995\n");
  EXPECT_EQ(rate_text(lr), "0.00363");
  EXPECT_EQ(rate_text(1e-8), "1e-08");
}

}  // namespace
}  // namespace skipzoo
