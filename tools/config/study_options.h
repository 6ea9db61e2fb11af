#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "models/fields.h"

namespace skipzoo {

/// What `skipzoo study` compares: the network of a config with other shortcuts,
/// at other depths, from other seeds. One of each is a cell.
struct StudyOptions {
  /// Words of study_skips().
  std::vector<std::string> skips = {};
  /// Layers with weights, those of shortcuts not counted: He et al. 2015's 20
  /// of ResNet-20.
  std::vector<int64_t> depths = {};
  /// In place of train.seed.
  std::vector<int64_t> seeds = {1, 2, 3};
  /// Training pictures, evenly picked, by which signals and the loss surface
  /// are measured.
  int64_t pictures = 256;
  /// Points a side of the loss surface of each network from the first seed (Li
  /// et al. 2018, arXiv:1712.09913); 0: none.
  int64_t surface = 0;

  template <typename Fields>
  void describe(Fields& field) {
    field("skips", skips,
          "what goes past a block: words of model.shortcut and, of residual "
          "networks, dense: a DenseNet of that depth and as many parameters");
    field("depths", depths, "layers with weights, such as 20 and 56",
          each(at_least(3)));
    field("seeds", seeds, "in place of train.seed", each(at_least(0)));
    field("pictures", pictures,
          "of the training data, to measure signals and loss surfaces by",
          between(2, kMostPictures));
    field("surface", surface,
          "points a side of the loss surface, an odd number; 0: none",
          between(0, kMostPoints));
  }
  bool enabled() const { return !skips.empty() || !depths.empty(); }
  bool uses(std::string_view key) const {
    return key == "skips" || key == "depths" || enabled();
  }
  void validate(Problems& problems) const;

  static constexpr double kMostPictures = 4096;  ///< They are one batch.
  static constexpr double kMostPoints = 201;
};

}  // namespace skipzoo
