#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "models/fields.h"
#include "tools/weights/weights_path.h"

namespace skipzoo {

/// How a network is trained that begins from the weights of another.
struct FineTuneOptions {
  /// Any file that read_weight_file() takes, or published weights by name;
  /// empty: training from scratch.
  WeightsPath weights = {};
  /// Which of several state dicts in the file: ReadOptions::key.
  std::string key = {};
  /// The averaged weights, where the file holds both.
  bool use_ema = false;
  /// Whether everything but the head must fit.
  bool strict = true;
  /// Patterns of names that stand still. The head is never frozen.
  std::vector<std::string> freeze = {};
  /// For each pattern, the epochs it holds; empty: to the end.
  std::vector<int64_t> unfreeze_epochs = {};
  /// What the head's learning rate is multiplied by.
  double head_lr_scale = 1;
  /// What a block's learning rate is multiplied by, once for each block between
  /// it and the head (Clark et al. 2020, arXiv:2003.10555, section 3.1; Bao et
  /// al. 2021, arXiv:2106.08254).
  double layer_decay = 1;

  template <typename Fields>
  void describe(Fields& field) {
    field("weights", weights,
          "file that the training begins from, or published weights by name");
    field("key", key,
          "where the file holds several networks: the key of one, as teacher "
          "or model.state_dict");
    field("use_ema", use_ema, "the averaged weights, where there are both");
    field("strict", strict, "everything but the head must fit");
    field("freeze", freeze,
          "names or patterns (layer1, layer*, *.bn?) that stand still; their "
          "BatchNorms keep their statistics");
    field("unfreeze_epochs", unfreeze_epochs,
          "epochs that each pattern of freeze holds; none: to the end",
          each(at_least(1)));
    field("head_lr_scale", head_lr_scale, "times the head's learning rate",
          above(0));
    field("layer_decay", layer_decay,
          "times the learning rate of each block further from the head",
          {.low = 0, .high = 1, .excludes_low = true});
  }
  bool enabled() const { return !weights.empty(); }
  bool uses(std::string_view name) const {
    return name == "weights" || enabled();
  }
  void validate(Problems& problems) const;
};

}  // namespace skipzoo
