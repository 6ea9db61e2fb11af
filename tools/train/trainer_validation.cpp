// Between two epochs: validation, and what is made of it.

#include <spdlog/spdlog.h>

#include <limits>
#include <utility>

#include "models/classifier.h"
#include "tools/error.h"
#include "tools/train/examples.h"
#include "tools/train/per_class.h"
#include "tools/train/trainer.h"

namespace skipzoo {

Validation Trainer::validate() {
  Validation found{.own = evaluate_now()};
  if (callbacks_.averages()) {
    const Callbacks::Validation by_average(callbacks_);
    found.averaged = evaluate_now();
  }
  return found;
}

Evaluation Trainer::evaluate_now() {
  share_statistics();
  // Each process asks for itself: one may have a batch more than others.
  return evaluate(forward_of(*parts_.model, parts_.options.amp),
                  parts_.validation, parts_.preprocess,
                  parts_.hooks.stop_requested, parts_.collective,
                  parts_.options.eval_metric == EvalMetric::kMap);
}

Mistakes Trainer::mistakes_of(const Validation& validation) {
  if (!recorder_.shows(validation)) return {};
  const auto metric = parts_.options.eval_metric;
  const auto look = [&] {
    return look_at_mistakes(parts_.model.get(), parts_.validation,
                            parts_.preprocess,
                            validation.better(metric).judged);
  };
  if (!validation.by_average(metric)) return look();
  const Callbacks::Validation by_average(callbacks_);
  return look();
}

void Trainer::finish_epoch(const EpochMetrics& train, Validation validation) {
  validation.mistakes = mistakes_of(validation);
  const double last_lr = lr_of(batches_of_epoch() - 1);
  ++state_.position.epoch;
  state_.position.batch = state_.position.pictures = 0;
  metrics_.reset();
  const auto metric = parts_.options.eval_metric;
  plateau_.after_epoch(state_.position.epoch,
                       value_of(metric, validation.better(metric)));
  const auto& own = validation.own;
  const double none = std::numeric_limits<double>::quiet_NaN();
  const bool several = own.has_several_labels();
  summary_.last = validation.averaged.value_or(own);
  auto skipped =
      at::full({}, parts_.train.skipped() + parts_.validation.skipped(),
               at::TensorOptions(parts_.preprocess.device).dtype(at::kLong));
  parts_.collective->sum(skipped);
  summary_.skipped = skipped.item<int64_t>();
  recorder_.finish_epoch(
      {.epoch = state_.position.epoch,
       .lr = last_lr,
       .train_loss = train.loss,
       .train_top1 = train.top1,
       .val_loss = own.loss,
       .val_top1 = own.top1,
       .val_top5 = own.top5,
       .images_per_s = static_cast<double>(images_) / times_.training,
       .seconds = epoch_time_.seconds(),
       .val_loss_ema = validation.averaged ? validation.averaged->loss : none,
       .val_top1_ema = validation.averaged ? validation.averaged->top1 : none,
       .data_time = times_.waiting,
       .val_balanced_accuracy =
           several ? none : balanced_accuracy(own.confusion),
       .val_macro_f1 = value_of(EvalMetric::kMacroF1, own),
       .val_map = own.map,
       .eval_metric = value_of(metric, validation.better(metric)),
       .val_recall_per_class = recall_per_class(own.confusion),
       .val_average_precision_per_class = average_precision_per_class(own)},
      validation, state_,
      epoch_remark(times_, new_size(state_.position.epoch - 1)));
}

}  // namespace skipzoo
