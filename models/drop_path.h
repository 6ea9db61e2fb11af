#pragma once

#include <torch/nn.h>

namespace skipzoo {

/// Stochastic depth: leaves out the branch of a residual block, y = branch +
/// shortcut, for some of the images of a batch, each by itself, and scales it
/// for the others so that its mean stays. In training alone.
///
/// Source: Huang et al. 2016 (arXiv:1603.09382), section 3, scaled in training
/// instead of in evaluation: timm's DropPath, torchvision's StochasticDepth in
/// mode "row". Registered as `drop_path` by each block that has a shortcut; it
/// has no tensors, so that weight files do not know of it.
struct DropPathImpl : torch::nn::Module {
  /// What the branch is multiplied by, a gate of its last BatchNorm: 0 or 1 /
  /// (1 - rate) of each image, (N, 1, 1, 1), of the type and device of `branch`
  /// (N, C, H, W). Drawn from the device's default generator, as dropout is.
  /// Null where all is kept: in evaluation, or with a rate of 0.
  torch::Tensor factors(const torch::Tensor& branch) const;
  /// Nothing to be written.
  bool is_serializable() const override { return false; }

  double rate = 0;  ///< How likely a branch is to be left out, below 1.
};
TORCH_MODULE(DropPath);

/// Sets the rates of a network by the linear rule (section 3, "Survival
/// probabilities", from 0 on as timm has it): rate * l / (L - 1) for the l-th,
/// from 0, of its L blocks. rate: from 0, below 1. Throws c10::Error where it
/// is above 0 and there is no such block: see why_no_drop_path().
void set_drop_path(torch::nn::Module& network, double rate);

}  // namespace skipzoo
