#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "models/named_tensors.h"

namespace skipzoo {

/// What a file of weights is, told by its content, not by its name.
enum class WeightKind {
  kTorchZip,     ///< torch.save since 1.6.
  kTorchLegacy,  ///< torch.save before 1.6: a run of pickles and storages.
  kSafetensors,
  kTorchScript,
  kSkipzoo,  ///< A checkpoint of ours.
};
/// As in "a TorchScript archive".
std::string_view kind_text(WeightKind kind);

/// Tensors of a file, by the names they have in it.
struct WeightFile {
  WeightKind kind = WeightKind::kTorchZip;
  /// The key that the state dict was under, e.g. "state_dict"; empty where the
  /// file is the state dict itself.
  std::string wrapper;
  /// Whether these are averaged weights.
  bool averaged = false;
  /// On the CPU, in the file's types and order. Views of the mapped file where
  /// that is possible: read-only, whatever a tensor allows.
  NamedTensors tensors;
};

struct ReadOptions {
  /// Takes averaged weights where a training checkpoint holds both.
  bool prefer_ema = false;
  /// Names, shapes and types alone: tensors on the meta device. The data are
  /// not looked at.
  bool shapes_only = false;
};

/// Reads a file of any of these kinds. No code in it ever runs. Throws
/// FileError saying what the file is instead, or what is wrong with it.
WeightFile read_weight_file(const std::filesystem::path& path,
                            const ReadOptions& options = {});

}  // namespace skipzoo
