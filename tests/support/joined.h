#pragma once

#include <torch/nn.h>

#include <string>
#include <utility>
#include <vector>

#include "models/classifier.h"

namespace skipzoo {

/// Two convolutions, of images and of what the first makes, and what is made of
/// both.
struct Joined : Classifier {
  using Join = torch::Tensor (*)(const torch::Tensor& images,
                                 const torch::Tensor& a,
                                 const torch::Tensor& b);
  explicit Joined(Join join_) : join(join_) {
    for (const auto& [name, in] : {std::pair{"a", 3}, {"b", 3}}) {
      convolutions.push_back(register_module(
          name,
          torch::nn::Conv2d(
              torch::nn::Conv2dOptions(in, 3, 3).padding(1).bias(false))));
    }
  }
  torch::Tensor forward(const torch::Tensor& images) override {
    const auto a = convolutions[0](images);
    return join(images, a, convolutions[1](torch::relu(a))).flatten(1);
  }
  Kernels kernels() const override { return Kernels::kFused; }
  std::string head_name() const override { return ""; }
  void reset_head(int64_t) override {}
  std::vector<std::string> block_names() const override { return {}; }

  Join join;
  std::vector<torch::nn::Conv2d> convolutions;
};

}  // namespace skipzoo
