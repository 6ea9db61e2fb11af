#pragma once

#include <torch/nn.h>

#include "models/kernels/algorithms/norm.h"
#include "models/kernels/kernels.h"
#include "models/kernels/ops/batch_norm.h"
#include "models/kernels/ops/batch_norm_pool.h"
#include "models/kernels/ops/convolution.h"

namespace skipzoo {

/// The operators that a network is made of, computed by the code that its
/// options choose.
class Ops {
 public:
  explicit Ops(Kernels kernels) : kernels_(kernels) {}

  Kernels kernels() const { return kernels_; }
  /// Whether operators of our own may be taken now.
  bool fused() const {
    return kernels_ == Kernels::kFused && !ReferenceOnly::active();
  }

  /// layer(x): see convolution().
  torch::Tensor conv(const torch::Tensor& x, torch::nn::Conv2d& layer) const {
    return convolution(x, layer, kernels_);
  }
  /// norm(conv(x)) and what follows it. A bias of the convolution, of which the
  /// norm leaves a shift of its running mean, costs no pass over memory.
  torch::Tensor conv_bn(const torch::Tensor& x, torch::nn::Conv2d& layer,
                        torch::nn::BatchNorm2d& norm, const Epilogue& epilogue,
                        const ExtraPadding& extra = {}) const {
    if (!layer->bias.defined() || !fused() || !is_plain_input(x)) {
      return bn(convolution(x, layer, kernels_, extra), norm, epilogue);
    }
    return batch_norm(convolution_without_bias(x, layer, extra), norm, epilogue,
                      kernels_, layer->bias);
  }
  /// norm(x) and what follows it: see batch_norm().
  torch::Tensor bn(const torch::Tensor& x, torch::nn::BatchNorm2d& norm,
                   const Epilogue& epilogue) const {
    return batch_norm(x, norm, epilogue, kernels_);
  }
  /// relu(norm(x)).
  torch::Tensor bn_relu(const torch::Tensor& x,
                        torch::nn::BatchNorm2d& norm) const {
    return bn(x, norm, {.relu = true});
  }
  /// max_pool2d(relu(norm(x)), 3, 2, 1): see batch_norm_pool().
  torch::Tensor bn_relu_pool(const torch::Tensor& x,
                             torch::nn::BatchNorm2d& norm) const {
    return batch_norm_pool(x, norm, kernels_);
  }
  /// relu(norm(x) * gate + residual); an undefined residual adds nothing, an
  /// undefined gate changes nothing.
  torch::Tensor bn_add_relu(const torch::Tensor& x,
                            torch::nn::BatchNorm2d& norm,
                            const torch::Tensor& residual,
                            const torch::Tensor& gate = {}) const {
    return bn(x, norm, {.gate = gate, .residual = residual, .relu = true});
  }

 private:
  Kernels kernels_;
};

}  // namespace skipzoo
