#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>

#include "tools/cli/commands.h"
#include "tools/cli/evaluation_text.h"
#include "tools/cli/label_text.h"
#include "tools/cli/processes.h"
#include "tools/cli/progress_bar.h"
#include "tools/cli/run.h"
#include "tools/config/memory_check.h"
#include "tools/data/csv_dataset.h"
#include "tools/data/layout.h"
#include "tools/data/measured.h"
#include "tools/data/split_names.h"
#include "tools/data/text.h"
#include "tools/error.h"
#include "tools/train/fingerprint.h"
#include "tools/train/run_folder.h"

namespace skipzoo {

namespace {

struct EvaluateArguments {
  NetworkSource network;
  Measured measured = Measured::kVal;
  bool json = false;
  int64_t nproc = 1;
};

Evaluation evaluate_with_bar(const LoadedNetwork& network, Loader& loader,
                             const Fellows& fellows) {
  ProgressBar bar;
  const int64_t images = loader.dataset().size();
  int64_t done = 0;
  const auto show = [&] {
    done += network.config.data.batch_size * fellows.collective->size();
    if (fellows.is_first()) {
      bar.update("evaluate", std::min(done, images), images);
    }
    return false;
  };
  return evaluate(network.forward, loader, network.preprocess, show,
                  fellows.collective,
                  network.config.train.eval_metric == EvalMetric::kMap);
}

/// One label or several: what a network was trained for is what it can be
/// measured by.
void check_labels(const EvaluateArguments& args, const LoadedNetwork& network,
                  const Dataset& dataset) {
  const bool several = network.finds_several();
  if (!network.metadata || several == dataset.is_multi_label()) return;
  throw ConfigError(args.network.file.string() + ": finds " +
                    (several ? "any number of labels" : "one label") +
                    " in a picture, but the data have " +
                    (several ? "one each" : "several") +
                    "; of a table data.multi_label says so");
}

void print_labels(const EvaluateArguments& args, const LoadedNetwork& network,
                  Evaluation result, const std::string& split,
                  const std::vector<std::string>& classes) {
  const bool from_network =
      network.metadata && !network.metadata->thresholds.empty();
  if (from_network) {
    result.labels = label_scores(result.pictures, network.thresholds);
  }
  if (args.json) {
    print_labels_json(result, split, classes, from_network);
  } else {
    print_labels_text(result, classes, from_network);
  }
}

/// The pictures to measure, and what they are called.
struct Pictures {
  DatasetPtr dataset;
  std::string split;
};

/// The config that a run trained with; nothing for weights of no run, or where
/// that is why a config was named by -c.
std::optional<RunConfig> config_of_run(const LoadedNetwork& network) {
  if (!network.metadata || network.published != nullptr) return std::nullopt;
  return config_of(*network.metadata);
}

/// A class of the network that the folder lacks is named as that.
void check_classes(const std::filesystem::path& folder, ClassFolders which,
                   const std::vector<std::string>& trained) {
  const auto names = class_folders(folder, which);
  if (names.size() == trained.size()) return;
  throw FileError(folder,
                  "holds " + std::to_string(names.size()) +
                      " class folders, but the network has " +
                      std::to_string(trained.size()) + " classes; " +
                      difference(names, "the folder", trained, "the network"));
}

/// The run's parts of data that have changed are not quite what it had.
void warn_of_changed_data(const std::filesystem::path& weights,
                          const TrainingData& parts) {
  const auto folder = std::filesystem::absolute(weights).parent_path();
  const auto difference =
      first_difference(RunFolder::open(folder).data(), fingerprint(parts));
  if (difference.empty()) return;
  spdlog::warn("the data are not those this run trained on: {}", difference);
}

/// One of the two parts that a run with a holdout has.
DatasetPtr part_of_training_split(const EvaluateArguments& args,
                                  const LoadedNetwork& network,
                                  const RunConfig& run, Measured part) {
  DataOptions data = network.config.data;
  data.holdout = run.data.holdout;
  const auto held_out =
      held_out_of(weights_at(args.network.file), *network.metadata);
  try {
    const auto parts = open_training_data(
        data, in_channels(network.config.model),
        num_classes(network.config.model), run.train.seed, held_out);
    warn_of_changed_data(weights_at(args.network.file), parts);
    return part == Measured::kTrain ? parts.train : parts.validation;
  } catch (const FileError& error) {
    if (args.measured != Measured::kVal) throw;
    throw FileError(error,
                    "; this run validated on pictures held out of those; "
                    "--split test measures the test split");
  }
}

/// Whether all rows of a table are to be measured: it has no splits, and is not
/// the one that the run was trained on.
bool is_another_table(const DataOptions& data, const DataOptions* run) {
  std::error_code unknown;
  return data.dataset == DatasetKind::kCsv && splits_of_csv(data).empty() &&
         !(run != nullptr && run->dataset == DatasetKind::kCsv &&
           std::filesystem::equivalent(run->csv, data.csv, unknown));
}

/// --split test is the split of that name where there is one, though the run
/// was validated on another.
DataOptions data_to_measure(const EvaluateArguments& args, DataOptions data) {
  const bool is_chosen = std::ranges::any_of(
      args.network.overrides, [](const std::string& change) {
        return change.starts_with("data.val_split=");
      });
  if (args.measured != Measured::kTest || is_chosen) return data;
  const auto splits = splits_at(data);
  const auto test = std::ranges::find_if(splits, is_test_split);
  if (test != splits.end()) {
    data.val_split = *test;
  } else if (std::ranges::any_of(splits, is_val_split)) {
    spdlog::warn("there is no test split; measured is '{}'",
                 name_of_measured_split(data));
  }
  return data;
}

[[noreturn]] void refuse_pictures_of_folds(const EvaluateArguments& args) {
  throw ConfigError(
      args.network.file.string() +
      ": of these pictures each was trained on by all folds but one, and "
      "folds.csv has how these did; measure others by --set data.root=FOLDER");
}

Pictures pictures_to_measure(const EvaluateArguments& args,
                             const LoadedNetwork& network) {
  const bool is_of_folds = network.members > 1;
  if (is_of_folds && args.measured == Measured::kHoldout) {
    refuse_pictures_of_folds(args);
  }
  const auto run = config_of_run(network);
  const auto data = data_to_measure(args, network.config.data);
  const auto [part, by_holdout, trained_on] =
      part_to_measure(args.measured, data, run ? &run->data : nullptr);
  if (trained_on && is_of_folds) refuse_pictures_of_folds(args);
  if (trained_on) {
    spdlog::warn(
        "these pictures are those the run was trained on: what is measured "
        "says nothing of others");
  }
  const bool train = part == Measured::kTrain;
  if (by_holdout) {
    auto pictures = part_of_training_split(args, network, *run, part);
    spdlog::info("measured on the {} pictures that the run {}",
                 pictures->size(),
                 train ? "was trained on" : "held out of its training");
    return {std::move(pictures), train ? "train" : "holdout"};
  }
  if (data.dataset == DatasetKind::kImageFolder && network.metadata) {
    check_classes(folder_of_split(data, train ? Split::kTrain : Split::kTest),
                  data.class_folders, network.metadata->classes);
  }
  const bool all = train || is_another_table(data, run ? &run->data : nullptr);
  return {open_dataset(data, all ? Split::kTrain : Split::kTest,
                       in_channels(network.config.model),
                       num_classes(network.config.model)),
          train ? "train" : name_of_measured_split(data)};
}

/// Neither an export nor published weights hold where their pictures are.
void check_place(const EvaluateArguments& args, const LoadedNetwork& network) {
  const auto& data = network.config.data;
  const bool is_published = network.published != nullptr;
  const bool is_table = data.dataset == DatasetKind::kCsv;
  const auto& place = is_table ? data.csv : data.root;
  if (!(network.is_program() || is_published) ||
      data.dataset == DatasetKind::kSynthetic ||
      std::filesystem::exists(place)) {
    return;
  }
  throw ConfigError(
      args.network.file.string() +
      (is_published
           ? ": published weights do not come with pictures; give the folder "
             "of ImageNet's, which has them in val/<class>/, by --set "
             "data.root=FOLDER"
           : std::string(": an export does not say where its pictures are; "
                         "give their ") +
                 (is_table
                      ? "table by --set data.csv=FILE, and data.root where "
                        "its paths are not relative to its folder"
                      : "folder by --set data.root=FOLDER")));
}

void run_with(const EvaluateArguments& args, const Fellows& fellows) {
  const auto network = load_network(args.network);
  say_what_dtype_does(network, args.network);
  const auto& config = network.config;
  check_place(args, network);
  const auto [dataset, split] = pictures_to_measure(args, network);
  check_labels(args, network, *dataset);
  const auto shape = picture_shape(config, *dataset);
  if (!network.is_program()) {
    if (network.device.is_cpu()) {
      check_memory(*network.model, config, shape, Work::kEvaluate);
    }
    check_passes(*network.model, shape);
  }
  if (network.metadata) {
    warn_of_other_data(*network.metadata, make_metadata(config, *dataset));
  }
  DataOptions data = config.data;
  // Every picture is read once.
  if (data.cache == Cache::kRam) data.cache = Cache::kNone;
  Loader loader(dataset, data, Loader::Mode::kEvaluate, config.train.seed,
                network.device.is_cuda(), fellows.shard());
  const Evaluation result = evaluate_with_bar(network, loader, fellows);
  if (!fellows.is_first()) return;
  if (result.has_several_labels()) {
    print_labels(args, network, result, split, dataset->classes());
  } else if (args.json) {
    print_json(result, split, dataset->classes());
  } else {
    print_text(result, dataset->classes());
  }
}

int run(EvaluateArguments args) {
  if (starts_processes(args.nproc)) {
    return start_processes_of_command(args.nproc);
  }
  let_first_speak();
  return with_fellows(args.network.device, TrainOptions().timeout_s,
                      [&](const Fellows& fellows) {
                        run_with(args, fellows);
                        return 0;
                      });
}

}  // namespace

void add_evaluate(CLI::App& app, int& exit_code) {
  auto args = std::make_shared<EvaluateArguments>();
  CLI::App* command =
      app.add_subcommand("evaluate", "Accuracy of a checkpoint or weight file");
  add_network_options(*command, args->network);
  add_dtype_option(*command, args->network);
  add_raw_option(*command, args->network);
  add_tta_option(*command, args->network);
  command
      ->add_option("--split", args->measured,
                   "val: what the run validated on, its held-out pictures or "
                   "else the test split; test, train or holdout")
      ->transform(one_of<Measured>({{"val", Measured::kVal},
                                    {"test", Measured::kTest},
                                    {"train", Measured::kTrain},
                                    {"holdout", Measured::kHoldout}}))
      ->default_str("val");
  command->add_flag("--json", args->json, "Print one JSON object");
  add_nproc_option(*command, args->nproc);
  command->footer(
      "Examples:\n"
      "  skipzoo evaluate runs/RUN/best.skz --json\n"
      "  skipzoo evaluate resnet50.pth -c configs/imagenet/resnet50.yaml --set "
      "data.root=FOLDER\n"
      "  skipzoo evaluate resnet50:IMAGENET1K_V1 --set data.root=FOLDER");
  command->callback([args, &exit_code] { exit_code = run(*args); });
}

}  // namespace skipzoo
