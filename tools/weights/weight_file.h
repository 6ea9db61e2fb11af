#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "models/named_tensors.h"
#include "tools/weights/left_out.h"

namespace skipzoo {

/// What a file of weights is, told by its content, not by its name.
enum class WeightKind {
  kTorchZip,     ///< torch.save since 1.6.
  kTorchLegacy,  ///< torch.save before 1.6: a run of pickles, or a tar.
  kSafetensors,
  kTorchScript,
  kSkipzoo,  ///< A checkpoint of ours.
};
/// As in "a TorchScript archive".
std::string_view kind_text(WeightKind kind);

/// Tensors of a file, by the names they have in it.
struct WeightFile {
  WeightKind kind = WeightKind::kTorchZip;
  /// The keys that the state dict was under, joined by dots, e.g. "state_dict"
  /// or "model.state_dict"; empty where the file is the state dict itself.
  std::string wrapper;
  /// Whether these are averaged weights.
  bool averaged = false;
  /// On the CPU, in the file's types and order. Tensors that share their data
  /// in the file share them here.
  NamedTensors tensors;
  /// All else that holds tensors, in the file's order.
  std::vector<LeftOut> left_out;
};

struct ReadOptions {
  /// Where a file holds several state dicts: the keys that one of them is
  /// under, joined by dots, or what the names in it begin with. Empty: the
  /// customary one, or the only one.
  std::string key = {};
  /// Takes averaged weights where a training checkpoint holds both.
  bool prefer_ema = false;
  /// Names, shapes and types alone: tensors on the meta device. The data are
  /// not looked at.
  bool shapes_only = false;
  /// Reads those tensors alone whose names it holds for; empty: all.
  std::function<bool(const std::string& name)> wanted = {};
};

/// Reads a file of any of these kinds. No code in it ever runs. Throws
/// FileError saying what the file is instead, or what is wrong with it.
WeightFile read_weight_file(const std::filesystem::path& path,
                            const ReadOptions& options = {});

}  // namespace skipzoo
