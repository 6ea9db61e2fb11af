#include "tools/cli/training.h"

#include <spdlog/spdlog.h>

#include <csignal>
#include <optional>

#include "models/classifier.h"
#include "models/kernels/ops/autocast.h"
#include "models/make_model.h"
#include "tools/cli/about_run.h"
#include "tools/cli/interrupt.h"
#include "tools/cli/processes.h"
#include "tools/cli/progress_bar.h"
#include "tools/cli/run.h"
#include "tools/cli/set_up.h"
#include "tools/config/fields.h"
#include "tools/data/holdout.h"
#include "tools/device.h"
#include "tools/error.h"
#include "tools/log.h"
#include "tools/run/batches.h"
#include "tools/train/fingerprint.h"
#include "tools/train/objective.h"
#include "tools/train/trainer.h"
#include "tools/write_whole.h"

namespace skipzoo {

namespace {

namespace fs = std::filesystem;

/// To be typed.
std::string command_to_resume(const TrainArguments& args,
                              const RunFolder& folder) {
  if (!args.goes_on_by.empty()) return args.goes_on_by;
  return args.program + " train --resume " + argument_text(folder.path()) +
         (args.nproc > 1 ? " --nproc " + std::to_string(args.nproc) : "");
}

/// Where a run goes on that ends before its time: said when it does.
class Saved {
 public:
  Saved(const TrainArguments& args, const RunFolder& folder)
      : resume_(command_to_resume(args, folder)) {
    set_loss_of_interrupt("the whole run: nothing is saved yet");
  }
  void note(const fs::path& checkpoint, const Position& position) {
    place_ = checkpoint.string() + ", at " + place_text(position);
    set_loss_of_interrupt("what came after " + place_);
  }
  std::string words() const {
    return (place_.empty() ? "; nothing is saved yet; to begin anew: "
                           : "; saved last: " + place_ + "; to go on: ") +
           resume_;
  }

 private:
  std::string resume_;
  std::string place_;  ///< Of what --resume goes on from; empty: nothing.
};

void say_nothing_is_left(const TrainSummary& summary,
                         const TrainOptions& train) {
  if (summary.epochs >= train.epochs) {
    spdlog::info(
        "nothing to do: all {} epochs are done; to train longer, add --set "
        "train.epochs=N",
        train.epochs);
  } else if (train.max_minutes > 0) {
    spdlog::info(
        "nothing to do: {} of {} epochs are done, for which "
        "train.max_minutes={} was; to train longer, add --set "
        "train.max_minutes=N",
        summary.epochs, train.epochs, train.max_minutes);
  } else {
    spdlog::info(
        "nothing to do: {} of {} epochs are done, and train.patience={} ended "
        "them; to train longer, add --set train.patience=N",
        summary.epochs, train.epochs, train.patience);
  }
}

/// The end of a run in words, and its exit code.
int report_end(const TrainArguments& args, const RunFolder& folder,
               const TrainSummary& summary, const RunConfig& config) {
  if (summary.stopped) {
    // Of several processes another may have been asked to.
    const int by = interrupted_by() == 0 ? SIGTERM : interrupted_by();
    spdlog::info("{}: stopped; saved {}. To go on:\n  {}", name_of_signal(by),
                 folder.last().string(), command_to_resume(args, folder));
    return 128 + by;
  }
  if (summary.last.images == 0) {
    say_nothing_is_left(summary, config.train);
    return 0;
  }
  if (summary.skipped > 0) {
    spdlog::warn("{} pictures could not be read and were skipped",
                 summary.skipped);
  }
  const auto metric = config.train.eval_metric;
  const bool several = summary.last.has_several_labels();
  spdlog::info(
      "done: best {} {:.4g} at epoch {}{}, in {}; the last epoch has {:.4g}\n"
      "curves and {}: {}\nnext: {} evaluate {}",
      name_of(metric), summary.best.value, summary.best.epoch,
      summary.best.by_average ? " by the moving average" : "",
      folder.best().string(), value_of(metric, summary.last),
      several ? "labels" : "confusion",
      (folder.path() / "report.html").string(), args.program,
      argument_text(folder.best()));
  return 0;
}

/// Whether stderr has gone since the last call: what is not saved might be the
/// next to go.
bool terminal_has_gone() {
  static bool is_told = false;
  if (is_told || terminal_is_there()) return false;
  is_told = true;
  spdlog::warn(
      "standard error cannot be written any more: the run is saved and goes "
      "on, and says so here alone");
  return true;
}

/// The hooks through which a run is watched, saved and stopped.
TrainerHooks make_hooks(ProgressBar& bar, Saved& saved, bool is_first) {
  return {
      .stop_requested = [] { return interrupted_by() != 0; },
      .save_requested = terminal_has_gone,
      .on_step =
          [&bar, is_first](const StepReport& report) {
            if (!is_first) return;
            bar.update(report);
            check_log_file();
          },
      .on_save = [&saved](const fs::path& checkpoint,
                          const Position& at) { saved.note(checkpoint, at); }};
}

void say_what_runs(const RunFolder& folder, const RunConfig& config,
                   const Classifier& model, const TrainingData& data,
                   const torch::Device& device, const Fellows& fellows) {
  const int64_t processes = fellows.collective->size();
  if (processes > 1) {
    spdlog::info("{} processes: {} pictures a step, {} in each", processes,
                 processes * config.data.batch_size, config.data.batch_size);
  }
  spdlog::info(
      "{}: {}, {} parameters, {} training and {} validation images, {}",
      folder.path().string(), family_name(config.model),
      count_parameters(model), data.train->size(), data.validation->size(),
      describe_device(device));
  const auto& distill = config.train.distill;
  if (distill.enabled()) {
    spdlog::info("learns from {} too: {} of the loss, at temperature {}",
                 distill.teacher.string(), distill.weight, distill.temperature);
  }
  if (config.data.augment.mixes()) {
    spdlog::info(
        "training accuracy counts the stronger class of a mixed picture");
  }
  if (data.train->is_multi_label()) {
    spdlog::info(
        "several labels a picture: Acc@1 is how often the class ranked first "
        "is one of them");
  }
  if (config.train.amp == Amp::kBf16 && device.is_cpu() &&
      !convolves_bfloat16()) {
    spdlog::warn(
        "train.amp: bf16 saves memory here and hardly time: this processor has "
        "no instructions for it, so it is computed in float32");
  }
}

/// Restores where there is something to restore, and writes what the run is.
void prepare(Trainer& trainer, const Start& start, const RunFolder& folder,
             const RunConfig& config, const TrainingData& data, bool writes) {
  const std::string now = fingerprint(data);
  if (start.checkpoint) {
    const auto difference = first_difference(folder.data(), now);
    if (!difference.empty()) {
      spdlog::warn("the data are not those this run began with: {}",
                   difference);
    }
    trainer.restore(*start.checkpoint, start.from);
    spdlog::info("resumed from {} at {}", start.from.string(),
                 place_text(start.checkpoint->position));
  }
  if (!writes) return;
  folder.write_config(dump_config(config), start.origin);
  if (!start.checkpoint || folder.data().empty()) folder.write_data(now);
}

/// Of several processes the first makes it.
RunFolder folder_of_run(const TrainArguments& args, const Start& start,
                        const RunConfig& config, const TrainingData& data,
                        const Fellows& fellows) {
  std::optional<RunFolder> folder = start.folder;
  if (!folder && fellows.is_first()) {
    folder = RunFolder::create(new_run_folder(args));
    if (config.data.holdout > 0) {
      write_whole(folder->holdout(), list_of_keys(*data.validation));
    }
  }
  const auto path = broadcast_text(*fellows.collective,
                                   folder ? folder->path().string() : "");
  if (!folder) return RunFolder::open(path);
  if (fellows.is_first()) log_to_file(folder->log());
  return *folder;
}

int train_with(const TrainArguments& args, const RunConfig& config,
               const Start& start, const Fellows& fellows,
               const Onlooker& onlooker) {
  const HeldOut held_out =
      start.checkpoint ? held_out_of(start.from, start.checkpoint->metadata)
                       : HeldOut();
  const auto setup = set_up_training(config, args.fetch, held_out,
                                     start.checkpoint.has_value());
  const auto& [device, data, teacher, model, metadata] = setup;
  const RunFolder folder = folder_of_run(args, start, config, data, fellows);
  say_what_runs(folder, config, *model, data, device, fellows);

  const auto loader = [&](const DatasetPtr& dataset, Loader::Mode mode) {
    auto shard = fellows.shard();
    shard.may_have_few = config.train.sync_bn;
    return make_loader(dataset, config, mode, setup.device, shard);
  };
  ProgressBar bar;
  catch_interrupts(/*speaks=*/fellows.is_first());
  Saved saved(args, folder);
  TrainerParts parts = {
      .model = model,
      .options = with_class_weights(config.train, *data.train),
      .fine_tune = config.fine_tune,
      .train = loader(data.train, Loader::Mode::kTrain),
      .validation = loader(data.validation, Loader::Mode::kEvaluate),
      .preprocess = make_preprocessing(config, device),
      .batch_transforms =
          batch_transforms(config.data, num_classes(config.model)),
      .teacher = teacher,
      .metadata = metadata,
      .folder = folder,
      // A pass of the network, for the page that the first writes.
      .about = fellows.is_first()
                   ? about_run(model.get(), config, *data.train, device)
                   : RunAbout(),
      .hooks = make_hooks(bar, saved, fellows.is_first()),
      .collective = fellows.collective};
  if (onlooker.on_parts) onlooker.on_parts(parts, setup);
  Trainer trainer(std::move(parts));
  prepare(trainer, start, folder, config, data, fellows.is_first());
  if (onlooker.on_begin) {
    onlooker.on_begin(start.checkpoint ? start.checkpoint->position
                                       : Position());
  }
  try {
    const TrainSummary summary = trainer.run();
    const int exit_code = report_end(args, folder, summary, config);
    check_log_file();  // Its last words too.
    return exit_code;
  } catch (const FileError& error) {
    throw FileError(error, saved.words());
  }
}

}  // namespace

int run_training(const TrainArguments& args, const RunConfig& config,
                 const Start& start, const Onlooker& onlooker) {
  return with_fellows(
      config.train.device, config.train.timeout_s, [&](const Fellows& fellows) {
        return train_with(args, config, start, fellows, onlooker);
      });
}

}  // namespace skipzoo
