#include "models/kernels/ops/cuda_dense_block.h"

#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "models/kernels/blocking/pixel_rows.h"
#include "models/kernels/cuda/batch_norm.h"
#include "models/kernels/cuda/dense_block.h"
#include "models/kernels/ops/cuda_batch_norm.h"

namespace skipzoo {

namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

/// What the backward pass needs besides the tensors that autograd saves.
struct CudaDensePlan : torch::CustomClassHolder {
  struct Norm {
    Tensor numbers;
    bool training = false;
  };
  struct Layer {
    Norm norm1, norm2;
  };
  CudaKernelsPtr kernels;
  std::vector<Layer> layers;
  Tensor moments;  ///< (2, C); zeros where no norm trains.
};

/// What autograd saves of a layer, in this order.
struct SavedOfLayer {
  Tensor weight1 = {};
  Tensor weight2 = {};  ///< Null without a bottleneck.
  Tensor inner = {};    ///< Between the convolutions; or null.
  Tensor mask = {};     ///< Of its ReLU.

  static SavedOfLayer of(const variable_list& saved, size_t layer) {
    constexpr size_t kCount = 4;
    const auto* own = &saved[1 + kCount * layer];
    return {own[0], own[1], own[2], own[3]};
  }
};

/// Same size, stride 1, as a DenseNet's are; of the type of x.
Tensor convolved(const Tensor& x, const Tensor& weight) {
  const int64_t border = weight.size(2) / 2;
  return torch::conv2d(x, weight.detach().to(x.scalar_type()), /*bias=*/{},
                       /*stride=*/1, /*padding=*/border)
      .contiguous(at::MemoryFormat::ChannelsLast);
}

struct OfConvolution {
  Tensor input, weight;  ///< The weight's of the parameter's type; or null.
};
OfConvolution convolution_gradients(const Tensor& dy, const Tensor& x,
                                    const Tensor& weight, bool of_weight) {
  const int64_t border = weight.size(2) / 2;
  const auto found = at::convolution_backward(
      dy, x, weight.detach().to(x.scalar_type()), /*bias_sizes=*/std::nullopt,
      /*stride=*/{1, 1}, /*padding=*/{border, border}, /*dilation=*/{1, 1},
      /*transposed=*/false, /*output_padding=*/{0, 0}, /*groups=*/1,
      {true, of_weight, false});
  const auto& dw = std::get<1>(found);
  return {std::get<0>(found),
          of_weight ? dw.to(weight.scalar_type()) : Tensor()};
}

int64_t new_channels(const DenseLayerParts& layer) {
  return (layer.conv2 ? layer.conv2 : layer.conv1)->options.out_channels();
}

/// The forward pass of a block.
class CudaDenseForward {
 public:
  CudaDenseForward(const CudaKernelsPtr& kernels, const Tensor& x,
                   const std::vector<DenseLayerParts>& layers,
                   bool for_backward)
      : plan_(c10::make_intrusive<CudaDensePlan>()),
        pixels_(x.numel() / x.size(1)),
        for_backward_(for_backward) {
    int64_t channels = x.size(1);
    for (const auto& layer : layers) {
      channels += new_channels(layer);
      trains_ = trains_ || layer.norm1->is_training();
    }
    plan_->kernels = kernels;
    plan_->moments = torch::zeros(
        {2, channels}, x.options().dtype(cuda_sum_type(x.scalar_type())));
    features_ = torch::empty({x.size(0), channels, x.size(2), x.size(3)},
                             x.options(), at::MemoryFormat::ChannelsLast);
    append(x);
  }

  void add_layer(const DenseLayerParts& layer) {
    auto& kernels = *plan_->kernels;
    CudaDensePlan::Layer plan;
    plan.norm1 = {layer.norm1->is_training()
                      ? dense_numbers(kernels, plan_->moments, pixels_,
                                      *layer.norm1.ptr())
                      : running_numbers(*layer.norm1),
                  layer.norm1->is_training()};
    SavedOfLayer saved{.weight1 = layer.conv1->weight};
    auto y = convolved(dense_activated(kernels, features_, plan.norm1.numbers),
                       saved.weight1);
    if (layer.norm2) {
      saved.weight2 = layer.conv2->weight;
      saved.inner = y;
      plan.norm2 = {layer.norm2->is_training()
                        ? batch_numbers(kernels, y, *layer.norm2.ptr())
                        : running_numbers(*layer.norm2),
                    layer.norm2->is_training()};
      const auto z = normalised(kernels, y, plan.norm2.numbers, /*residual=*/{},
                                {.relu = true, .with_mask = for_backward_});
      saved.mask = z.mask;
      y = convolved(z.y, saved.weight2);
    }
    append(y);
    saved_.insert(saved_.end(),
                  {saved.weight1, saved.weight2, saved.inner, saved.mask});
    plan_->layers.push_back(std::move(plan));
  }

  const Tensor& features() const { return features_; }
  const variable_list& saved() const { return saved_; }
  const c10::intrusive_ptr<CudaDensePlan>& plan() const { return plan_; }

 private:
  void append(const Tensor& images) {
    put_features(*plan_->kernels, images, channels_, features_,
                 trains_ ? plan_->moments : Tensor());
    channels_ += images.size(1);
  }

  c10::intrusive_ptr<CudaDensePlan> plan_;
  int64_t pixels_;
  bool for_backward_;
  bool trains_ = false;
  Tensor features_;
  int64_t channels_ = 0;  ///< That are there already.
  variable_list saved_;
};

/// The backward pass of a block, last layer first.
class CudaDenseBackward {
 public:
  CudaDenseBackward(const CudaDensePlan& plan, const Tensor& features,
                    const Tensor& gradient)
      : plan_(plan),
        features_(features),
        total_{gradient.clone(at::MemoryFormat::ChannelsLast),
               torch::zeros_like(plan.moments)},
        channels_(features.size(1)) {}

  /// Of a layer's parameters, in the order that they have in the forward pass.
  variable_list pass_layer(size_t i, const SavedOfLayer& saved, bool want1,
                           bool want2) {
    auto& kernels = *plan_.kernels;
    const auto& [norm1, norm2] = plan_.layers[i];
    const bool bottleneck = saved.weight2.defined();
    const int64_t count = (bottleneck ? saved.weight2 : saved.weight1).size(0);
    channels_ -= count;
    auto dy = dense_gradient_of(kernels, total_, features_, plan_.moments,
                                channels_, count);
    variable_list of_inner;
    if (bottleneck) {
      // Made anew: to keep it would be as much memory again as what it is of.
      const auto z = normalised(kernels, saved.inner, norm2.numbers,
                                /*residual=*/{}, {.relu = true});
      const auto conv2 = convolution_gradients(dy, z.y, saved.weight2, want2);
      const auto of_norm = norm_gradients(kernels, conv2.input,
                                          {.x = saved.inner,
                                           .mask = saved.mask,
                                           .numbers = norm2.numbers,
                                           .training = norm2.training},
                                          {.x = true, .weight_or_bias = true});
      of_inner = {of_norm.weight, of_norm.bias, conv2.weight};
      dy = of_norm.x;
    }
    const auto conv1 = convolution_gradients(
        dy, dense_activated(kernels, features_, norm1.numbers), saved.weight1,
        want1);
    const auto [weight, bias] = add_dense_gradient(
        kernels, conv1.input, features_, norm1.numbers, norm1.training, total_);
    variable_list all = {weight, bias, conv1.weight};
    all.insert(all.end(), of_inner.begin(), of_inner.end());
    return all;
  }

  Tensor input_gradient() const {
    return dense_gradient_of(*plan_.kernels, total_, features_, plan_.moments,
                             0, channels_);
  }

 private:
  const CudaDensePlan& plan_;
  Tensor features_;
  DenseTotal total_;
  int64_t channels_;  ///< Of the features whose layers were not passed yet.
};

class CudaDenseFunction : public torch::autograd::Function<CudaDenseFunction> {
 public:
  static Variable forward(AutogradContext* context, const Variable& x,
                          at::TensorList,
                          const std::vector<DenseLayerParts>& layers,
                          const CudaKernelsPtr& kernels, bool for_backward) {
    const NoAutograd no_autograd;
    CudaDenseForward pass(kernels, x, layers, for_backward);
    for (const auto& layer : layers) pass.add_layer(layer);
    variable_list saved = {pass.features()};
    saved.insert(saved.end(), pass.saved().begin(), pass.saved().end());
    if (for_backward) context->save_for_backward(std::move(saved));
    context->saved_data["plan"] = c10::IValue::make_capsule(pass.plan());
    return pass.features();
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& gradients) {
    const NoAutograd no_autograd;
    const auto saved = context->get_saved_variables();
    const auto plan = c10::static_intrusive_pointer_cast<CudaDensePlan>(
        context->saved_data["plan"].toCapsule());
    CudaDenseBackward pass(*plan, saved[0], gradients[0]);
    std::vector<variable_list> of_layers(plan->layers.size());
    const size_t each = saved[2].defined() ? 6 : 3;  // Parameters a layer.
    for (size_t i = plan->layers.size(); i-- > 0;) {
      const size_t first = 1 + each * i;
      of_layers[i] = pass.pass_layer(
          i, SavedOfLayer::of(saved, i), context->needs_input_grad(first + 2),
          each == 6 && context->needs_input_grad(first + 5));
    }
    variable_list all = {pass.input_gradient()};
    for (const auto& own : of_layers) {
      all.insert(all.end(), own.begin(), own.end());
    }
    all.resize(all.size() + 3);  // None of the layers and what follows.
    return all;
  }
};

Verdict suits_channels(const Tensor& x,
                       const std::vector<DenseLayerParts>& layers) {
  int64_t all = x.size(1);
  for (const auto& layer : layers) all += new_channels(layer);
  const int64_t pixels = x.numel() / x.size(1);
  int64_t channels = x.size(1);
  auto verdict = suits_dense_columns(channels, all, pixels);
  for (size_t i = 0; verdict && i < layers.size(); ++i) {
    const int64_t count = new_channels(layers[i]);
    verdict = suits_dense_columns(count, all, pixels);
    channels += count;
    if (verdict) verdict = suits_dense_columns(channels, all, pixels);
  }
  return verdict;
}

}  // namespace

Verdict suits_cuda_dense_block(const Tensor& x,
                               const std::vector<DenseLayerParts>& layers,
                               const DenseDropout& dropout) {
  if (layers.empty()) return declined("no layers");
  if (dropout.rate > 0) return declined("dropout");
  const auto device = x.device().type();
  if (at::autocast::is_autocast_enabled(device) &&
      at::autocast::get_autocast_dtype(device) != x.scalar_type()) {
    return declined("of another type than autocast's");
  }
  if (const auto images = suits_cuda_images(x); !images) return images;
  for (const auto& layer : layers) {
    for (const auto& norm : {layer.norm1, layer.norm2}) {
      if (!norm) continue;
      if (const auto own = suits_cuda_norm(*norm, x); !own) return own;
    }
  }
  return suits_channels(x, layers);
}

Tensor cuda_dense_block(const CudaKernelsPtr& kernels, const Tensor& x,
                        const std::vector<DenseLayerParts>& layers) {
  const auto parameters = parameters_of(layers);
  bool for_backward = x.requires_grad();
  for (const auto& parameter : parameters) {
    for_backward = for_backward || parameter.requires_grad();
  }
  return CudaDenseFunction::apply(x, at::TensorList(parameters), layers,
                                  kernels,
                                  for_backward && at::GradMode::is_enabled());
}

}  // namespace skipzoo
