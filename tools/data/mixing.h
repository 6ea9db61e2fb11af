#pragma once

#include "tools/data/batch_transforms.h"

namespace skipzoo {

/// How a batch is mixed with itself in reverse order, as timm's Mixup does.
struct Mix {
  /// Share of each picture that stays its own, of its target too; 1: all.
  double own = 1;
  /// CutMix: the rows and columns that come from the other picture. Mixup:
  /// none, every pixel is of both.
  bool cuts = false;
  int64_t top = 0, bottom = 0, left = 0, right = 0;
};

/// One for a batch of pictures of that size.
///
/// Mixup (Zhang et al. 2017, arXiv:1710.09412, section 2): a share of
/// Beta(mixup, mixup). CutMix (Yun et al. 2019, arXiv:1905.04899, section 3.1):
/// a box of that share of the area, around a place drawn evenly; where the
/// picture's edge cuts it, the share is that of what is left.
Mix draw_mix(const AugmentOptions& options, int64_t height, int64_t width,
             Random& random);

/// Mixes pictures, (N, C, H, W), and targets. What stays whole keeps its
/// labels.
void mix(const Mix& how, int64_t num_classes, torch::Tensor& images,
         Targets& targets);

/// Both, of each batch.
BatchTransform mixing(const AugmentOptions& options, int64_t num_classes);

}  // namespace skipzoo
