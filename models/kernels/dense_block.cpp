#include "models/kernels/dense_block.h"

#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "models/kernels/conv3x3.h"
#include "models/kernels/kernels.h"
#include "models/kernels/norm.h"
#include "models/kernels/pixel_rows.h"
#include "models/kernels/pointwise.h"

namespace skipzoo {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

/// What the way back needs besides the tensors that autograd keeps.
struct BlockPlan : torch::CustomClassHolder {
  struct Layer {
    NormPlan norm1, norm2;
  };
  std::vector<Layer> layers;
  /// Of each of the block's channels, (C), double; zeros where no norm trains.
  torch::Tensor mean;
  ImageSize size = {};
};

/// What autograd keeps of a layer, in this order.
struct LayerTensors {
  torch::Tensor weight1 = {};
  torch::Tensor weight2 = {};  ///< Null without a bottleneck.
  torch::Tensor inner = {};    ///< Rows between the convolutions, or null.
  torch::Tensor dropout =
      {};  ///< What new features are multiplied by, or null.

  static constexpr size_t kCount = 4;
  static LayerTensors of(const variable_list& saved, size_t layer) {
    const auto* own = &saved[1 + kCount * layer];
    return {own[0], own[1], own[2], own[3]};
  }
  void append_to(variable_list& saved) const {
    saved.insert(saved.end(), {weight1, weight2, inner, dropout});
  }
};

/// Images as rows of pixels, (N·H·W, C), without a copy where they are
/// channels-last. contiguous(): those of a single image may be a view that is
/// not.
torch::Tensor as_rows(const torch::Tensor& images) {
  return images.permute({0, 2, 3, 1})
      .reshape({-1, images.size(1)})
      .contiguous();
}
/// Rows of pixels as channels-last images (N, C, H, W), without a copy.
torch::Tensor as_images(const torch::Tensor& rows, const ImageSize& size) {
  return rows.view({-1, size.height, size.width, rows.size(1)})
      .permute({0, 3, 1, 2});
}

/// Writes rows as the channels from `channel` on of wider ones.
void put(const torch::Tensor& rows, const torch::Tensor& wider,
         int64_t channel) {
  SKIPZOO_PROFILE("copy");
  const PixelRows blocks(rows.size(0), rows.size(1));
  const int64_t stride = wider.size(1);
  SKIPZOO_DISPATCH(rows.scalar_type(), [&] {
    const auto* from = rows.const_data_ptr<scalar_t>();
    auto* to = wider.mutable_data_ptr<scalar_t>() + channel;
    blocks.for_each_block([&](int64_t, int64_t first, int64_t count) {
      rows::copy(from + first * blocks.channels, blocks.channels, count,
                 blocks.channels, to + first * stride, stride);
    });
  });
}

/// What a convolution behind a norm and a ReLU reads.
ActivatedInput activated(const torch::Tensor& rows, const NormPlan& norm) {
  return {rows, norm.scale.size(0), accumulator(rows, norm.scale),
          accumulator(rows, norm.offset)};
}

/// A layer's convolution weight, of the type that the block computes in.
torch::Tensor in_type_of(const torch::Tensor& x, const torch::Tensor& weight) {
  return weight.detach().to(x.scalar_type());
}
torch::Tensor as_matrix(const torch::Tensor& weight) {
  return weight.flatten(1);
}

/// The convolution of relu(norm(x)), as rows.
torch::Tensor convolve(const torch::Tensor& rows, const NormPlan& norm,
                       const torch::Tensor& parameter, const ImageSize& size) {
  const torch::Tensor no_bias;
  const auto weight = in_type_of(rows, parameter);
  auto y = torch::empty({rows.size(0), weight.size(0)}, rows.options());
  if (weight.size(2) == 1) {
    pointwise(activated(rows, norm), pack_pointwise(as_matrix(weight)), no_bias,
              y);
  } else {
    conv3x3(activated(rows, norm), size, pack_conv3x3(weight), no_bias, y);
  }
  return y;
}

/// The block on its way forward.
class Forward {
 public:
  Forward(const torch::Tensor& x, const std::vector<DenseLayerParts>& layers)
      : plan_(c10::make_intrusive<BlockPlan>()) {
    int64_t channels = x.size(1);
    for (const auto& layer : layers) {
      const auto& last = layer.conv2 ? layer.conv2 : layer.conv1;
      channels += last->options.out_channels();
      trains_ = trains_ || layer.norm1->is_training();
    }
    plan_->size = {x.size(2), x.size(3)};
    plan_->mean = torch::zeros({channels}, torch::kDouble);
    variance_ = torch::zeros({channels}, torch::kDouble);
    const auto rows = as_rows(x);
    rows_ = torch::empty({rows.size(0), channels}, x.options());
    append(rows);
  }

  /// Appends what a layer makes of the channels so far.
  void add_layer(const DenseLayerParts& layer, double drop_rate) {
    const auto& size = plan_->size;
    const int64_t pixels = rows_.size(0);
    LayerTensors tensors{.weight1 = layer.conv1->weight};
    BlockPlan::Layer plan;
    plan.norm1 = plan_norm(*layer.norm1.ptr(),
                           {plan_->mean.narrow(0, 0, channels_),
                            variance_.narrow(0, 0, channels_)},
                           pixels);
    auto y = convolve(rows_, plan.norm1, tensors.weight1, size);
    if (layer.norm2) {
      tensors.inner = y;
      tensors.weight2 = layer.conv2->weight;
      Moments moments;
      if (layer.norm2->is_training()) moments = moments_of(as_images(y, size));
      plan.norm2 = plan_norm(*layer.norm2.ptr(), moments, pixels);
      y = convolve(y, plan.norm2, tensors.weight2, size);
    }
    if (drop_rate > 0) {
      // Drawn as torch::dropout draws, so that the textbook drops the same.
      tensors.dropout = as_rows(torch::empty_like(as_images(y, size))
                                    .bernoulli_(1 - drop_rate)
                                    .div_(1 - drop_rate));
      y.mul_(tensors.dropout);
    }
    append(y);
    tensors.append_to(kept_);
    plan_->layers.push_back(std::move(plan));
  }

  torch::Tensor features() const { return as_images(rows_, plan_->size); }
  const variable_list& kept() const { return kept_; }
  const c10::intrusive_ptr<BlockPlan>& plan() const { return plan_; }

 private:
  void append(const torch::Tensor& rows) {
    put(rows, rows_, channels_);
    const int64_t count = rows.size(1);
    if (trains_) {
      const auto moments = moments_of(as_images(rows, plan_->size));
      plan_->mean.narrow(0, channels_, count).copy_(moments.mean);
      variance_.narrow(0, channels_, count).copy_(moments.variance);
    }
    channels_ += count;
  }

  c10::intrusive_ptr<BlockPlan> plan_;
  torch::Tensor rows_;      ///< Of all channels.
  int64_t channels_ = 0;    ///< That are there already.
  torch::Tensor variance_;  ///< As plan_->mean.
  bool trains_ = false;
  variable_list kept_;
};

/// The gradient of the channels from `channel` on, of which `total` has all but
/// what goes through the statistics of the batch: rows of `count` channels.
torch::Tensor finished_gradient(const torch::Tensor& total,
                                const torch::Tensor& rows, int64_t channel,
                                int64_t count, const torch::Tensor& mean,
                                const NormGradient& through) {
  SKIPZOO_PROFILE("batch_norm_backward");
  auto dx = torch::empty({rows.size(0), count}, rows.options());
  const PixelRows blocks(rows.size(0), count);
  const int64_t stride = rows.size(1);
  const auto own = [&](const torch::Tensor& of) {
    return accumulator(rows, of.narrow(0, channel, count));
  };
  const auto m = own(mean), slope = own(through.slope),
             offset = own(through.offset);
  SKIPZOO_DISPATCH(rows.scalar_type(), [&] {
    using A = rows::Acc<scalar_t>;
    const auto* g = total.const_data_ptr<A>() + channel;
    const auto* x = rows.const_data_ptr<scalar_t>() + channel;
    auto* to = dx.mutable_data_ptr<scalar_t>();
    blocks.for_each_block([&](int64_t, int64_t first, int64_t n) {
      const int64_t at = first * stride;
      rows::finish_gradient(g + at, x + at, stride, m.const_data_ptr<A>(),
                            slope.const_data_ptr<A>(),
                            offset.const_data_ptr<A>(), n, count,
                            to + first * count);
    });
  });
  return dx;
}

/// Makes da, the gradient behind a norm and a ReLU, that of the norm's input x.
void finish_in_place(const torch::Tensor& da, const torch::Tensor& x,
                     const NormPlan& norm, const NormGradient& through) {
  SKIPZOO_PROFILE("batch_norm_backward");
  const PixelRows blocks(da.size(0), da.size(1));
  const auto mean = accumulator(x, norm.mean),
             scale = accumulator(x, norm.scale),
             bias = accumulator(x, norm.offset),
             slope = accumulator(x, through.slope),
             offset = accumulator(x, through.offset);
  SKIPZOO_DISPATCH(x.scalar_type(), [&] {
    using A = rows::Acc<scalar_t>;
    auto* g = da.mutable_data_ptr<scalar_t>();
    const auto* from = x.const_data_ptr<scalar_t>();
    blocks.for_each_block([&](int64_t, int64_t first, int64_t count) {
      const int64_t at = first * blocks.channels;
      rows::input_gradient(g + at, static_cast<const scalar_t*>(nullptr),
                           from + at, mean.const_data_ptr<A>(),
                           scale.const_data_ptr<A>(), bias.const_data_ptr<A>(),
                           slope.const_data_ptr<A>(),
                           offset.const_data_ptr<A>(), count, blocks.channels,
                           g + at, static_cast<scalar_t*>(nullptr));
    });
  });
}

/// The gradients of a norm's weight and bias and of the convolution behind it.
void append(variable_list& gradients, const ConvolutionGradient& found,
            const NormPlan& norm, const torch::Tensor& weight) {
  const auto type = weight.scalar_type();
  gradients.push_back((found.product * norm.inverse).to(type));
  gradients.push_back(found.sum.to(type));
  gradients.push_back(found.weight.defined()
                          ? found.weight.reshape(weight.sizes()).to(type)
                          : torch::Tensor());
}

/// The block on its way back, last layer first.
class Backward {
 public:
  Backward(const BlockPlan& plan, const torch::Tensor& features,
           const torch::Tensor& gradient)
      : plan_(plan),
        rows_(as_rows(features)),
        total_(as_rows(gradient).to(
            features.scalar_type() == at::kDouble ? at::kDouble : at::kFloat,
            /*non_blocking=*/false, /*copy=*/true)),
        through_{torch::zeros_like(plan.mean), torch::zeros_like(plan.mean)},
        channels_(features.size(1)) {}

  /// Takes the gradient of a layer's own features on to all before them.
  /// Returns those of its parameters, in the order of parameters_of(), without
  /// those of convolutions that are not wanted.
  variable_list pass_layer(size_t layer, const LayerTensors& tensors,
                           bool want1, bool want2) {
    const auto& norms = plan_.layers[layer];
    const bool bottleneck = tensors.weight2.defined();
    const int64_t count =
        (bottleneck ? tensors.weight2 : tensors.weight1).size(0);
    channels_ -= count;
    auto dy = finished_gradient(total_, rows_, channels_, count, plan_.mean,
                                through_);
    if (tensors.dropout.defined()) dy.mul_(tensors.dropout);
    ConvolutionGradient inner;
    if (bottleneck) {
      std::tie(inner, dy) = pass_inner(norms.norm2, tensors, dy, want2);
    }
    const auto outer = pass_outer(norms.norm1, tensors.weight1, dy, want1);
    variable_list gradients;
    append(gradients, outer, norms.norm1, tensors.weight1);
    if (bottleneck) append(gradients, inner, norms.norm2, tensors.weight2);
    return gradients;
  }

  /// The gradient of the block's input, once every layer was passed.
  torch::Tensor input_gradient() const {
    return as_images(
        finished_gradient(total_, rows_, 0, channels_, plan_.mean, through_),
        plan_.size);
  }

 private:
  /// Through the second convolution and its norm; with the gradient of what
  /// that reads.
  std::pair<ConvolutionGradient, torch::Tensor> pass_inner(
      const NormPlan& norm, const LayerTensors& tensors,
      const torch::Tensor& dy, bool want) const {
    const auto& x = tensors.inner;
    auto da = torch::empty_like(x);
    const auto gradient = conv3x3_back(
        activated(x, norm), accumulator(x, norm.mean), plan_.size, dy,
        in_type_of(x, tensors.weight2), {.rows = da, .total = {}}, want);
    finish_in_place(
        da, x, norm,
        through_statistics(norm, gradient.sum, gradient.product, x.size(0)));
    return {gradient, da};
  }

  /// Through the first convolution into the features' gradient.
  ConvolutionGradient pass_outer(const NormPlan& norm,
                                 const torch::Tensor& parameter,
                                 const torch::Tensor& dy, bool want) {
    const auto input = activated(rows_, norm);
    const auto mean = accumulator(rows_, norm.mean);
    const auto weight = in_type_of(rows_, parameter);
    const auto gradient =
        weight.size(2) == 1
            ? pointwise_back(input, mean, dy, as_matrix(weight), total_, want)
            : conv3x3_back(input, mean, plan_.size, dy, weight,
                           {.rows = {}, .total = total_}, want);
    const auto through =
        through_statistics(norm, gradient.sum, gradient.product, rows_.size(0));
    through_.slope.narrow(0, 0, channels_).add_(through.slope);
    through_.offset.narrow(0, 0, channels_).add_(through.offset);
    return gradient;
  }

  const BlockPlan& plan_;
  torch::Tensor rows_;    ///< The features.
  torch::Tensor total_;   ///< Their gradient so far, of the type of sums.
  NormGradient through_;  ///< What goes through their statistics.
  int64_t channels_;      ///< Of the features whose layers were not passed yet.
};

/// In the order in which gradients come back.
variable_list parameters_of(const std::vector<DenseLayerParts>& layers) {
  variable_list all;
  for (const auto& layer : layers) {
    all.insert(all.end(),
               {layer.norm1->weight, layer.norm1->bias, layer.conv1->weight});
    if (!layer.norm2) continue;
    all.insert(all.end(),
               {layer.norm2->weight, layer.norm2->bias, layer.conv2->weight});
  }
  return all;
}

class DenseBlockFunction
    : public torch::autograd::Function<DenseBlockFunction> {
 public:
  static Variable forward(AutogradContext* context, const Variable& x,
                          at::TensorList,
                          const std::vector<DenseLayerParts>& layers,
                          double drop_rate) {
    Forward pass(x, layers);
    for (const auto& layer : layers) pass.add_layer(layer, drop_rate);
    const auto features = pass.features();
    variable_list saved = {features};
    saved.insert(saved.end(), pass.kept().begin(), pass.kept().end());
    context->save_for_backward(std::move(saved));
    context->saved_data["plan"] = c10::IValue::make_capsule(pass.plan());
    return features;
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto plan = c10::static_intrusive_pointer_cast<BlockPlan>(
        context->saved_data["plan"].toCapsule());
    Backward pass(*plan, saved[0], gradients[0]);
    std::vector<variable_list> of_layers(plan->layers.size());
    const size_t each = saved[2].defined() ? 6 : 3;  // parameters_of() a layer.
    for (size_t i = plan->layers.size(); i-- > 0;) {
      const size_t first = 1 + each * i;
      of_layers[i] = pass.pass_layer(
          i, LayerTensors::of(saved, i), context->needs_input_grad(first + 2),
          each == 6 && context->needs_input_grad(first + 5));
    }
    variable_list all = {pass.input_gradient()};
    for (const auto& own : of_layers) {
      all.insert(all.end(), own.begin(), own.end());
    }
    all.resize(all.size() + 2);  // None of the layers, none of the rate.
    return all;
  }
};

/// x as autocast would hand it to a convolution.
torch::Tensor autocast(const torch::Tensor& x) {
  if (!x.device().is_cpu() || x.scalar_type() != at::kFloat ||
      !at::autocast::is_autocast_enabled(at::kCPU)) {
    return x;
  }
  return x.to(at::autocast::get_autocast_dtype(at::kCPU));
}

}  // namespace

bool dense_block_applies(const torch::Tensor& x,
                         const std::vector<DenseLayerParts>& layers) {
  if (TextbookOnly::active() || !is_plain_input(autocast(x))) return false;
  for (const auto& layer : layers) {
    if (!is_plain_norm(*layer.norm1)) return false;
    if (layer.norm2 && !is_plain_norm(*layer.norm2)) return false;
  }
  return true;
}

torch::Tensor dense_block(const torch::Tensor& x,
                          const std::vector<DenseLayerParts>& layers,
                          double drop_rate) {
  const auto parameters = parameters_of(layers);
  return DenseBlockFunction::apply(autocast(x), at::TensorList(parameters),
                                   layers, drop_rate);
}

}  // namespace skipzoo
