#pragma once

#include "models/tensor.h"

namespace skipzoo {

struct Classifier;

/// Where in its images a network sees a class: normalised images (N, C, H, W)
/// and classes, int64 (N), on its device -> (N, h, w) in [0, 1], of the size of
/// the last stage's feature maps. Each map is divided by its maximum; where
/// nothing speaks for the class, it is zero.
///
/// In evaluation mode, with weights of now; leaves modes and gradients as they
/// are. Throws c10::NotImplementedError for a network that does not part its
/// feature maps from its head.
/// Source: Grad-CAM, Selvaraju et al. 2017 (arXiv:1610.02391), section 3,
/// equations 1 and 2. Behind global average pooling and one linear layer it is
/// CAM (Zhou et al. 2016) / (h w), which dividing by the maximum cancels.
torch::Tensor grad_cam(Classifier& model, const torch::Tensor& images,
                       const torch::Tensor& classes);

}  // namespace skipzoo
