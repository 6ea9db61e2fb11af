#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tools/report/calibration.h"

namespace skipzoo {

/// A picture, and what a network made of it. Text need not be escaped.
struct Example {
  std::string name;
  std::string truth;       ///< Its class.
  std::string predicted;   ///< The likeliest class.
  double probability = 0;  ///< Of that.
  std::string picture;     ///< A PNG, at most kMostPixelsOfExample a side.
  /// A PNG of where the predicted class was seen, to be laid over the picture,
  /// mostly much smaller than it; empty: unknown.
  std::string heat;
};
/// Of 24 such pictures even noise leaves a page below 2 MB.
constexpr int64_t kMostPixelsOfExample = 128;

/// Of the pictures whose likeliest class has at least this probability: how
/// many there are, and how many of them are right. In percent.
struct AtThreshold {
  double threshold = 0;  ///< Not in percent.
  double coverage = 0;
  double accuracy = 0;         ///< nan where there is no picture.
  double low = 0, high = 100;  ///< Its 95 % confidence interval.
};

/// What a page shows of the pictures that a network was validated on.
struct Mistakes {
  std::vector<Example> confident_mistakes;  ///< The most confident first.
  std::vector<Example> doubtful_hits;       ///< The least confident first.
  std::vector<AtThreshold> thresholds;      ///< Empty leaves all of it out.
  std::vector<ConfidenceBin> confidence = {};
};

/// That as HTML without a script; "" for nothing. whose: HTML that is added to
/// its titles.
std::string mistakes_cards(const Mistakes& mistakes, std::string_view whose);

/// The same between two marks: what was found after an epoch, the best so far.
std::string mistakes_html(const Mistakes& mistakes, int64_t epoch);

/// What mistakes_html() made for this epoch, out of a page that holds it; ""
/// where it is not there.
std::string mistakes_in(std::string_view page, int64_t epoch);

}  // namespace skipzoo
