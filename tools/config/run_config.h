#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "models/model_options.h"
#include "tools/config/study_options.h"
#include "tools/data/options.h"
#include "tools/train/checkpoint_format.h"
#include "tools/train/fine_tune_options.h"
#include "tools/train/options.h"

namespace skipzoo {

/// Everything that a config file says.
struct RunConfig {
  ModelOptions model;
  DataOptions data;
  TrainOptions train;
  FineTuneOptions fine_tune;
  StudyOptions study;  ///< Of `skipzoo study` alone.
};

/// A config and what its reader had to say.
struct LoadedConfig {
  RunConfig config;
  /// Keys that are given but that other keys make idle, one sentence each.
  std::vector<std::string> warnings;
};

/// Reads a YAML config, a file, a pipe or, for "-", standard input, and applies
/// `overrides`, each `a.b=value` in YAML.
///
/// All that is wrong is reported at once, as lines of one ConfigError:
/// `file:line:column: key: what is wrong; what is allowed`. Paths in the file
/// are relative to the file, in an override or a pipe to the working directory;
/// the result holds absolute ones.
LoadedConfig load_config(const std::filesystem::path& file,
                         const std::vector<std::string>& overrides = {});
/// The same for a text; `name` stands for the file in messages.
LoadedConfig parse_config(const std::string& text, const std::string& name,
                          const std::filesystem::path& folder,
                          const std::vector<std::string>& overrides = {});

/// The same for a resolved config, as a checkpoint of that format holds it.
/// What was renamed since is known by its old name, and what an older skipzoo
/// did not yet write there is what it did: a run goes on as it began.
LoadedConfig parse_resolved_config(
    const std::string& text, const std::string& name,
    const std::vector<std::string>& overrides = {},
    int64_t format = kCheckpointFormat);

/// The config as YAML, defaults included, idle keys left out. Loads again to an
/// equal config from any folder.
std::string dump_config(const RunConfig& config);

/// (C, H, W) of what the network takes; 32x32 stands in where the size is the
/// data's own and unknown here.
std::vector<int64_t> input_shape(const RunConfig& config);

/// One key of a section, for people and programs.
struct KeyDescription {
  std::string key;      ///< e.g. "schedule.gamma"
  std::string type;     ///< e.g. "integer", "list of numbers", "A|B|none"
  std::string range;    ///< e.g. "at least 1"; empty for any
  std::string initial;  ///< the default, as it would be written
  std::string meaning;
};
/// The keys of a family, or of the sections "data", "train", "fine_tune" and
/// "study".
std::vector<KeyDescription> describe_keys(const ModelOptions& family);
std::vector<KeyDescription> describe_data_keys();
std::vector<KeyDescription> describe_train_keys();
std::vector<KeyDescription> describe_fine_tune_keys();
std::vector<KeyDescription> describe_study_keys();

}  // namespace skipzoo
