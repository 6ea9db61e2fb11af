#pragma once

#include <filesystem>
#include <functional>
#include <optional>
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
/// use_average(), an average that follows them; the others are a section, named
/// "model" or as the average is.
class TrainingState {
 public:
  /// Saves and loads the weights that training moves.
  TrainingState(std::function<NamedTensors()> save,
                std::function<void(const NamedTensors&)> load);

  void add(StateSection section);
  /// Once at most.
  void use_average(StateSection average);

  Position position;  ///< Where the run stands.

  /// All of it; metadata and best are the recorder's to fill in. by_average:
  /// whether it is to be used by the average, where there is one.
  Checkpoint save(bool by_average = true) const;
  /// Throws FileError naming `path`, and the section that is missing, unknown
  /// to this run, or does not fit.
  void load(const Checkpoint& checkpoint, const std::filesystem::path& path);

 private:
  /// Throws as load(), and std::runtime_error where they do not fit.
  void load_weights(const Checkpoint& checkpoint,
                    const std::filesystem::path& path);

  StateSection weights_;
  std::optional<StateSection> average_;
  std::vector<StateSection> sections_;
};

}  // namespace skipzoo
