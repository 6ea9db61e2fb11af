#pragma once

#include <torch/nn.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "models/classifier.h"
#include "models/dpn_options.h"
#include "models/ops.h"

namespace skipzoo {

/// What a Dual Path Network hands from block to block.
struct DualPath {
  torch::Tensor residual;            ///< What blocks add to.
  std::vector<torch::Tensor> dense;  ///< What they join to.

  /// Both, the residual path first: what the next block reads.
  torch::Tensor joined() const;
};

/// conv(relu(bn(x))), or relu(bn(x)) alone.
struct NormedConvImpl : torch::nn::Module {
  /// Without a convolution.
  NormedConvImpl(int64_t in, Kernels kernels);
  NormedConvImpl(int64_t in, const torch::nn::Conv2d& convolution,
                 Kernels kernels);
  torch::Tensor forward(const torch::Tensor& x);

  torch::nn::BatchNorm2d bn;
  torch::nn::Conv2d conv{nullptr};

 private:
  Ops ops_;
};
TORCH_MODULE(NormedConv);

/// What a dual path block is told about itself.
struct DualPathShape {
  int64_t in;      ///< Channels of all that it reads.
  int64_t inner;   ///< Of its 3x3.
  int64_t width;   ///< That it adds to the residual path.
  int64_t growth;  ///< That it joins to the dense path.
  int64_t stride = 1;
  bool opens_stage = false;  ///< Whether it begins both paths by a projection.
};

/// 1x1 down, 3x3 in groups, 1x1 up to both paths, each behind relu(norm).
///
/// Source: Chen et al. 2017, section 3.3 and figure 2 (d). Names as timm's.
struct DualPathBlockImpl : torch::nn::Module {
  DualPathBlockImpl(const DualPathShape& shape, const DPNOptions& options);
  /// joined: all that it reads, (N, in, H, W); path: the same in its parts,
  /// which a block that opens a stage does not look at.
  DualPath forward(const torch::Tensor& joined, DualPath path);

  NormedConv projection{nullptr};  ///< c1x1_w_s1 or c1x1_w_s2; null inside.
  NormedConv c1x1_a{nullptr}, c3x3_b{nullptr}, c1x1_c{nullptr};
  /// Of each path, with split_output; else null.
  torch::nn::Conv2d c1x1_c1{nullptr}, c1x1_c2{nullptr};

 private:
  /// Of y, (N, width + more, H, W), what is added and what is joined.
  std::pair<torch::Tensor, torch::Tensor> parts(const torch::Tensor& y) const;

  int64_t width_;
  Ops ops_;
};
TORCH_MODULE(DualPathBlock);

/// A Dual Path Network: stem, stages, relu(norm), global average pooling, one
/// linear layer `classifier`.
struct DPNImpl : Classifier {
  explicit DPNImpl(const DPNOptions& options);

  torch::Tensor forward(const torch::Tensor& images) override;
  torch::Tensor forward_features(const torch::Tensor& images) override;
  torch::Tensor forward_head(const torch::Tensor& maps) override;
  std::string head_name() const override { return "classifier"; }
  void reset_head(int64_t num_classes) override;
  std::vector<std::string> block_names() const override;
  Kernels kernels() const override { return ops_.kernels(); }
  NameRules name_rules() const override { return DPNOptions::name_rules(); }

  torch::nn::Sequential features;        ///< All but the classifier, by name.
  torch::nn::Conv2d stem_conv{nullptr};  ///< features.conv1_1.conv
  torch::nn::BatchNorm2d stem_norm{nullptr};  ///< features.conv1_1.bn
  std::vector<DualPathBlock> blocks;     ///< features.conv2_1, conv2_2, …
  torch::nn::BatchNorm2d norm{nullptr};  ///< Behind the last stage.
  torch::nn::Linear classifier{nullptr};

 private:
  Stem stem_;
  Ops ops_;
};

}  // namespace skipzoo
