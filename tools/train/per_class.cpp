#include "tools/train/per_class.h"

#include <cmath>
#include <limits>

namespace skipzoo {

namespace {

double percent_of_class(double share, int64_t images) {
  return images == 0 ? std::numeric_limits<double>::quiet_NaN() : 100 * share;
}

}  // namespace

std::vector<double> recall_per_class(const Confusion& confusion) {
  std::vector<double> recalls;
  for (const auto& one : class_scores(confusion)) {
    recalls.push_back(percent_of_class(one.recall, one.images));
  }
  return recalls;
}

std::vector<double> average_precision_per_class(const Evaluation& evaluation) {
  if (std::isnan(evaluation.map)) return {};
  std::vector<double> precisions;
  for (const auto& one : evaluation.labels) {
    precisions.push_back(percent_of_class(one.average_precision, one.images));
  }
  return precisions;
}

}  // namespace skipzoo
