#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "models/named_tensors.h"
#include "tools/train/checkpoint_format.h"

namespace skipzoo {

/// Where a run stands: `batch` batches into epoch `epoch`, both counted from 0.
struct Position {
  int64_t epoch = 0;
  int64_t batch = 0;
  int64_t step = 0;  ///< Batches since the run began.
  /// What those of the epoch are in its order of pictures, whatever the size of
  /// a batch and the number of processes.
  int64_t pictures = 0;
  /// How many all processes have in a batch; 0: a checkpoint that is older than
  /// this number, whose run has as many as it had.
  int64_t pictures_of_batch = 0;
};

/// The best evaluation so far.
struct Best {
  int64_t epoch = 0;        ///< Counted from 1; 0: none yet.
  double value = 0;         ///< Of train.eval_metric.
  bool by_average = false;  ///< Of the averaged weights, or those trained.
};

/// What a network needs to be used without its run: what travels with weights.
struct ModelMetadata {
  std::string config;  ///< Resolved, as YAML.
  std::vector<std::string> classes;
  std::vector<double> mean;
  std::vector<double> std;
  std::vector<int64_t> input_shape;  ///< (C, H, W)
  /// By class, of a network that finds several labels in a picture: those whose
  /// probability, a sigmoid each, reaches this. Empty: one label, by softmax.
  std::vector<double> thresholds = {};
  /// Whether data.holdout was drawn by content; else by the pictures' places.
  bool held_out_by_content = false;
  /// The format that the config was written in, which tells its keys' names.
  int64_t format = kCheckpointFormat;
};

/// Everything that a run continues from, bit for bit.
struct Checkpoint {
  ModelMetadata metadata;
  /// Parameters and buffers by torchvision's names: what the file is used by,
  /// in evaluation, prediction, export and Python (TrainingState).
  NamedTensors weights;
  /// What else the run goes on from, by whose it is: "optimizer", "random", …
  /// The one tensor of a section that has no others may have no name.
  std::map<std::string, NamedTensors> sections;
  Position position;
  Best best;
};

/// Writes a .skz file: a zip as torch.save makes it, whose data.pkl holds the
/// weights (Python's torch.load(weights_only=True) gives the state dict), with
/// the rest beside them: run.pkl for the run's tensors, skipzoo.json for the
/// words and numbers. Written beside and renamed. Throws FileError.
void save_checkpoint(const std::filesystem::path& path,
                     const Checkpoint& checkpoint);

/// Reads one by readers of our own, which take nothing on trust: sizes and
/// numbers are checked; what is in a section, by whose it is. Throws FileError
/// where it is not a checkpoint, damaged, or of a format newer than this
/// program.
Checkpoint load_checkpoint(const std::filesystem::path& path);

/// The weights that training moves, of a checkpoint that is used by them or by
/// their average. Throws as load_checkpoint().
NamedTensors trained_weights(const std::filesystem::path& path);
/// Their average; nothing where the checkpoint, or another file, has none.
/// Throws as load_checkpoint().
std::optional<NamedTensors> averaged_weights(const std::filesystem::path& path);

/// Where a checkpoint stands; nothing where none can be read.
std::optional<Position> read_position(const std::filesystem::path& path);

/// The metadata in a checkpoint or exported program; nothing where the file is
/// none of ours. Throws FileError where it is damaged.
std::optional<ModelMetadata> read_metadata(const std::filesystem::path& path);

/// As JSON, as it stands in checkpoints and exports.
std::string to_json_text(const ModelMetadata& metadata);
/// Throws std::runtime_error where it is no such text.
ModelMetadata parse_metadata(const std::string& text);

}  // namespace skipzoo
