#pragma once

#include <torch/csrc/autograd/custom_function.h>

#include "models/kernels/algorithms/conv3x3.h"
#include "models/kernels/algorithms/norm.h"
#include "models/kernels/algorithms/pointwise.h"
#include "models/kernels/blocking/blocks.h"
#include "models/kernels/blocking/pixel_rows.h"
#include "models/kernels/choice.h"
#include "models/kernels/ops/dense_block.h"

// The forward and backward pass of a dense block. For the files
// dense_block*.cpp alone.

namespace skipzoo {

using torch::autograd::variable_list;

/// What the backward pass needs besides the tensors that autograd saves.
struct BlockPlan : torch::CustomClassHolder {
  struct Layer {
    NormPlan norm1, norm2;
  };
  std::vector<Layer> layers;
  /// Of each of the block's channels, (C), double; zeros where no norm trains.
  torch::Tensor mean;
  StatisticsSumPtr all = {};  ///< Where they are of all processes' pictures.
  ImageSize size = {};
};

/// What autograd saves of a layer, in this order.
struct LayerTensors {
  torch::Tensor weight1 = {};
  torch::Tensor weight2 = {};  ///< Null without a bottleneck.
  torch::Tensor inner = {};    ///< Rows between the convolutions, or null.
  /// What new features are multiplied by, and what is between; or null.
  torch::Tensor dropout = {};
  torch::Tensor inner_dropout = {};

  static constexpr size_t kCount = 5;
  static LayerTensors of(const variable_list& saved, size_t layer) {
    const auto* own = &saved[1 + kCount * layer];
    return {own[0], own[1], own[2], own[3], own[4]};
  }
  void append_to(variable_list& saved) const {
    saved.insert(saved.end(),
                 {weight1, weight2, inner, dropout, inner_dropout});
  }
};

/// Images as rows of pixels, (N·H·W, C), without a copy where they are
/// channels-last. contiguous(): those of a single image may be a view that is
/// not.
inline torch::Tensor as_rows(const torch::Tensor& images) {
  return images.permute({0, 2, 3, 1})
      .reshape({-1, images.size(1)})
      .contiguous();
}
/// Rows of pixels as channels-last images (N, C, H, W), without a copy.
inline torch::Tensor as_images(const torch::Tensor& rows,
                               const ImageSize& size) {
  return rows.view({-1, size.height, size.width, rows.size(1)})
      .permute({0, 3, 1, 2});
}

/// What a convolution behind a norm and a ReLU reads.
inline ActivatedInput activated(const torch::Tensor& rows,
                                const NormPlan& norm) {
  return {rows, norm.scale.size(0), accumulator(rows, norm.scale),
          accumulator(rows, norm.offset)};
}

/// A layer's convolution weight, of the type that the block computes in.
inline torch::Tensor in_type_of(const torch::Tensor& x,
                                const torch::Tensor& weight) {
  return weight.detach().to(x.scalar_type());
}
inline torch::Tensor as_matrix(const torch::Tensor& weight) {
  return weight.flatten(1);
}

/// The forward pass of the block.
class DenseForward {
 public:
  DenseForward(const torch::Tensor& x,
               const std::vector<DenseLayerParts>& layers);

  /// Appends what a layer makes of the channels so far.
  void add_layer(const DenseLayerParts& layer, const DenseDropout& dropout);

  torch::Tensor features() const { return as_images(rows_, plan_->size); }
  const variable_list& saved() const { return saved_; }
  const c10::intrusive_ptr<BlockPlan>& plan() const { return plan_; }

 private:
  /// Drops some of rows; returns what they were multiplied by.
  torch::Tensor drop(const torch::Tensor& rows, double rate) const;
  /// Counts as there what was written behind the channels so far.
  void append(int64_t count);

  c10::intrusive_ptr<BlockPlan> plan_;
  torch::Tensor rows_;      ///< Of all channels.
  int64_t channels_ = 0;    ///< That are there already.
  torch::Tensor variance_;  ///< As plan_->mean.
  bool trains_ = false;
  int64_t seen_ = 0;  ///< Pixels that the moments are of; 0: there are none.
  variable_list saved_;
};

/// The backward pass of the block, last layer first.
class DenseBackward {
 public:
  DenseBackward(const BlockPlan& plan, const torch::Tensor& features,
                const torch::Tensor& gradient);

  /// Takes the gradient of a layer's own features on to all before them.
  /// Returns those of its parameters, in the order of parameters_of(), without
  /// those of convolutions that are not wanted.
  variable_list pass_layer(size_t layer, const LayerTensors& tensors,
                           bool want1, bool want2);

  /// The gradient of the block's input, once every layer was passed.
  torch::Tensor input_gradient() const;

 private:
  /// Through the second convolution and its norm; with the gradient of what
  /// that reads.
  std::pair<ConvolutionGradient, OutputGradient> pass_inner(
      const NormPlan& norm, const LayerTensors& tensors,
      const torch::Tensor& dy, bool want) const;

  /// Through the first convolution into the features' gradient.
  ConvolutionGradient pass_outer(const NormPlan& norm,
                                 const torch::Tensor& parameter,
                                 const OutputGradient& dy, bool want);

  /// What goes through the statistics of some channels, of all processes.
  NormGradient through_processes(int64_t channel, int64_t count) const;

  const BlockPlan& plan_;
  torch::Tensor rows_;    ///< The features.
  torch::Tensor total_;   ///< Their gradient so far, of the accumulation type.
  NormGradient through_;  ///< What goes through their statistics.
  int64_t channels_;      ///< Of the features whose layers were not passed yet.
};

}  // namespace skipzoo
