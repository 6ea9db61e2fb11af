#pragma once

#include <iosfwd>
#include <string>

#include "tools/run/predictor.h"

namespace skipzoo {

/// How `skipzoo predict` writes its answers; kJson: a line each picture.
enum class PredictionFormat { kText, kCsv, kJson };

struct PredictionLayout {
  PredictionFormat format = PredictionFormat::kText;
  /// Whether the network finds several labels in a picture. Of these text names
  /// those that are found, CSV and JSON all with their thresholds.
  bool finds_several = false;
  bool explains = false;  ///< With the file of a heat map each picture.
};

void print_header(std::ostream& out, const PredictionLayout& layout);
/// picture: its name. explanation: the file of its heat map.
void print(std::ostream& out, const PredictionLayout& layout,
           const std::string& picture, const Predictions& predictions,
           const std::string& explanation);

}  // namespace skipzoo
