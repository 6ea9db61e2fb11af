#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/shortcut.h"
#include "models/weight_shapes.h"

namespace skipzoo {

/// What a weight file tells of the stages of a residual network: layer1,
/// layer2, … of blocks with a conv1 and, where they project, a downsample.
struct ResidualShapes {
  /// last: the convolution that a block ends with, e.g. "conv2".
  ResidualShapes(const WeightShapes& shapes, const std::string& last);

  /// The shortcuts that a network with these projections may have. Without any,
  /// names do not tell which one: `like`, where that one has none either.
  std::vector<Shortcut> shortcuts(Shortcut like) const;

  std::vector<int64_t> depths;    ///< Blocks per stage; empty for none.
  std::vector<int64_t> channels;  ///< Outputs of each stage's first block.
  int64_t blocks = 0;
  int64_t projections = 0;         ///< Blocks that have one.
  int64_t pooled_projections = 0;  ///< Of these, behind a pooling.
};

}  // namespace skipzoo
