#include "tools/train/evaluate.h"

#include <stdexcept>

#include "models/classifier.h"
#include "models/engine.h"
#include "tools/error.h"
#include "tools/train/precision.h"

namespace skipzoo {

at::ScalarType type_of(Amp amp) {
  return amp == Amp::kBf16 ? at::kBFloat16 : at::kFloat;
}

Forward forward_of(Classifier& model, Amp amp) {
  const auto engine =
      std::make_shared<Engine>(model, model.kernels(), type_of(amp));
  return [engine, amp](const torch::Tensor& images) {
    const torch::NoGradGuard no_grad;
    const Autocast autocast(amp, images.device());
    return (*engine)(images);
  };
}

Evaluation evaluate(const Forward& forward, Loader& loader,
                    const Preprocessing& preprocess,
                    const std::function<bool()>& stop,
                    const std::shared_ptr<Collective>& collective) {
  const auto classes = static_cast<int64_t>(loader.dataset().classes().size());
  EvaluationSums sums(classes, preprocess.device);
  Judgements judgements(loader.dataset().size(), preprocess.device);
  auto epoch = loader.epoch(0);
  for (const Batch& batch : epoch) {
    if (batch.size() == 0) continue;  // Every picture was skipped.
    const auto labels = batch.targets.to(preprocess.device).labels();
    const auto logits = forward(preprocess(batch.images));
    sums.add(logits, labels);
    judgements.add(batch.indices, logits, labels);
    if (stop && stop()) break;
  }
  auto result = sums.result(*collective);
  result.pictures = judgements.result(*collective);
  result.skipped = loader.skipped();
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
      return macro_f1(evaluation.confusion);
  }
  throw std::logic_error("an eval_metric without a value");
}

bool is_better(EvalMetric metric, double a, double b) {
  return metric == EvalMetric::kLoss ? a < b : a > b;
}

}  // namespace skipzoo
