#include "tools/train/trainer.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "models/classifier.h"
#include "models/make_model.h"
#include "tools/error.h"
#include "tools/log.h"
#include "tools/train/schedule.h"

namespace skipzoo {

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
      .count();
}

/// Puts the model in place before the optimizer takes hold of its tensors.
Classifier& placed(Classifier& model, const Inputs& inputs) {
  place(model, inputs.device, inputs.channels_last);
  return model;
}

}  // namespace

Trainer::Trainer(std::shared_ptr<Classifier> model, const TrainOptions& options,
                 const FineTuneOptions& fine_tune, Loader train,
                 Loader validation, Inputs inputs, Identity identity,
                 RunFolder folder, TrainerHooks hooks)
    : model_(std::move(model)),
      options_(options),
      train_(std::move(train)),
      validation_(std::move(validation)),
      inputs_(std::move(inputs)),
      hooks_(std::move(hooks)),
      recorder_(std::move(folder), std::move(identity), options_.eval_metric,
                count_parameters(*model_), hooks_.on_save),
      freezing_(fine_tune, *model_),
      optimizer_(options.optimizer, placed(*model_, inputs_),
                 lr_scales(fine_tune, *model_)),
      step_(*model_, optimizer_, options_),
      metrics_(inputs_.device) {}

void Trainer::restore(const Checkpoint& checkpoint,
                      const std::filesystem::path& path) {
  load_weights(*model_, checkpoint.weights, path);
  try {
    optimizer_.load_state(checkpoint.optimizer);
  } catch (const std::runtime_error& error) {
    throw FileError(path, error.what());
  }
  if (checkpoint.position.batch > train_.batches()) {
    throw FileError(path, "stands at batch " +
                              std::to_string(checkpoint.position.batch) +
                              " of an epoch that now has " +
                              std::to_string(train_.batches()) +
                              "; are the data or data.batch_size others?");
  }
  if (checkpoint.metrics.sizes() != metrics_.state().sizes()) {
    throw FileError(path, "has other sums than those of an epoch");
  }
  metrics_.load_state(checkpoint.metrics);
  set_random_state(checkpoint.random, inputs_.device);
  position_ = checkpoint.position;
  Checkpoint now = state();
  now.best = checkpoint.best;
  now.best_confusion = checkpoint.best_confusion;
  recorder_.go_on_from(path, now);
}

TrainSummary Trainer::run() {
  while (position_.epoch < options_.epochs) {
    const EpochMetrics train = train_one_epoch();
    Evaluation validation;
    if (!should_stop()) {
      validation = evaluate(*model_, validation_, inputs_,
                            [this] { return should_stop(); });
    }
    if (should_stop()) {
      recorder_.save(state());
      summary_.stopped = true;
      break;
    }
    finish_epoch(train, validation);
  }
  summary_.best = recorder_.best();
  return summary_;
}

void Trainer::freeze_for_epoch() {
  freezing_.apply(*model_, position_.epoch);
  for (const auto& pattern : freezing_.thawed_at(position_.epoch)) {
    spdlog::info("{} trains from epoch {} on", pattern, position_.epoch + 1);
  }
}

EpochMetrics Trainer::train_one_epoch() {
  freeze_for_epoch();
  epoch_start_ = Clock::now();
  images_ = 0;
  auto epoch = train_.epoch(position_.epoch, position_.batch);
  auto waiting = Clock::now();
  for (const Batch& batch : epoch) {
    const double data_seconds = seconds_since(waiting);
    lr_ = lr_of(position_.batch);
    // Skipped pictures can leave a batch on which BatchNorm has no variance.
    const int64_t images = batch.labels.size(0);
    if (images > 1) train_step(batch);
    ++position_.batch;
    ++position_.step;
    after_step(data_seconds, images);
    if (should_stop()) break;
    waiting = Clock::now();
  }
  train_seconds_ = seconds_since(epoch_start_);
  check_finite();
  const EpochMetrics mean = metrics_.mean();
  if (mean.images == 0 && !should_stop()) {
    throw TrainingError("no training picture could be read");
  }
  return mean;
}

void Trainer::train_step(const Batch& batch) {
  const auto labels = batch.labels.to(inputs_.device, /*non_blocking=*/true);
  const auto result = step_(inputs_(batch.images), labels, lr_);
  // Summed on the device: reading a value here would stall a GPU.
  last_loss_ = result.loss;
  metrics_.add(last_loss_, result.logits, labels, position_.step + 1);
}

void Trainer::after_step(double data_seconds, int64_t images) {
  images_ += images;
  const int64_t done = position_.batch;
  const bool log = (done - 1) % options_.log_interval == 0;
  // On the CPU a look is free; on a GPU it waits, so it comes with the log
  // line.
  if (inputs_.device.is_cpu()) check_finite();
  if (log) log_step(data_seconds);
  if (hooks_.on_step) {
    // As with the check above: free on the CPU, a wait on a GPU.
    if (inputs_.device.is_cpu()) read_metrics();
    report_.epoch = position_.epoch + 1;
    report_.epochs = options_.epochs;
    report_.batch = done;
    report_.batches = train_.batches();
    report_.images_per_s =
        static_cast<double>(images_) / seconds_since(epoch_start_);
    hooks_.on_step(report_);
  }
  const int64_t interval = options_.checkpoint_interval;
  const bool is_time =
      interval > 0 && position_.step % interval == 0 && done < train_.batches();
  if (is_time || (hooks_.save_requested && hooks_.save_requested())) {
    check_finite();
    recorder_.save(state());
  }
}

void Trainer::read_metrics() {
  const EpochMetrics mean = metrics_.mean();
  report_.loss = mean.loss;
  report_.top1 = mean.top1;
}

void Trainer::log_step(double data_seconds) {
  check_finite();
  read_metrics();
  const int64_t done = position_.batch;
  const int64_t batches = train_.batches();
  step_log()->info(
      "Train: {} [{:>4}/{} ({:3.0f}%)]  Loss: {:.4f} ({:.4f})  Acc@1: {:.2f}  "
      "{:.0f} img/s  LR: {:.3e}  Data: {:.3f} s",
      position_.epoch + 1, done, batches,
      100.0 * static_cast<double>(done) / static_cast<double>(batches),
      last_loss_.defined() ? last_loss_.item<double>() : 0, report_.loss,
      report_.top1, static_cast<double>(images_) / seconds_since(epoch_start_),
      lr_, data_seconds);
}

void Trainer::check_finite() const {
  const int64_t bad = metrics_.first_bad_step();
  if (bad < 0) return;
  const auto last = recorder_.last();
  throw TrainingError("loss is not finite at epoch " +
                      std::to_string(position_.epoch + 1) + ", step " +
                      std::to_string(bad) + " (lr " + c10::str(lr_) +
                      "); last checkpoint: " +
                      (std::filesystem::exists(last) ? last.string() : "none") +
                      "; a lower train.optimizer.lr or a warm-up may help");
}

void Trainer::finish_epoch(const EpochMetrics& train,
                           const Evaluation& validation) {
  const double last_lr = lr_of(train_.batches() - 1);
  ++position_.epoch;
  position_.batch = 0;
  metrics_.reset();
  summary_.last = validation;
  summary_.skipped = train_.skipped() + validation_.skipped();
  recorder_.finish_epoch(
      {.epoch = position_.epoch,
       .lr = last_lr,
       .train_loss = train.loss,
       .train_top1 = train.top1,
       .val_loss = validation.loss,
       .val_top1 = validation.top1,
       .val_top5 = validation.top5,
       .images_per_s = static_cast<double>(images_) / train_seconds_,
       .seconds = seconds_since(epoch_start_)},
      validation, state());
}

double Trainer::lr_of(int64_t batch) const {
  const auto batches = static_cast<double>(train_.batches());
  const double progress = static_cast<double>(position_.epoch) +
                          static_cast<double>(batch) / batches;
  return learning_rate(options_.schedule, options_.optimizer.lr, progress,
                       1 / batches, options_.epochs);
}

Checkpoint Trainer::state() const {
  return {.identity = {},
          .weights = state_dict(*model_),
          .optimizer = optimizer_.state(),
          .random = random_state(inputs_.device),
          .metrics = metrics_.state(),
          .position = position_,
          .best = {},
          .best_confusion = {}};
}

}  // namespace skipzoo
