#include "tools/report/calibration.h"

#include <cmath>
#include <limits>

#include "tools/report/html.h"
#include "tools/report/plot.h"

namespace skipzoo {

namespace {

int64_t pictures_in(const std::vector<ConfidenceBin>& bins) {
  int64_t all = 0;
  for (const auto& bin : bins) all += bin.pictures;
  return all;
}

std::string words_of_bin(const ConfidenceBin& bin) {
  return cat({"confidence ", percent(100 * bin.confidence), "\naccuracy ",
              percent(100 * bin.accuracy), "\npictures ",
              std::to_string(bin.pictures)});
}

/// The same numbers, for who sees no drawing.
std::string bin_table(const std::vector<ConfidenceBin>& bins) {
  std::string body;
  for (const auto& bin : bins) {
    if (bin.pictures == 0) continue;
    body += cat({"<tr><th scope=\"row\">", percent(100 * bin.confidence),
                 "</th>", cell(percent(100 * bin.accuracy)),
                 cell(std::to_string(bin.pictures)), "</tr>\n"});
  }
  return folded(
      "Calibration by confidence", false,
      table("rows", "Calibration by confidence",
            header_cells({"Confidence", "Accuracy", "Pictures"}), body));
}

}  // namespace

double expected_calibration_error(const std::vector<ConfidenceBin>& bins) {
  const auto all = static_cast<double>(pictures_in(bins));
  if (all == 0) return std::numeric_limits<double>::quiet_NaN();
  double error = 0;
  for (const auto& bin : bins) {
    error += static_cast<double>(bin.pictures) / all *
             std::abs(bin.accuracy - bin.confidence);
  }
  return 100 * error;
}

std::string reliability_diagram(const std::vector<ConfidenceBin>& bins) {
  if (pictures_in(bins) == 0) return "";
  const Canvas canvas{{0, 1, 0.2}, {0, 1, 0.2}};
  std::string svg =
      canvas.axes("confidence", [](double value) { return number(value, 1); });
  svg += canvas.curve("train", {{0, 0}, {1, 1}});
  std::vector<Point> accuracy;
  for (const auto& bin : bins) {
    if (bin.pictures > 0) accuracy.push_back({bin.confidence, bin.accuracy});
  }
  svg += canvas.curve("val", accuracy);
  std::vector<Reading> readings;
  for (const auto& bin : bins) {
    if (bin.pictures == 0) continue;
    // A dot each: a bin between two empty ones is seen too.
    svg += canvas.curve("val", {{bin.confidence, bin.accuracy}});
    readings.push_back({bin.confidence, words_of_bin(bin)});
  }
  svg += canvas.readings(readings);
  const auto error = percent(expected_calibration_error(bins));
  const auto drawn = figure(
      "Calibration", legend("val", "accuracy") + legend("train", "calibrated"),
      cat({"<p>Expected calibration error ", error,
           ": under the diagonal the network is surer than it is "
           "right.</p>"}),
      cat({"Accuracy by confidence; expected calibration error ", error}), svg);
  return cat(
      {"<div class=\"grid plots\">\n", drawn, "</div>\n", bin_table(bins)});
}

}  // namespace skipzoo
