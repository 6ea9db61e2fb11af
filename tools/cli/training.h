#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "tools/cli/resume.h"
#include "tools/config/run_config.h"
#include "tools/train/checkpoint.h"
#include "tools/train/run_folder.h"

namespace skipzoo {

/// What a run begins or goes on with.
struct Start {
  std::optional<RunFolder> folder;       ///< Locked, of one that goes on.
  std::optional<Checkpoint> checkpoint;  ///< Of one that goes on.
  std::filesystem::path from;            ///< That checkpoint's file.
  std::string origin;                    ///< The config file it began with.
};

struct TrainerParts;
struct TrainingSetup;

/// Who looks on at a run, and changes nothing that it computes. Each may be
/// empty.
struct Onlooker {
  /// Of the parts that its trainer will be made of: may add callbacks, and wrap
  /// hooks.
  std::function<void(TrainerParts&, const TrainingSetup&)> on_parts = {};
  /// As it begins, or goes on from a place, its state restored.
  std::function<void(const Position&)> on_begin = {};
};

/// A whole run, from its data to its last words; the exit code. Throws what its
/// parts throw.
int run_training(const TrainArguments& args, const RunConfig& config,
                 const Start& start, const Onlooker& onlooker = {});

}  // namespace skipzoo
