#include "tools/train/preprocessing.h"

#include <torch/nn/module.h>

namespace skipzoo {

torch::Tensor Preprocessing::operator()(const torch::Tensor& pixels) const {
  const auto layout = channels_last ? at::MemoryFormat::ChannelsLast
                                    : at::MemoryFormat::Contiguous;
  return normalise(pixels.to(device, /*non_blocking=*/true)).contiguous(layout);
}

void move_to(torch::nn::Module& model, torch::Device device,
             bool channels_last) {
  model.to(device);
  if (!channels_last) return;
  for (auto& parameter : model.parameters()) {
    if (parameter.dim() == 4) {
      parameter.set_data(
          parameter.detach().contiguous(at::MemoryFormat::ChannelsLast));
    }
  }
}

}  // namespace skipzoo
