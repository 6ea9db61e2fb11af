#pragma once

#include <torch/nn.h>

#include <cstdint>
#include <string>
#include <vector>

#include "models/classifier.h"
#include "models/conv_block.h"
#include "models/conv_net_options.h"

namespace skipzoo {

/// conv_blocks, global average pooling, one linear layer `fc`.
struct ConvNetImpl : Classifier {
  explicit ConvNetImpl(const ConvNetOptions& options);

  torch::Tensor forward(const torch::Tensor& images) override;
  torch::Tensor forward_features(const torch::Tensor& images) override;
  torch::Tensor forward_head(const torch::Tensor& maps) override;
  std::string head_name() const override { return "fc"; }
  void reset_head(int64_t num_classes) override;
  std::vector<std::string> block_names() const override;
  bool takes_any_size() const override { return false; }
  Kernels kernels() const override { return kernels_; }

  torch::nn::Sequential blocks;
  torch::nn::Linear fc{nullptr};

 private:
  Kernels kernels_;
};

}  // namespace skipzoo
