#pragma once

#include <filesystem>
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

/// A whole run, from its data to its last words; the exit code. Throws what its
/// parts throw.
int run_training(const TrainArguments& args, const RunConfig& config,
                 const Start& start);

}  // namespace skipzoo
