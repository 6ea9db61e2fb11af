#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "models/named_tensors.h"

namespace torch::nn {
class Module;
}  // namespace torch::nn

namespace skipzoo {

/// Where a run stands: `batch` batches into epoch `epoch`, both counted from 0.
struct Position {
  int64_t epoch = 0;
  int64_t batch = 0;
  int64_t step = 0;  ///< Batches since the run began.
};

/// The best evaluation so far.
struct Best {
  int64_t epoch = 0;  ///< Counted from 1; 0: none yet.
  double value = 0;   ///< Of train.eval_metric.
};

/// What a network needs to be used without its run: what travels with weights.
struct Identity {
  std::string config;  ///< Resolved, as YAML.
  std::vector<std::string> classes;
  std::vector<double> mean;
  std::vector<double> std;
  std::vector<int64_t> input_shape;  ///< (C, H, W)
  /// Whether data.holdout was drawn by content; else by the pictures' places.
  bool held_out_by_content = false;
};

/// Everything that a run continues from, bit for bit.
struct Checkpoint {
  Identity identity;
  NamedTensors weights;    ///< Parameters and buffers, torchvision's names.
  NamedTensors optimizer;  ///< Optimizer::state()
  NamedTensors random;     ///< State of the generators, by device.
  torch::Tensor metrics;   ///< RunningMetrics::state()
  Position position;
  Best best;
  /// packed() confusions of the best epoch; undefined in files of before.
  torch::Tensor best_confusion;
};

/// The newest format that this program knows, and the record that holds it.
constexpr int64_t kCheckpointFormat = 1;
constexpr const char* kCheckpointRecord = "skipzoo.json";

/// Writes a .skz file: a zip as torch.save makes it, whose data.pkl holds the
/// weights (Python's torch.load(weights_only=True) gives the state dict), with
/// the rest beside them: run.pkl for the run's tensors, skipzoo.json for the
/// words and numbers. Written beside and renamed. Throws FileError.
void save_checkpoint(const std::filesystem::path& path,
                     const Checkpoint& checkpoint);

/// Reads one by readers of our own, which take nothing on trust: sizes, numbers
/// and the states of generators are checked. Throws FileError where it is not a
/// checkpoint, damaged, or of a format newer than this program.
Checkpoint load_checkpoint(const std::filesystem::path& path);

/// Where a checkpoint stands; nothing where none can be read.
std::optional<Position> read_position(const std::filesystem::path& path);

/// The identity in a checkpoint or exported program; nothing where the file is
/// none of ours. Throws FileError where it is damaged.
std::optional<Identity> read_identity(const std::filesystem::path& path);

/// As JSON, as it stands in checkpoints and exports.
std::string to_json_text(const Identity& identity);
/// Throws std::runtime_error where it is no such text.
Identity parse_identity(const std::string& text);

/// Copies weights into a network of the same names and shapes. Throws FileError
/// naming `path` and the first entry that is missing, unexpected or of another
/// shape; nothing is copied then.
void load_weights(torch::nn::Module& model, const NamedTensors& weights,
                  const std::filesystem::path& path);

/// States of the generators that training draws from: the CPU's and, on CUDA,
/// the device's.
NamedTensors random_state(torch::Device device);
/// Takes them over; the state of a device that is not in use is left alone.
void set_random_state(const NamedTensors& state, torch::Device device);

}  // namespace skipzoo
