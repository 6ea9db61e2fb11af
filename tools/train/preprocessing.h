#pragma once

#include "models/tensor.h"
#include "tools/data/transform.h"

namespace torch::nn {
class Module;
}  // namespace torch::nn

namespace skipzoo {

/// From pixels to what a network takes: where they go, in which layout, and by
/// which mean and std.
struct Preprocessing {
  torch::Device device = torch::kCPU;
  bool channels_last = true;
  Normaliser normalise = {{}, {}, torch::kCPU};

  /// uint8 (N, C, H, W) -> normalised float images of that shape, on the
  /// device, in the layout.
  torch::Tensor operator()(const torch::Tensor& pixels) const;
};

/// Moves a network to a device and layout. Before the optimizer is built: it
/// holds on to the tensors.
void move_to(torch::nn::Module& model, torch::Device device,
             bool channels_last);

}  // namespace skipzoo
