#include "tools/cli/measured_pictures.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "tools/data/csv_dataset.h"
#include "tools/data/layout.h"
#include "tools/data/split_names.h"
#include "tools/data/text.h"
#include "tools/error.h"
#include "tools/run/trained_with.h"
#include "tools/train/fingerprint.h"
#include "tools/train/run_folder.h"

namespace skipzoo {

namespace {

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
DatasetPtr part_of_training_split(const NetworkSource& source,
                                  Measured measured,
                                  const LoadedNetwork& network,
                                  const RunConfig& run, Measured part) {
  DataOptions data = network.config.data;
  data.holdout = run.data.holdout;
  const auto held_out = held_out_of(weights_at(source.file), *network.metadata);
  try {
    const auto parts = open_training_data(
        data, in_channels(network.config.model),
        num_classes(network.config.model), run.train.seed, held_out);
    warn_of_changed_data(weights_at(source.file), parts);
    return part == Measured::kTrain ? parts.train : parts.validation;
  } catch (const FileError& error) {
    if (measured != Measured::kVal) throw;
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
DataOptions data_to_measure(const NetworkSource& source, Measured measured,
                            DataOptions data) {
  const bool is_chosen =
      std::ranges::any_of(source.overrides, [](const std::string& change) {
        return change.starts_with("data.val_split=");
      });
  if (measured != Measured::kTest || is_chosen) return data;
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

[[noreturn]] void refuse_pictures_of_folds(const NetworkSource& source) {
  throw ConfigError(
      source.file.string() +
      ": of these pictures each was trained on by all folds but one, and "
      "folds.csv has how these did; measure others by --set data.root=FOLDER");
}

}  // namespace

Pictures pictures_to_measure(const NetworkSource& source, Measured measured,
                             const LoadedNetwork& network) {
  const bool is_of_folds = network.members > 1;
  if (is_of_folds && measured == Measured::kHoldout) {
    refuse_pictures_of_folds(source);
  }
  const auto run = config_of_run(network);
  const auto data = data_to_measure(source, measured, network.config.data);
  const auto [part, by_holdout, trained_on] =
      part_to_measure(measured, data, run ? &run->data : nullptr);
  if (trained_on && is_of_folds) refuse_pictures_of_folds(source);
  if (trained_on) {
    spdlog::warn(
        "these pictures are those the run was trained on: what is measured "
        "says nothing of others");
  }
  const bool train = part == Measured::kTrain;
  if (by_holdout) {
    auto pictures =
        part_of_training_split(source, measured, network, *run, part);
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

void check_place(const NetworkSource& source, const LoadedNetwork& network) {
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
      source.file.string() +
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

}  // namespace skipzoo
