#pragma once

#include <filesystem>
#include <functional>
#include <vector>

#include "models/named_tensors.h"
#include "tools/train/checkpoint.h"
#include "tools/train/state_section.h"

namespace skipzoo {

/// What a run goes on from, bit for bit: its weights, and a section of each
/// part that has a state. A checkpoint holds what is added here.
///
/// Which weights a checkpoint is used by: Checkpoint::weights, whoever reads
/// it, Python included. They are those that training moves or, after
/// use_weights(), others that follow them, such as a moving average; then what
/// training moves is the section "model".
class TrainingState {
 public:
  /// Saves and loads the weights that training moves.
  TrainingState(std::function<NamedTensors()> save,
                std::function<void(const NamedTensors&)> load);

  void add(StateSection section);
  /// The name of `weights` does not matter.
  void use_weights(StateSection weights);

  Position position;  ///< Where the run stands.

  /// All of it; metadata and best are the recorder's to fill in.
  Checkpoint save() const;
  /// Throws FileError naming `path`, and the section that is missing, unknown
  /// to this run, or does not fit.
  void load(const Checkpoint& checkpoint, const std::filesystem::path& path);

 private:
  StateSection weights_;
  std::vector<StateSection> sections_;
};

}  // namespace skipzoo
