#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "tools/data/batch_transforms.h"
#include "tools/data/loader.h"
#include "tools/train/callbacks.h"
#include "tools/train/checkpoint.h"
#include "tools/train/collective.h"
#include "tools/train/distill.h"
#include "tools/train/evaluate.h"
#include "tools/train/fine_tune.h"
#include "tools/train/metrics.h"
#include "tools/train/optimizer.h"
#include "tools/train/options.h"
#include "tools/train/plateau.h"
#include "tools/train/recorded_step.h"
#include "tools/train/recorder.h"
#include "tools/train/run_folder.h"
#include "tools/train/step.h"
#include "tools/train/step_report.h"
#include "tools/train/time_limit.h"
#include "tools/train/training_state.h"

namespace skipzoo {

struct Classifier;

/// What the outside may ask of, and hear from, a run. Each may be empty.
struct TrainerHooks {
  /// Asked after every step; true: finish, save and return.
  std::function<bool()> stop_requested = {};
  /// Asked after every step; true: save, and go on.
  std::function<bool()> save_requested = {};
  std::function<void(const StepReport&)> on_step = {};
  Recorder::OnSave on_save = {};
  /// The clock of train.max_minutes: seconds, of any origin; empty: the
  /// machine's.
  std::function<double()> seconds = {};
};

/// What a run is made of.
struct TrainerParts {
  /// Moved to the device; its weights are the caller's to load.
  std::shared_ptr<Classifier> model;
  TrainOptions options;
  FineTuneOptions fine_tune;  ///< What of the model trains, and how fast.
  Loader train;
  Loader validation;
  Preprocessing preprocess;
  std::vector<BatchTransform> batch_transforms = {};
  std::vector<CallbackFactory> callbacks = {};  ///< Besides those of options.
  Teacher teacher = {};  ///< The one that options.distill names, or none.
  ModelMetadata metadata;
  RunFolder folder;     ///< Where the run is written.
  RunAbout about = {};  ///< For the foot of its page.
  TrainerHooks hooks = {};
  std::shared_ptr<Collective> collective = single_process();
  StepGraphs step_graphs = {};  ///< Empty: those of the device.
};

struct TrainSummary {
  bool stopped = false;  ///< By stop_requested; last.skz holds the place.
  int64_t epochs = 0;    ///< That are done, those of before it went on too.
  Best best;
  /// Of the last epoch, by the average where there is one; empty where none was
  /// run.
  Evaluation last;
  int64_t skipped = 0;  ///< Pictures that could not be read.
};

/// Trains a network: epochs of steps, each epoch validated, logged and saved.
/// All that is computed is here; all that is written, in its Recorder.
class Trainer {
 public:
  explicit Trainer(TrainerParts parts);
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
  EpochMetrics train_one_epoch();
  /// How many pictures all processes have in a step, and whether one of them
  /// has less than two.
  struct OfStep {
    int64_t all = 0;
    bool is_few = false;
  };
  OfStep of_step(const Batch& batch) const;
  void train_step(const Batch& batch, bool is_few);
  /// Of several processes, what layers draw depends on the step and the process
  /// alone.
  void seed_layers() const;
  Validation validate();
  Evaluation evaluate_now();
  /// BatchNorms' running statistics become train.dist_bn's, in each process.
  void share_statistics() const;
  /// For the report, by the weights that were the better ones.
  Mistakes mistakes_of(const Validation& validation);
  void finish_epoch(const EpochMetrics& train, Validation validation);
  /// The update of a group of train.grad_accum_steps batches, or of those left
  /// at the end of an epoch, if `batch` is its last.
  void end_group(int64_t batch);
  /// The size of pictures in an epoch that had another before it, else 0.
  int64_t new_size(int64_t epoch) const;
  void after_step(double data_seconds);
  /// What one of the processes says is so for all.
  struct Agreed {
    bool stop = false, save = false, is_bad = false;
  };
  /// is_bad: whether this one has found a loss that is not finite.
  Agreed agree(bool is_bad) const;
  /// Of several processes: saves where it is time, and knows whether to stop.
  void end_step_together(bool is_time, bool is_bad);
  void save_of_all();
  /// Rank 0's knowledge of the best epoch is everyone's.
  void share_best();
  void check_finite() const;
  [[noreturn]] void refuse_loss() const;
  /// Whether train.patience is over.
  bool has_stopped_improving() const;

  // Where the run ends, of epochs or of time: trainer_end.cpp.

  /// Whether all epochs are done, or all that the time is for.
  bool is_over() const;
  /// The end in epochs: of the schedule too.
  double end_in_epochs() const;
  /// How many of the epoch at hand are for this run: all but in a last epoch.
  int64_t batches_of_epoch() const;
  /// Batches of the run so far.
  int64_t batches_done() const;
  /// The learning rate of a batch of the epoch at hand.
  double lr_of(int64_t batch) const;
  /// Times the batch that is done and, where enough are, decides on the end.
  void time_batch();
  /// What an evaluation takes, by a few of its batches.
  double evaluation_seconds();
  void log_end() const;
  double seconds_now() const {
    return parts_.hooks.seconds ? parts_.hooks.seconds() : clock_.seconds();
  }

  static bool asks(const std::function<bool()>& hook) { return hook && hook(); }
  /// Of several processes, whether one is asked to.
  bool should_stop() const {
    return parts_.collective->any(asks(parts_.hooks.stop_requested));
  }

  TrainerParts parts_;
  Recorder recorder_;
  Freezing freezing_;
  Optimizer optimizer_;
  TrainingStep step_;
  RecordedStep recorded_step_;
  RunningMetrics metrics_;
  Plateau plateau_;
  TimeLimit limit_;
  TrainingState state_;
  Callbacks callbacks_;
  TrainSummary summary_;

  Stopwatch clock_;
  // Of the epoch at hand, for its speed only.
  Stopwatch epoch_time_;
  EpochTimes times_;
  int64_t images_ = 0;
  double lr_ = 0;
  torch::Tensor last_loss_;
  StepReport report_;
  bool saves_ = false;  ///< It is time to, of several processes.
  bool stops_ = false;  ///< Asked to, after the last step.
};

}  // namespace skipzoo
