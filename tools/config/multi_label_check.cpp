#include "tools/config/multi_label_check.h"

#include "tools/data/csv_dataset.h"
#include "tools/error.h"

namespace skipzoo {

std::vector<MultiLabelProblem> multi_label_problems(const RunConfig& config) {
  std::vector<MultiLabelProblem> found;
  const auto& [model, data, train, fine_tune, study] = config;
  if (!data.has_several_labels()) return found;
  if (train.loss != Loss::kBce) {
    found.push_back({"train", "loss",
                     "must be bce where pictures have several labels, got " +
                         std::string(name_of(train.loss))});
  }
  if (train.eval_metric == EvalMetric::kBalancedAccuracy) {
    found.push_back({"train", "eval_metric",
                     "balanced_accuracy is of one label a picture; of several "
                     "there are map, macro_f1, loss and top1"});
  }
  if (train.distill.enabled()) {
    found.push_back({"train", "distill",
                     "a teacher's softmax is of one label a picture; leave it "
                     "out where they have several"});
  }
  if (data.sampler == Sampler::kBalanced) {
    found.push_back({"data", "sampler",
                     "balanced is of one label a picture; where they have "
                     "several, train.class_weights: balanced weighs what is "
                     "rare"});
  }
  return found;
}

void check_multi_label(const RunConfig& config) {
  std::vector<std::string> lines;
  for (const auto& [section, key, text] : multi_label_problems(config)) {
    lines.push_back(section + "." + key + ": " + text);
  }
  if (lines.empty()) return;
  const auto place = place_of_several_labels(config.data);
  if (!place.empty()) {
    lines.push_back(config.data.csv.string() + ": " + place +
                    " names several labels; where '|' is a part of a name, "
                    "set data.multi_label: false");
  }
  throw ConfigError(lines);
}

}  // namespace skipzoo
