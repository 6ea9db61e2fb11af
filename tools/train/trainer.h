#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "tools/data/loader.h"
#include "tools/train/checkpoint.h"
#include "tools/train/evaluate.h"
#include "tools/train/fine_tune.h"
#include "tools/train/metrics.h"
#include "tools/train/optimizer.h"
#include "tools/train/options.h"
#include "tools/train/recorder.h"
#include "tools/train/run_folder.h"
#include "tools/train/step.h"

namespace skipzoo {

struct Classifier;

/// What a progress bar shows, after each step.
struct StepReport {
  int64_t epoch = 0;  ///< Counted from 1.
  int64_t epochs = 0;
  int64_t batch = 0;  ///< Done in this epoch.
  int64_t batches = 0;
  double images_per_s = 0;
  double loss = 0;  ///< Mean over the epoch, as last read from the device.
  double top1 = 0;
};

/// What the outside may ask of, and hear from, a run. Each may be empty.
struct TrainerHooks {
  /// Asked after every step; true: finish, save and return.
  std::function<bool()> stop_requested = {};
  /// Asked after every step; true: save, and go on.
  std::function<bool()> save_requested = {};
  std::function<void(const StepReport&)> on_step = {};
  Recorder::OnSave on_save = {};
};

struct TrainSummary {
  bool stopped = false;  ///< By stop_requested; last.skz holds the place.
  Best best;
  Evaluation last;      ///< Of the last epoch; empty where none was run.
  int64_t skipped = 0;  ///< Pictures that could not be read.
};

/// Trains a network: epochs of steps, each epoch validated, logged and saved.
class Trainer {
 public:
  /// Moves the model to the device. Its weights are the caller's to load;
  /// fine_tune says what of it trains, and how fast. folder: where the run is
  /// written.
  Trainer(std::shared_ptr<Classifier> model, const TrainOptions& options,
          const FineTuneOptions& fine_tune, Loader train, Loader validation,
          Inputs inputs, Identity identity, RunFolder folder,
          TrainerHooks hooks = {});
  Trainer(const Trainer&) = delete;  // Its step holds on to its parts.
  Trainer& operator=(const Trainer&) = delete;

  /// Takes over the state of a run, to go on from its place, and cuts off what
  /// its folder says of later epochs (Recorder::go_on_from). Throws FileError
  /// naming `path` where it does not fit.
  void restore(const Checkpoint& checkpoint, const std::filesystem::path& path);

  /// From the place it stands at to the last epoch. Throws TrainingError where
  /// the loss is not finite.
  TrainSummary run();

 private:
  using Clock = std::chrono::steady_clock;

  EpochMetrics train_one_epoch();
  void freeze_for_epoch();
  void train_step(const Batch& batch);
  void finish_epoch(const EpochMetrics& train, const Evaluation& validation);
  /// What a checkpoint keeps but for what the recorder knows.
  Checkpoint state() const;
  /// The learning rate of a batch of the epoch at hand.
  double lr_of(int64_t batch) const;
  void after_step(double data_seconds, int64_t images);
  void read_metrics();
  void log_step(double data_seconds);
  void check_finite() const;
  bool should_stop() const {
    return hooks_.stop_requested && hooks_.stop_requested();
  }

  std::shared_ptr<Classifier> model_;
  TrainOptions options_;
  Loader train_;
  Loader validation_;
  Inputs inputs_;
  TrainerHooks hooks_;
  Recorder recorder_;
  Freezing freezing_;
  Optimizer optimizer_;
  TrainingStep step_;
  RunningMetrics metrics_;
  Position position_;
  TrainSummary summary_;

  // Of the epoch at hand, for its speed only.
  Clock::time_point epoch_start_;
  double train_seconds_ = 0;
  int64_t images_ = 0;
  double lr_ = 0;
  torch::Tensor last_loss_;
  StepReport report_;
};

}  // namespace skipzoo
