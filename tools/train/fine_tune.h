#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "models/named_tensors.h"
#include "tools/train/fine_tune_options.h"
#include "tools/weights/fit.h"

namespace skipzoo {

struct Classifier;

/// Says which other network a file's weights would fit; empty for none known.
using AdviseNetwork = std::function<std::string(const NamedTensors& file)>;

/// Reads options.weights into `model`, but for a head that is another's: it is
/// kept as it was initialised. Returns what fitted and what did not; logs what
/// of the file was left out. Throws FileError, with nothing copied, where
/// strict and something else does not fit, or where nothing does. What is
/// clearly of no such network does not matter to strict, unless the file has no
/// head.
FitReport load_pretrained(Classifier& model, const FineTuneOptions& options,
                          const AdviseNetwork& advise = {});

/// The factor on the learning rate of each parameter, by its name.
std::function<double(const std::string&)> lr_scales(
    const FineTuneOptions& options, const Classifier& model);

/// Which parts of a network stand still, epoch by epoch.
class Freezing {
 public:
  /// Throws ConfigError where a pattern fits nothing that can be frozen.
  Freezing(const FineTuneOptions& options, const Classifier& model);

  /// Puts `model` in training mode, as it is to be in an epoch counted from 0:
  /// what is frozen takes no gradient, and its BatchNorms are in evaluation
  /// mode, so that neither weights nor statistics move.
  void apply(Classifier& model, int64_t epoch) const;
  /// The same, and logs the patterns that hold no longer from this epoch on.
  void begin_epoch(Classifier& model, int64_t epoch) const;

 private:
  bool frozen(const std::string& name, int64_t epoch) const;

  struct Pattern {
    std::string text;
    int64_t epochs;
  };
  std::vector<Pattern> patterns_;
  std::string head_;
};

}  // namespace skipzoo
