// The course of each class on a run's page, and what metrics.jsonl has of it.

#include "tools/report/class_curves.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/support/expect_words.h"
#include "tests/support/temporary_folder.h"
#include "tools/report/line_names.h"

namespace skipzoo {
namespace {

constexpr double kNoValue = std::numeric_limits<double>::quiet_NaN();

int count_of(std::string_view text, std::string_view part) {
  int count = 0;
  for (auto at = text.find(part); at != text.npos;
       at = text.find(part, at + part.size())) {
    ++count;
  }
  return count;
}

/// Lines and pieces to their names, but not those of the key.
int lines_drawn(const std::string& html) {
  return count_of(html, "<polyline") - count_of(html, "points=\"1,4 39,4\"");
}

/// Rows of these recalls, an epoch each.
RunReport report_of(const std::vector<std::vector<double>>& recalls) {
  RunReport report;
  for (const auto& one : recalls) {
    EpochRow row{.epoch = std::ssize(report.rows) + 1};
    row.val_recall_per_class = one;
    report.rows.push_back(std::move(row));
  }
  report.classes = {"cat", "<dog>", "bird"};
  return report;
}

/// Of 1000 classes in two epochs; class c ends at c / 10 percent.
RunReport report_of_many() {
  std::vector<double> last;
  for (int c = 0; c < 1000; ++c) last.push_back(c / 10.);
  auto report = report_of({std::vector<double>(1000, 0.5), last});
  report.classes.clear();
  return report;
}

TEST(ClassCurves, HaveALineAndAValueOfEachClass) {
  const auto html = class_curves(report_of({{50, 25, 62.5}, {75, 100, 62.5}}));
  expect_words(html,
               "aria-label=\"Recall by class (%) by epoch, cat from 50 to 75, "
               "&lt;dog&gt; from 25 to 100, bird from 62.5 to 62.5\"");
  EXPECT_EQ(lines_drawn(html), 6);
  expect_words(html,
               "aria-label=\"epoch 1, cat 50, &lt;dog&gt; 25, bird 62.5\"");
  // At the end of its line, and in the table: last, first, best and its epoch.
  EXPECT_EQ(count_of(html, "<text class=\"end-name\""), 3);
  expect_words(html, ">bird</text>");
  expect_words(html,
               "</svg>bird</span></th><td>62.50%</td><td>62.50%</td>"
               "<td>62.50%</td><td>1</td>");
  expect_words(html,
               "</svg>&lt;dog&gt;</span></th><td>100.00%</td><td>25.00%</td>"
               "<td>100.00%</td><td>2</td>");
  EXPECT_LT(html.find("</svg>bird<"), html.find("</svg>cat<"));
  for (const char* style : {"k0", "k1", "k2"}) {
    expect_words(html, "polyline." + std::string(style) + "{stroke:var(--");
    EXPECT_EQ(count_of(html, "<polyline class=\"" + std::string(style) + "\""),
              3);
  }
}

TEST(ClassCurves, AreOnThePageOfARun) {
  auto report = report_of({{50, 25, 62.5}, {75, 100, 62.5}});
  expect_words(html_report(report), "<h2>Recall by class (%)</h2>");
  for (auto& row : report.rows) {
    std::swap(row.val_recall_per_class, row.val_average_precision_per_class);
  }
  const auto page = html_report(report);
  expect_words(page, "<h2>Average precision by class (%)</h2>");
  EXPECT_EQ(page.find("Recall by class"), page.npos);
  // A run of before.
  EXPECT_EQ(class_curves(report_of({{}, {}})), "");
  EXPECT_EQ(html_report(report_of({{}, {}})).find("by class (%)"), page.npos);
  EXPECT_EQ(class_curves(report_of({{kNoValue, kNoValue}})), "");
}

TEST(ClassCurves, OfManyClassesShowTheEndsAndABandOfTheRest) {
  const auto report = report_of_many();
  const auto html = class_curves(report);
  EXPECT_EQ(lines_drawn(html), 20);
  for (const char* name : {"class 0", "class 4", "class 995", "class 999"}) {
    expect_words(html, ">" + std::string(name) + "</text>");
  }
  EXPECT_EQ(html.find(">class 5</text>"), html.npos);
  EXPECT_EQ(html.find(">class 994</text>"), html.npos);
  EXPECT_EQ(count_of(html, "<polygon class=\"band\""), 1);
  expect_words(html, "others 0.5 to 99.4\"");
  expect_words(html, "Of 1000 classes the five lowest and the five highest");
  expect_words(html, "the other 990 classes</span>");
  expect_words(html, "the other 990 classes</th><td>0.50 to 99.40%</td>");
  EXPECT_LT(html.size(), 20'000u);
}

TEST(ClassCurves, LeaveAGapWhereAnEpochHasNone) {
  const auto html = class_curves(
      report_of({{50, 50}, {60, 50}, {}, {70, 50}, {80, 50, 90, 10}}));
  // Two parts of each of the first two; the others are of the last epoch only.
  EXPECT_EQ(lines_drawn(html), 2 * 2 + 2 + 4);
  expect_words(html, ">class 3</text>");
}

TEST(ClassCurves, SayWhichClassesHaveNoPicture) {
  const auto html =
      class_curves(report_of({{50, kNoValue, 80}, {60, kNoValue, 80}}));
  expect_words(html, "Classes without a picture to validate on: 1.");
  EXPECT_EQ(lines_drawn(html), 4);
  EXPECT_EQ(html.find("dog"), html.npos);
}

TEST(LineNames, AreApartAndInThePicture) {
  std::vector<LineEnd> ends;
  for (int i = 0; i < 10; ++i) {
    ends.push_back(
        {.name = "n", .style = "k0", .x = 300, .y = i < 5 ? 12. : 214.});
  }
  const auto svg = line_names(ends, 320);
  std::vector<double> heights;
  EXPECT_GT(room_for_names({"n", "a long name"}), room_for_names({"n"}) + 60);
  EXPECT_EQ(room_for_names({"elevenlette"}), room_for_names({"a longer name"}));
  for (auto at = svg.find("\" y=\""); at != svg.npos;
       at = svg.find("\" y=\"", at + 1)) {
    heights.push_back(std::stod(svg.substr(at + 5)));
  }
  ASSERT_EQ(heights.size(), 10u);
  for (size_t i = 1; i < heights.size(); ++i) {
    EXPECT_GE(heights[i] - heights[i - 1], 12.9);
  }
  EXPECT_GE(heights.front(), 10);
  EXPECT_LE(heights.back(), 220);
}

TEST(LineNames, LongOnesAreCutBetweenLetters) {
  EXPECT_EQ(shortened("golden retriever", 6), "golde…");
  EXPECT_EQ(shortened("golden", 6), "golden");
  EXPECT_EQ(shortened("Bärenhöhle", 3), "Bä…");
  EXPECT_EQ(shortened("", 3), "");
}

TEST(ClassHistory, IsAListOfTheEpochsLine) {
  EpochRow row{.epoch = 3};
  EXPECT_EQ(json_line(row).find("per_class"), std::string::npos);
  row.val_recall_per_class = {100, kNoValue, 33.25};
  expect_words(json_line(row),
               R"(,"val_recall_per_class":[100.0,null,33.25]})");
  EXPECT_EQ(csv_line(row), csv_line({.epoch = 3}));
}

TEST(ClassHistory, ComesBackFromTheFile) {
  TemporaryFolder folder;
  std::vector<EpochRow> rows(5);
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i].epoch = static_cast<int64_t>(i) + 1;
  }
  EpochRow second{.epoch = 2};
  second.val_recall_per_class = {100. / 3, kNoValue};
  second.val_average_precision_per_class = {0.1 + 0.2};
  const auto file = folder.write(
      "metrics.jsonl", json_line({.epoch = 1}) + "\n" + json_line(second) +
                           "\n" + "[1]\nno json\n{\"epoch\":\"3\"}\n" +
                           R"({"epoch":3,"val_recall_per_class":["a",2]})" +
                           "\n" + R"({"epoch":9,"val_recall_per_class":[1]})" +
                           "\n" + R"({"epoch":4,"val_recall_per_class":[1,)");
  read_class_series(file, rows);
  EXPECT_TRUE(rows[0].val_recall_per_class.empty());
  // What is written again is the same to the byte.
  EXPECT_EQ(json_line(rows[1]).substr(json_line(rows[1]).find("\"val_recall")),
            json_line(second).substr(json_line(second).find("\"val_recall")));
  EXPECT_EQ(rows[1].val_average_precision_per_class.at(0), 0.1 + 0.2);
  EXPECT_TRUE(std::isnan(rows[1].val_recall_per_class.at(1)));
  for (const size_t i : {2u, 3u, 4u}) {
    EXPECT_TRUE(rows[i].val_recall_per_class.empty()) << i;
  }
  read_class_series(folder / "none.jsonl", rows);
}

}  // namespace
}  // namespace skipzoo
