#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tools/config/run_config.h"
#include "tools/train/checkpoint.h"
#include "tools/weights/published_files.h"

namespace skipzoo {

/// What the command line says of a run: train and fine-tune.
struct TrainArguments {
  std::string program;  ///< As it was called: for the commands to type next.
  std::string command;  ///< train or fine-tune.
  std::string config;
  std::vector<std::string> overrides;
  std::string output;
  std::string device;
  std::vector<std::string> resume;  ///< One entry, empty for a bare --resume.
  bool print_config = false;
  int64_t folds = 0;  ///< Of a cross-validation; 0: a single run.
  int64_t nproc = 1;  ///< Processes to start here, and to train in.
  FetchOptions fetch;
  /// The command that goes on with it, where that is not --resume; empty: it
  /// is.
  std::string goes_on_by = {};

  bool resumes() const { return !resume.empty(); }
};

// Which folder a run is in, and how one goes on.

/// The folder of -o, else a new one, runs/<config name>-<date>-<time>, with a
/// number behind where two runs start in the same second.
std::filesystem::path new_run_folder(const TrainArguments& args);

/// The config file as a run folder remembers it: names are not enough, there is
/// a resnet20.yaml for each data set.
std::string origin_of(const TrainArguments& args);

/// What --resume means.
struct ToResume {
  std::filesystem::path folder;
  /// Empty where the run died before its first: it begins anew by the config
  /// that its folder holds.
  std::filesystem::path checkpoint;
};
/// Throws ConfigError where nothing says which, FileError where there is none.
ToResume run_to_resume(const TrainArguments& args);

/// A path in a command line to be typed: in quotes where a shell would take it
/// for something else.
std::string argument_text(const std::filesystem::path& path);

/// The checkpoint's place in words: "epoch 3, batch 20".
std::string place_text(const Position& position);

/// A resumed run keeps the config it began with, changed by --set alone; a
/// config named beside it is only compared. began_with: its text, `from` where
/// that stands, and the format of its keys.
LoadedConfig resumed_config(const TrainArguments& args,
                            const std::string& began_with,
                            const std::filesystem::path& from, int64_t format);

}  // namespace skipzoo
