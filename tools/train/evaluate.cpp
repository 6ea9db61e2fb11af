#include "tools/train/evaluate.h"

#include <optional>
#include <stdexcept>

#include "models/classifier.h"
#include "models/engine.h"
#include "tools/data/prefetch.h"
#include "tools/error.h"
#include "tools/train/precision.h"

namespace skipzoo {

at::ScalarType type_of(Amp amp) {
  switch (amp) {
    case Amp::kBf16:
      return at::kBFloat16;
    case Amp::kFp16:
      return at::kHalf;
    case Amp::kOff:
      break;
  }
  return at::kFloat;
}

Forward forward_of(Classifier& model, Amp amp) {
  const auto parameters = model.parameters();
  const bool is_on_cpu = parameters.empty() || parameters[0].is_cpu();
  const auto engine = std::make_shared<Engine>(
      model, model.kernels(),
      amp == Amp::kFp16 && is_on_cpu ? at::kFloat : type_of(amp));
  return [engine, amp](const torch::Tensor& images) {
    const torch::NoGradGuard no_grad;
    const Autocast autocast(amp, images.device());
    return (*engine)(images);
  };
}

namespace {

/// What an evaluation sums up, batch by batch.
class Sums {
 public:
  Sums(const Dataset& dataset, torch::Device device, bool by_class)
      : device_(device),
        is_multi_label_(dataset.is_multi_label()),
        single_(std::ssize(dataset.classes()), device),
        multi_(device),
        judgements_(dataset.size(), device) {
    if (is_multi_label_ || by_class) table_.emplace(dataset);
  }

  void add(const torch::Tensor& logits, const Batch& batch) {
    const auto targets = batch.targets.to(device_);
    if (is_multi_label_) {
      multi_.add(logits, targets);
    } else {
      const auto labels = targets.labels();
      single_.add(logits, labels);
      judgements_.add(batch.indices, logits, labels);
    }
    if (!table_) return;
    const auto values = logits.to(torch::kFloat);
    table_->add(batch.indices,
                is_multi_label_ ? values.sigmoid() : values.softmax(1));
  }

  Evaluation result(Collective& collective) const {
    auto result = is_multi_label_ ? multi_.result(collective)
                                  : single_.result(collective);
    if (!is_multi_label_) result.judged = judgements_.result(collective);
    if (!table_) return result;
    result.pictures = table_->result(collective, device_);
    auto& probabilities = result.pictures.probabilities;
    const bool is_number = !probabilities.isnan().any().item<bool>();
    if (!is_number) probabilities = probabilities.nan_to_num(0);
    result.labels = label_scores(result.pictures);
    if (is_number) result.map = mean_average_precision(result.labels);
    return result;
  }

 private:
  torch::Device device_;
  bool is_multi_label_;
  EvaluationSums single_;
  MultiLabelSums multi_;
  Judgements judgements_;
  std::optional<ScoreTable> table_;
};

}  // namespace

Evaluation evaluate(const Forward& forward, Loader& loader,
                    const Preprocessing& preprocess,
                    const std::function<bool()>& stop,
                    const std::shared_ptr<Collective>& collective,
                    bool by_class) {
  const torch::NoGradGuard no_grad;
  Sums sums(loader.dataset(), preprocess.device, by_class);
  auto epoch = loader.epoch(0);
  Prefetch batches(epoch, preprocess.device);
  for (const Batch& batch : batches) {
    if (batch.size() == 0) continue;  // Every picture was skipped.
    sums.add(forward(preprocess(batch.images)), batch);
    if (stop && stop()) break;
  }
  auto result = sums.result(*collective);
  auto skipped =
      at::full({}, loader.skipped(),
               at::TensorOptions(preprocess.device).dtype(at::kLong));
  collective->sum(skipped);
  result.skipped = skipped.item<int64_t>();
  if (result.images == 0 && !(stop && stop())) {
    throw TrainingError("no picture to evaluate on could be read");
  }
  return result;
}

double value_of(EvalMetric metric, const Evaluation& evaluation) {
  switch (metric) {
    case EvalMetric::kTop1:
      return evaluation.top1;
    case EvalMetric::kLoss:
      return evaluation.loss;
    case EvalMetric::kBalancedAccuracy:
      return balanced_accuracy(evaluation.confusion);
    case EvalMetric::kMacroF1:
      return evaluation.has_several_labels() ? mean_f1(evaluation.labels)
                                             : macro_f1(evaluation.confusion);
    case EvalMetric::kMap:
      return evaluation.map;
  }
  throw std::logic_error("an eval_metric without a value");
}

bool is_better(EvalMetric metric, double a, double b) {
  return metric == EvalMetric::kLoss ? a < b : a > b;
}

}  // namespace skipzoo
