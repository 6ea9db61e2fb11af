#include "tools/report/evaluation_report.h"

#include <gtest/gtest.h>

#include "tests/support/expect_words.h"

namespace skipzoo {
namespace {

EvaluationReport small_evaluation() {
  EvaluationReport report{.found = {}, .split = "<test>"};
  report.found.title = "a<b>: test";
  report.found.network = "42 parameters";
  report.found.classes = {"cat", "<dog>"};
  report.found.confusion = {{731, 13}, {29, 617}};
  report.found.figures = {{"Macro F1", 87.5, 80.25, 93}};
  report.found.config_yaml = "model: {}  # <&>";
  report.loss = 0.123456;
  report.top1 = 96.97;
  report.top5 = 100;
  report.calibration_error = 1.25;
  report.images = 1390;
  report.skipped = 2;
  return report;
}

TEST(EvaluationPage, ShowsFiguresConfusionsAndClasses) {
  const auto html = evaluation_page(small_evaluation());
  expect_words(html,
               "Macro F1</span><b>87.50%</b><span class=\"soft\">95% "
               "interval<br>80.25 to 93.00%");
  expect_words(html, "<b>0.1235</b>");
  expect_words(html, "Calibration error</span><b>1.25%</b>");
  expect_words(
      html,
      "<p>42 parameters, measured on &lt;test&gt;: 1390 images, 2 more "
      "could not be read</p>");
  for (const char* count : {">731<", ">13<", ">29<", ">617<"}) {
    expect_words(html, count);
  }
  // Of the cats: 731 / 760, 731 / 744, and 2 * 731 / (760 + 744).
  expect_words(html, ">96.18%</td>");
  expect_words(html, ">98.25%</td>");
  expect_words(html, ">97.21%</td>");
  EXPECT_EQ(html.find("<dog>"), html.npos);
  EXPECT_EQ(html.find("a<b>"), html.npos);
  for (const char* part : {"http", "<script", "url(", "@import", "epoch"}) {
    EXPECT_EQ(html.find(part), html.npos) << part;
  }
}

TEST(EvaluationPage, NamesTop5WhereItTellsSomething) {
  auto report = small_evaluation();
  EXPECT_EQ(evaluation_page(report).find("Top-5"), std::string::npos);
  report.found.confusion.assign(6, std::vector<int64_t>(6, 1));
  report.top5 = 83.5;
  expect_words(evaluation_page(report), "Top-5</span><b>83.50%</b>");
}

TEST(EvaluationPage, OfSeveralLabelsSaysWhoseThresholdsTheseAre) {
  EvaluationReport report{.found = {}, .split = "val"};
  report.found.classes = {"bar", "blue"};
  report.found.labels = {{.average_precision = 0.9125, .images = 80}, {}};
  const auto best = evaluation_page(report);
  expect_words(best, ">91.25%<");
  expect_words(best, "for each class the one where F1 is highest");
  expect_words(best, "Ranked first");
  EXPECT_EQ(best.find("Calibration error"), best.npos);
  EXPECT_EQ(best.find("Confusion matrix"), best.npos);
  report.found.are_thresholds_of_network = true;
  expect_words(evaluation_page(report),
               "for each class that of the network, from its validation");
}

TEST(Page, NamesItsTablesAndItsLanguage) {
  const auto html = evaluation_page(small_evaluation());
  expect_words(html, "<html lang=\"en\">");
  expect_words(html, "<caption>Confusion matrix</caption>");
  expect_words(html, "<caption>Precision, recall and F1 by class</caption>");
}

}  // namespace
}  // namespace skipzoo
