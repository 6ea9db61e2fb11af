#include "tools/train/trainer.h"

#include <spdlog/spdlog.h>

#include <cmath>
#include <limits>
#include <utility>

#include "models/classifier.h"
#include "models/make_model.h"
#include "tools/data/prefetch.h"
#include "tools/error.h"
#include "tools/train/examples.h"
#include "tools/train/random_state.h"
#include "tools/weights/fit.h"

namespace skipzoo {

namespace {

Classifier& moved(const TrainerParts& parts) {
  move_to(*parts.model, parts.preprocess.device,
          parts.preprocess.channels_last);
  for (auto& entry : state_dict(*parts.model)) {
    parts.collective->broadcast(entry.second);
  }
  return *parts.model;
}

}  // namespace

Trainer::Trainer(TrainerParts parts)
    : parts_(std::move(parts)),
      recorder_(parts_.folder, parts_.metadata, parts_.options.eval_metric,
                count_parameters(*parts_.model), parts_.hooks.on_save,
                parts_.collective->rank() == 0, parts_.options.checkpoint_hist,
                parts_.about),
      freezing_(parts_.fine_tune, *parts_.model),
      optimizer_(parts_.options.optimizer, moved(parts_),
                 lr_scales(parts_.fine_tune, *parts_.model)),
      step_(*parts_.model, optimizer_, parts_.options, parts_.collective,
            parts_.teacher),
      recorded_step_(step_, *parts_.model, parts_.options,
                     parts_.step_graphs ? parts_.step_graphs
                                        : step_graphs(parts_.preprocess.device),
                     parts_.collective->size()),
      metrics_(parts_.preprocess.device),
      plateau_(parts_.options.schedule, parts_.options.eval_metric,
               parts_.options.optimizer.lr),
      limit_(parts_.options.max_minutes, recorded_step_.steps_before()),
      state_([this] { return state_dict(*parts_.model); },
             [this](const auto& saved) { copy_exactly(saved, *parts_.model); }),
      callbacks_(parts_.options, parts_.callbacks, *parts_.model) {
  for (auto& section :
       {optimizer_.section(), step_.section(), step_.scaler_section(),
        metrics_.section(), plateau_.section(), limit_.section(),
        random_section(parts_.preprocess.device), recorder_.section(),
        recorder_.scores_section()}) {
    state_.add(section);
  }
  if (parts_.teacher.logits) {
    state_.add(teacher_section(parts_.teacher.identity));
  }
  callbacks_.add_to(state_);
}

void Trainer::restore(const Checkpoint& checkpoint,
                      const std::filesystem::path& path) {
  const auto& from = checkpoint.position;
  const int64_t now = parts_.train.pictures_of_batch();
  const int64_t before =
      from.pictures_of_batch > 0 ? from.pictures_of_batch : now;
  const int64_t size = parts_.train.dataset().size();
  const bool is_begun_otherwise =
      from.batch > 0 && from.pictures_of_batch > 0 &&
      (before != now || from.pictures != std::min(from.batch * now, size));
  if (is_begun_otherwise ? from.pictures > size
                         : from.batch > parts_.train.batches()) {
    throw FileError(path, "stands at batch " + std::to_string(from.batch) +
                              " of an epoch that now has " +
                              std::to_string(parts_.train.batches()) +
                              "; are the data or data.batch_size others?");
  }
  state_.load(checkpoint, path);
  if (parts_.collective->rank() > 0) {
    // What all processes have counted and summed, one goes on with.
    metrics_.reset();
    step_.drop_parts();
  }
  if (is_begun_otherwise) {
    auto& at = state_.position;
    at.batch = parts_.train.begin_at(at.epoch, from.pictures);
  }
  if (before != now) {
    limit_.scale(static_cast<double>(before) / static_cast<double>(now));
    spdlog::info(
        "a batch had {} pictures of all processes and now has {}; epoch {} "
        "goes "
        "on behind {} of its pictures",
        before, now, from.epoch + 1, from.pictures);
  }
  recorder_.set_thresholds(checkpoint.metadata.thresholds);
  recorder_.go_on_from(path, checkpoint.best, state_);
  share_best();
  if (limit_.batches()) log_end();
}

TrainSummary Trainer::run() {
  while (!is_over() && !has_stopped_improving()) {
    const EpochMetrics train = train_one_epoch();
    Validation validation = should_stop() ? Validation() : validate();
    summary_.stopped = should_stop();
    if (summary_.stopped) break;
    finish_epoch(train, std::move(validation));
  }
  if (summary_.stopped) {
    metrics_.gather(*parts_.collective);
    recorder_.save(state_);
  }
  summary_.best = recorder_.best();
  summary_.epochs = state_.position.epoch;
  return summary_;
}

bool Trainer::has_stopped_improving() const {
  const int64_t best = recorder_.best().epoch;
  const int64_t since = state_.position.epoch - best;
  const int64_t patience = parts_.options.patience;
  if (patience == 0 || best == 0 || since < patience) return false;
  spdlog::info("no better {} for {} epochs: the run ends early",
               name_of(parts_.options.eval_metric), since);
  return true;
}

EpochMetrics Trainer::train_one_epoch() {
  Position& at = state_.position;
  freezing_.begin_epoch(*parts_.model, at.epoch);
  epoch_time_ = {};
  times_ = {};
  images_ = 0;
  limit_.begin_epoch(seconds_now());
  auto epoch = parts_.train.epoch(at.epoch, at.batch);
  Prefetch batches(epoch, parts_.preprocess.device);
  for (const Batch& batch : batches) {
    if (at.batch >= batches_of_epoch()) break;  // The time is over.
    const double data_seconds = batches.waited();
    times_.waiting += data_seconds;
    lr_ = lr_of(at.batch);
    const auto [all, is_few] = of_step(batch);
    // Skipped pictures can leave a batch on which BatchNorm has no variance.
    if (all > 1) train_step(batch, is_few);
    end_group(at.batch);
    ++at.batch;
    ++at.step;
    at.pictures = std::min(parts_.train.pictures_before(at.epoch, at.batch),
                           parts_.train.dataset().size());
    at.pictures_of_batch = parts_.train.pictures_of_batch();
    images_ += all;
    after_step(data_seconds);
    if (stops_) break;
  }
  // A group that the end of the time has cut short.
  if (at.batch >= batches_of_epoch() && step_.update()) {
    callbacks_.on_step_end();
  }
  check_finite();  // On a GPU it waits for the steps in its queue.
  times_.training = epoch_time_.seconds();
  const EpochMetrics mean = metrics_.mean(*parts_.collective);
  if (mean.images == 0 && !should_stop()) {
    throw TrainingError("no training picture could be read");
  }
  return mean;
}

void Trainer::train_step(const Batch& batch, bool is_few) {
  const auto& at = state_.position;
  seed_layers();
  auto targets = batch.targets.to(parts_.preprocess.device);
  torch::Tensor images;
  if (batch.size() > 0) {
    images = parts_.preprocess(batch.images);
    transform_batch(
        parts_.batch_transforms, images, targets, parts_.options.seed, at.epoch,
        at.batch * parts_.collective->size() + parts_.collective->rank());
  } else {  // Of several processes; its share of pictures cannot be read.
    const auto& shape = parts_.metadata.input_shape;
    images = at::zeros(
        {0, shape.at(0), shape.at(1), shape.at(2)},
        at::TensorOptions(parts_.preprocess.device).dtype(at::kFloat));
  }
  optimizer_.set_lr(lr_);
  const bool is_whole = parts_.options.grad_accum_steps == 1;
  const auto result = is_whole ? recorded_step_(images, targets, is_few)
                               : step_.accumulate(images, targets, is_few);
  // In each step, so that a checkpoint within an epoch has all there is.
  const auto& options = parts_.options;
  if (options.dist_bn == DistBn::kReduce && !options.sync_bn) {
    share_statistics();
  }
  if (is_whole) callbacks_.on_step_end();
  if (batch.size() == 0) return;
  // Summed on the device: reading a value here would stall a GPU.
  last_loss_ = result.loss;
  metrics_.add(last_loss_, result.logits, targets, at.step + 1);
}

void Trainer::end_group(int64_t batch) {
  const int64_t done = batch + 1;
  const bool is_last =
      done % parts_.options.grad_accum_steps == 0 || done >= batches_of_epoch();
  if (is_last && step_.update()) callbacks_.on_step_end();
}

void Trainer::after_step(double data_seconds) {
  if (limit_.is_measuring()) time_batch();
  const int64_t done = state_.position.batch;
  const bool log = (done - 1) % parts_.options.log_interval == 0;
  // Free on the CPU; on a GPU it waits, so it comes with the log's line.
  const bool on_cpu = parts_.preprocess.device.is_cpu();
  const bool is_bad = (on_cpu || log) && metrics_.first_bad_step() >= 0;
  if (is_bad && parts_.collective->size() == 1) refuse_loss();
  if ((on_cpu && parts_.hooks.on_step) || log) {
    // Between two lines of the log, that of this process.
    const EpochMetrics mean =
        metrics_.mean(log ? *parts_.collective : *single_process());
    report_.loss = mean.loss;
    report_.top1 = mean.top1;
  }
  report_.epoch = state_.position.epoch + 1;
  report_.epochs = static_cast<int64_t>(std::ceil(end_in_epochs()));
  report_.batch = done;
  report_.batches = batches_of_epoch();
  report_.images_per_s = static_cast<double>(images_) / epoch_time_.seconds();
  if (log) {
    log_step(report_, last_loss_.defined() ? last_loss_.item<double>() : 0, lr_,
             data_seconds);
  }
  if (parts_.hooks.on_step) parts_.hooks.on_step(report_);
  const int64_t interval = parts_.options.checkpoint_interval;
  const bool is_time = interval > 0 && state_.position.step % interval == 0 &&
                       done < batches_of_epoch();
  if (parts_.collective->size() > 1) return end_step_together(is_time, is_bad);
  if (is_time || asks(parts_.hooks.save_requested)) {
    check_finite();
    recorder_.save(state_);
  }
  stops_ = asks(parts_.hooks.stop_requested);
}

void Trainer::check_finite() const {
  if (parts_.collective->any(metrics_.first_bad_step() >= 0)) refuse_loss();
}

void Trainer::refuse_loss() const {
  const auto last = recorder_.last();
  const int64_t own = metrics_.first_bad_step();
  throw TrainingError(
      c10::str("loss is not finite at epoch ", state_.position.epoch + 1,
               ", step ", own >= 0 ? own : state_.position.step, " (lr ", lr_,
               "); last checkpoint: ",
               std::filesystem::exists(last) ? last.string() : "none",
               "; a lower train.optimizer.lr or a warm-up may help"));
}

int64_t Trainer::new_size(int64_t epoch) const {
  // Of the two epochs alone, so that a resumed run says the same.
  const int64_t size = parts_.train.size_in_epoch(epoch);
  const bool is_new =
      epoch > 0 && size != parts_.train.size_in_epoch(epoch - 1);
  return is_new ? size : 0;
}

}  // namespace skipzoo
