#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "models/model_options.h"
#include "tools/data/options.h"
#include "tools/plan/pictures_at_hand.h"

namespace skipzoo {

/// Weights to begin from, and how their network saw its pictures.
struct Pretrained {
  /// Published weights by their full name, or an absolute path.
  std::filesystem::path weights;
  ModelOptions model;
  DataOptions data;  ///< image_size, crop_pct, interpolation, mean and std.
};

/// A network and a size of pictures for it.
struct Candidate {
  std::string words;  ///< What it is: "ResNet-18 of half the channels".
  ModelOptions model;
  int64_t image_size = 0;
  bool head_alone = false;  ///< All but the last layer stands still.
};

/// What might do for these pictures, the best and slowest first: networks from
/// scratch, or that of the weights at smaller and smaller sizes. Pictures are
/// not enlarged for a network that has seen none.
std::vector<Candidate> candidates(const PicturesAtHand& pictures,
                                  const Pretrained* pretrained);

}  // namespace skipzoo
