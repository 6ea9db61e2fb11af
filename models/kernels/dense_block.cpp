#include "models/kernels/dense_block.h"

#include <ATen/autocast_mode.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>
#include <torch/csrc/autograd/custom_function.h>

#include "models/kernels/dense_rows.h"
#include "models/kernels/kernels.h"

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
  at::ScalarType parameter_type = at::kFloat;
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

/// A layer's convolution weight, of the type that the block computes in.
torch::Tensor in_type_of(const torch::Tensor& x, const torch::Tensor& weight) {
  return weight.detach()
      .to(x.scalar_type())
      .contiguous(at::MemoryFormat::ChannelsLast);
}

torch::Tensor as_matrix(const torch::Tensor& weight) {
  return weight.view({weight.size(0), weight.size(1)});
}

/// The convolution of relu(norm(x)), as rows.
torch::Tensor convolve(const NormInput& input, const torch::Tensor& weight,
                       const ImageSize& size) {
  auto y = torch::empty({input.rows().size(0), weight.size(0)},
                        input.rows().options());
  for (const auto& chunk : size.chunks(input.rows(), input.channels())) {
    const auto a = input.activated(chunk);
    auto out = chunk.of(y);
    if (weight.size(2) == 1) {
      at::mm_out(out, a, as_matrix(weight).t());
    } else {
      put(as_rows(at::convolution(size.images(a), weight, {}, {1, 1}, {1, 1},
                                  {1, 1}, false, {0, 0}, 1)),
          out, 0);
    }
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
    plan_->parameter_type = layers.front().conv1->weight.scalar_type();
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
    auto y =
        convolve({rows_, plan.norm1}, in_type_of(rows_, tensors.weight1), size);
    if (layer.norm2) {
      tensors.inner = y;
      tensors.weight2 = layer.conv2->weight;
      Moments moments;
      if (layer.norm2->is_training()) moments = moments_of(size.images(y));
      plan.norm2 = plan_norm(*layer.norm2.ptr(), moments, pixels);
      y = convolve({y, plan.norm2}, in_type_of(rows_, tensors.weight2), size);
    }
    if (drop_rate > 0) {
      // Drawn as torch::dropout draws, so that the textbook drops the same.
      tensors.dropout = as_rows(torch::empty_like(size.images(y))
                                    .bernoulli_(1 - drop_rate)
                                    .div_(1 - drop_rate));
      y.mul_(tensors.dropout);
    }
    append(y);
    tensors.append_to(kept_);
    plan_->layers.push_back(std::move(plan));
  }

  torch::Tensor features() const { return plan_->size.images(rows_); }
  const variable_list& kept() const { return kept_; }
  const c10::intrusive_ptr<BlockPlan>& plan() const { return plan_; }

 private:
  void append(const torch::Tensor& rows) {
    put(rows, rows_, channels_);
    const int64_t count = rows.size(1);
    if (trains_) {
      const auto moments = moments_of(plan_->size.images(rows));
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

/// dL/dinput as rows and dL/dweight of convolve()'s convolution, for one chunk.
std::pair<torch::Tensor, torch::Tensor> convolve_back(
    const torch::Tensor& dy, const torch::Tensor& a,
    const torch::Tensor& weight, const ImageSize& size, bool with_weight) {
  if (weight.size(2) == 1) {
    return {
        at::mm(dy, as_matrix(weight)),
        with_weight ? at::mm(dy.t(), a).view(weight.sizes()) : torch::Tensor()};
  }
  const auto [dx, dw, _] = at::convolution_backward(
      size.images(dy), size.images(a), weight, {}, {1, 1}, {1, 1}, {1, 1},
      false, {0, 0}, 1, {true, with_weight, false});
  return {as_rows(dx), dw};
}

/// The gradients of a norm and its convolution, gathered chunk by chunk.
struct PartGradient {
  torch::Tensor sum, product;  ///< As NormInput's, (C), double.
  torch::Tensor weight;        ///< Null where it is not wanted.

  void add(const NormInput::Sums& sums, const torch::Tensor& dw) {
    sum = sum.defined() ? sum + sums.first : sums.first;
    product = product.defined() ? product + sums.second : sums.second;
    if (!dw.defined()) return;
    // In float under bfloat16: a chunk's rounding is not to add up.
    const auto more = dw.to(
        dw.scalar_type() == at::kBFloat16 ? at::kFloat : dw.scalar_type());
    weight = weight.defined() ? weight.add_(more) : more;
  }
  /// Of norm's weight, its bias and the convolution's weight.
  void append_to(variable_list& gradients, const NormPlan& norm,
                 at::ScalarType type) const {
    gradients.push_back((product * norm.inverse).to(type));
    gradients.push_back(sum.to(type));
    gradients.push_back(weight.defined() ? weight.to(type) : torch::Tensor());
  }
};

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
    const auto chunks = plan_.size.chunks(
        rows_,
        bottleneck ? std::max(channels_, tensors.inner.size(1)) : channels_);
    std::vector<torch::Tensor> parts;
    for (const auto& chunk : chunks) parts.push_back(chunk.of(dy));
    PartGradient inner;
    if (bottleneck) {
      inner = pass_inner(norms.norm2, tensors, want2, chunks, parts);
    }
    const auto outer =
        pass_outer(norms.norm1, tensors.weight1, want1, chunks, parts);
    variable_list gradients;
    outer.append_to(gradients, norms.norm1, plan_.parameter_type);
    if (bottleneck) {
      inner.append_to(gradients, norms.norm2, plan_.parameter_type);
    }
    return gradients;
  }

  /// The gradient of the block's input, once every layer was passed.
  torch::Tensor input_gradient() const {
    return plan_.size.images(
        finished_gradient(total_, rows_, 0, channels_, plan_.mean, through_));
  }

 private:
  /// Through the second convolution and its norm. parts: of each chunk, the
  /// gradient of what comes out, then of what goes in.
  PartGradient pass_inner(const NormPlan& norm, const LayerTensors& tensors,
                          bool want, const std::vector<Chunk>& chunks,
                          std::vector<torch::Tensor>& parts) const {
    const NormInput input(tensors.inner, norm);
    const auto weight = in_type_of(rows_, tensors.weight2);
    PartGradient gradient;
    for (size_t i = 0; i < chunks.size(); ++i) {
      const auto [da, dw] = convolve_back(parts[i], input.activated(chunks[i]),
                                          weight, plan_.size, want);
      parts[i] = da;
      gradient.add(input.gradient_sums(chunks[i], da), dw);
    }
    const auto through =
        through_statistics(norm, gradient.sum, gradient.product, rows_.size(0));
    for (size_t i = 0; i < chunks.size(); ++i) {
      input.finish_gradient(chunks[i], parts[i], through);
    }
    return gradient;
  }

  /// Through the first convolution into the features' gradient.
  PartGradient pass_outer(const NormPlan& norm, const torch::Tensor& parameter,
                          bool want, const std::vector<Chunk>& chunks,
                          std::vector<torch::Tensor>& parts) {
    const NormInput input(rows_, norm);
    const auto weight = in_type_of(rows_, parameter);
    PartGradient gradient;
    for (size_t i = 0; i < chunks.size(); ++i) {
      const auto a = input.activated(chunks[i]);
      const auto [da, dw] =
          convolve_back(parts[i], a, weight, plan_.size, want);
      gradient.add(input.add_gradient(chunks[i], da, a, total_), dw);
      parts[i].reset();
    }
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
