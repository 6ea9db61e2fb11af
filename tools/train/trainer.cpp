#include "tools/train/trainer.h"

#include <spdlog/spdlog.h>

#include <cmath>
#include <utility>

#include "models/zoo.h"
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
      identity_(std::move(identity)),
      folder_(std::move(folder)),
      hooks_(std::move(hooks)),
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
    if (checkpoint.best_confusion.defined()) {
      best_confusion_ =
          unpacked(checkpoint.best_confusion, std::ssize(identity_.classes));
    }
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
  summary_.best = checkpoint.best;
  // Until here nothing is changed. From an older checkpoint, a run that is
  // killed at once is to go on from there too.
  folder_.lock();
  settle_best();
  if (!std::filesystem::exists(folder_.last()) ||
      !std::filesystem::equivalent(path, folder_.last()) ||
      summary_.best.epoch != checkpoint.best.epoch) {
    save(folder_.last());
  } else if (hooks_.on_save) {
    hooks_.on_save(path, position_);
  }
  folder_.cut_back(position_.epoch);
}

void Trainer::settle_best() {
  const int64_t epoch = summary_.best.epoch;
  const auto is_at = read_position(folder_.best());
  if (is_at && is_at->epoch == epoch) return;
  const auto aside = folder_.set_best_aside();
  if (!aside.empty()) {
    spdlog::warn("{} is of an epoch that is cut off: it is {} now",
                 folder_.best().string(), aside.string());
  }
  if (epoch == 0) return;
  if (position_.epoch == epoch && position_.batch == 0) {
    return save(folder_.best());  // It is the best itself.
  }
  spdlog::warn(
      "{} of the best epoch so far, {}, is there no longer: the best is sought "
      "from here on",
      folder_.best().filename().string(), epoch);
  summary_.best = {};
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
      save(folder_.last());
      summary_.stopped = true;
      break;
    }
    finish_epoch(train, validation);
  }
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
  const bool is_time = interval > 0 && position_.step % interval == 0 &&
                       done < train_.batches();
  if (is_time || (hooks_.save_requested && hooks_.save_requested())) {
    check_finite();
    save(folder_.last());
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
  const auto last = folder_.last();
  throw TrainingError("loss is not finite at epoch " +
                      std::to_string(position_.epoch + 1) + ", step " +
                      std::to_string(bad) + " (lr " + c10::str(lr_) +
                      "); last checkpoint: " +
                      (std::filesystem::exists(last) ? last.string() : "none") +
                      "; a lower train.optimizer.lr or a warm-up may help");
}

bool Trainer::note_if_best(const Evaluation& validation) {
  const bool by_loss = options_.eval_metric == EvalMetric::kLoss;
  const double value = by_loss ? validation.loss : validation.top1;
  Best& best = summary_.best;
  // Before its statistics settle, a deep network may overflow in evaluation.
  if (!std::isfinite(value)) return false;
  const bool improved =
      best.epoch == 0 || (by_loss ? value < best.value : value > best.value);
  if (improved) {
    best = {.epoch = position_.epoch, .value = value};
    best_confusion_ = validation.confusion;
  }
  return improved;
}

void Trainer::finish_epoch(const EpochMetrics& train,
                           const Evaluation& validation) {
  const double last_lr = lr_of(train_.batches() - 1);
  ++position_.epoch;
  position_.batch = 0;
  metrics_.reset();
  summary_.last = validation;

  summary_.skipped = train_.skipped() + validation_.skipped();
  const bool improved = note_if_best(validation);

  const EpochRow row = {
      .epoch = position_.epoch,
      .lr = last_lr,
      .train_loss = train.loss,
      .train_top1 = train.top1,
      .val_loss = validation.loss,
      .val_top1 = validation.top1,
      .val_top5 = validation.top5,
      .images_per_s = static_cast<double>(images_) / train_seconds_,
      .seconds = seconds_since(epoch_start_)};
  spdlog::info(
      "Val:   {}  Loss: {:.4f}  Acc@1: {:.2f}  Acc@5: {:.2f}  (train loss "
      "{:.4f}, {:.1f} s){}",
      row.epoch, row.val_loss, row.val_top1, row.val_top5, row.train_loss,
      row.seconds, improved ? "  *" : "");
  folder_.append(row);
  write_report(validation);
  // The best first: a crash between the two repeats the epoch, and writes it
  // again.
  if (improved) save(folder_.best());
  save(folder_.last());
}

void Trainer::write_report(const Evaluation& validation) const {
  const bool knows_best = !best_confusion_.empty();
  folder_.write_report(
      {.title = folder_.path().filename().string(),
       .network = std::to_string(count_parameters(*model_)) + " parameters",
       .rows = {},
       .classes = identity_.classes,
       .confusion = knows_best ? best_confusion_ : validation.confusion,
       .confusion_epoch = knows_best ? summary_.best.epoch : position_.epoch,
       .best_epoch = summary_.best.epoch,
       .config_yaml = identity_.config});
}

double Trainer::lr_of(int64_t batch) const {
  const auto batches = static_cast<double>(train_.batches());
  const double progress = static_cast<double>(position_.epoch) +
                          static_cast<double>(batch) / batches;
  return learning_rate(options_.schedule, options_.optimizer.lr, progress,
                       1 / batches, options_.epochs);
}

void Trainer::save(const std::filesystem::path& path) const {
  save_checkpoint(path, {.identity = identity_,
                         .weights = state_dict(*model_),
                         .optimizer = optimizer_.state(),
                         .random = random_state(inputs_.device),
                         .metrics = metrics_.state(),
                         .position = position_,
                         .best = summary_.best,
                         .best_confusion = best_confusion_.empty()
                                               ? torch::Tensor()
                                               : packed(best_confusion_)});
  // A run's first best.skz stands alone for a moment.
  if (hooks_.on_save && path == folder_.checkpoint()) {
    hooks_.on_save(path, position_);
  }
}

}  // namespace skipzoo
