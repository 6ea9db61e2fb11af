#include "tools/cli/study_cell.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>

#include "models/classifier.h"
#include "tools/cli/set_up.h"
#include "tools/cli/training.h"
#include "tools/config/compare.h"
#include "tools/data/picked.h"
#include "tools/error.h"
#include "tools/study/layer_probe.h"
#include "tools/study/loss_surface.h"
#include "tools/train/objective.h"
#include "tools/train/trainer.h"

namespace skipzoo {

namespace {

namespace fs = std::filesystem;

/// Where a cell begins, or goes on.
Start start_of_cell(const fs::path& folder, TrainArguments& args) {
  Start start;
  start.origin = args.config;
  auto run = RunFolder::open(folder);
  start.from = run.checkpoint();
  if (start.from.empty()) {
    args.output = folder.string();
    return start;
  }
  args.resume = {folder.string()};
  run.lock();
  start.folder = run;
  start.checkpoint = load_checkpoint(start.from);
  return start;
}

/// Pictures from all of the data set, as they are seen in evaluation.
ProbeBatch probe_batch(const DatasetPtr& data, DataOptions options,
                       const Preprocessing& preprocess, int64_t pictures) {
  const int64_t count = std::min(pictures, data->size());
  std::vector<int64_t> indices;
  for (int64_t i = 0; i < count; ++i) {
    indices.push_back(i * data->size() / count);
  }
  options.batch_size = count;
  Loader loader(picked(data, indices), options, Loader::Mode::kEvaluate,
                /*seed=*/0, /*pinned=*/false);
  auto epoch = loader.epoch(0);
  const auto batch = epoch.next();
  return {.images = preprocess(batch->images),
          .targets = batch->targets.to(preprocess.device)};
}

/// A cell as it is trained.
class RunningCell {
 public:
  RunningCell(const StudyOptions& study, const StudyCell& cell, fs::path folder)
      : study_(study), cell_(cell), folder_(std::move(folder)) {}

  Onlooker onlooker() {
    return {.on_parts =
                [this](TrainerParts& parts, const TrainingSetup& setup) {
                  look_at(parts, setup);
                },
            .on_begin =
                [this](const Position& position) { probe_->begin(position); }};
  }

  /// Of what the training left: after its end, or where it broke off.
  CellResult result() const {
    CellResult result{.skip = cell_.skip,
                      .depth = cell_.depth,
                      .seed = cell_.seed,
                      .parameters = cell_.parameters};
    note_history(
        result, read_csv(folder_ / "summary.csv"), probe_->rows(),
        std::log(static_cast<double>(num_classes(cell_.config.model))));
    return result;
  }
  /// The training pictures by the network as it is now, each once and as the
  /// test's are seen.
  void fit(CellResult& result) const {
    Loader pictures(data_, cell_.config.data, Loader::Mode::kEvaluate,
                    /*seed=*/0, /*pinned=*/false);
    const auto found = evaluate(forward_of(*model_, cell_.config.train.amp),
                                pictures, preprocess_);
    result.fit_loss = found.loss;
    result.fit_top1 = found.top1;
  }
  LossSurface surface(int64_t points) const {
    return loss_surface(*model_, batch_, objective_, points, cell_.seed);
  }

 private:
  void look_at(TrainerParts& parts, const TrainingSetup& setup) {
    model_ = parts.model;
    data_ = setup.data.train;
    preprocess_ = parts.preprocess;
    objective_ = make_objective(parts.options);
    batch_ =
        probe_batch(data_, cell_.config.data, preprocess_, study_.pictures);
    probe_ = std::make_unique<LayerProbe>(model_, cell_.config.model, batch_,
                                          objective_, layers_file(folder_));
    parts.callbacks.push_back(probe_->callback());
    parts.hooks.on_save = [this, before = parts.hooks.on_save](
                              const fs::path& path, const Position& position) {
      if (before) before(path, position);
      probe_->saved(position);
    };
  }

  const StudyOptions& study_;
  const StudyCell& cell_;
  fs::path folder_;
  std::shared_ptr<Classifier> model_;
  DatasetPtr data_;
  Preprocessing preprocess_;
  Objective objective_;
  ProbeBatch batch_;
  std::unique_ptr<LayerProbe> probe_;
};

}  // namespace

fs::path result_file(const fs::path& cell) { return cell / "result.json"; }
fs::path layers_file(const fs::path& cell) { return cell / "layers.csv"; }
fs::path surface_file(const fs::path& cell) { return cell / "surface.csv"; }

void check_same_config(const StudyCell& cell, const fs::path& folder) {
  const auto file = RunFolder::open(folder).config();
  std::error_code unknown;
  if (!fs::exists(file, unknown)) return;
  const auto there = load_config(file).config;
  std::string text;
  for (const auto& [key, first, second] : differences(there, cell.config)) {
    text += (text.empty() ? "" : "; ") + key + ": " + first + " there, " +
            second + " now";
  }
  if (text.empty()) return;
  throw ConfigError(folder.string() +
                    ": holds a network of another config, which is not to be "
                    "compared with the others: " +
                    text + "; name another folder by -o, or remove this one");
}

int run_cell(const StudyArguments& args, const StudyOptions& study,
             const StudyCell& cell, const fs::path& folder,
             int64_t surface_points) {
  TrainArguments run;
  run.program = args.program;
  run.command = "train";
  run.config = args.config;
  run.device = args.device;
  run.fetch = args.fetch;
  run.goes_on_by = args.goes_on_by;
  RunningCell running(study, cell, folder);
  const Start start = start_of_cell(folder, run);
  try {
    const int exit_code =
        run_training(run, cell.config, start, running.onlooker());
    if (exit_code != 0) return exit_code;
  } catch (const TrainingError& error) {
    auto result = running.result();
    result.failure = error.what();
    spdlog::warn("{}: {}: left out of the means", cell.name(), error.what());
    write_result(result_file(folder), result);
    return 0;
  }
  if (surface_points > 0) {
    spdlog::info("{}: loss surface, {} x {} points", cell.name(),
                 surface_points, surface_points);
    write_surface(surface_file(folder), running.surface(surface_points));
  }
  auto result = running.result();
  running.fit(result);
  write_result(result_file(folder), result);
  return 0;
}

}  // namespace skipzoo
