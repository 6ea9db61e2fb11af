#include "models/kernels/ops/dense_block_passes.h"

namespace skipzoo {

namespace {

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

/// da is the gradient behind a norm and a ReLU that read x.
OutputGradient behind_norm(const torch::Tensor& da, const torch::Tensor& x,
                           const NormPlan& norm, const NormGradient& through) {
  return {da, OutputGradient::Norm{
                  .x = x,
                  .mean = accumulator(x, norm.mean),
                  .scale = accumulator(x, norm.scale),
                  .bias = accumulator(x, norm.offset),
                  .through = {.slope = accumulator(x, through.slope),
                              .offset = accumulator(x, through.offset)}}};
}

/// The gradient of what a norm read, and times `factors`: what stood between
/// the norm and the convolution before it.
torch::Tensor times(const OutputGradient& behind_norm,
                    const torch::Tensor& factors) {
  SKIPZOO_PROFILE("batch_norm_backward");
  const auto& g = behind_norm.rows;
  const auto& norm = behind_norm.norm;
  auto dx = torch::empty_like(g);
  const PixelRows blocks(g.size(0), g.size(1));
  SKIPZOO_DISPATCH(g.scalar_type(), [&] {
    using A = rows::Acc<scalar_t>;
    const auto number = [](const torch::Tensor& of) {
      return of.const_data_ptr<A>();
    };
    const auto* from = g.const_data_ptr<scalar_t>();
    const auto* x = norm->x.const_data_ptr<scalar_t>();
    auto* to = dx.mutable_data_ptr<scalar_t>();
    blocks.for_each_block([&](int64_t, int64_t first, int64_t count) {
      const int64_t at = first * blocks.channels;
      rows::input_gradient(
          from + at, x + at, number(norm->mean), number(norm->scale),
          number(norm->bias), number(norm->through.slope),
          number(norm->through.offset), count, blocks.channels, to + at);
    });
  });
  return dx.mul_(factors);
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

}  // namespace

DenseBackward::DenseBackward(const BlockPlan& plan,
                             const torch::Tensor& features,
                             const torch::Tensor& gradient)
    : plan_(plan),
      rows_(as_rows(features)),
      total_(as_rows(gradient).to(
          features.scalar_type() == at::kDouble ? at::kDouble : at::kFloat,
          /*non_blocking=*/false, /*copy=*/true)),
      through_{torch::zeros_like(plan.mean), torch::zeros_like(plan.mean)},
      channels_(features.size(1)) {}

variable_list DenseBackward::pass_layer(size_t layer,
                                        const LayerTensors& tensors, bool want1,
                                        bool want2) {
  const auto& norms = plan_.layers[layer];
  const bool bottleneck = tensors.weight2.defined();
  const int64_t count =
      (bottleneck ? tensors.weight2 : tensors.weight1).size(0);
  channels_ -= count;
  auto dy = finished_gradient(total_, rows_, channels_, count, plan_.mean,
                              through_processes(channels_, count));
  if (tensors.dropout.defined()) dy.mul_(tensors.dropout);
  OutputGradient of_outer{dy};
  ConvolutionGradient inner;
  if (bottleneck) {
    std::tie(inner, of_outer) = pass_inner(norms.norm2, tensors, dy, want2);
    if (tensors.inner_dropout.defined()) {
      of_outer = {times(of_outer, tensors.inner_dropout)};
    }
  }
  const auto outer = pass_outer(norms.norm1, tensors.weight1, of_outer, want1);
  variable_list gradients;
  append(gradients, outer, norms.norm1, tensors.weight1);
  if (bottleneck) append(gradients, inner, norms.norm2, tensors.weight2);
  return gradients;
}

torch::Tensor DenseBackward::input_gradient() const {
  return as_images(finished_gradient(total_, rows_, 0, channels_, plan_.mean,
                                     through_processes(0, channels_)),
                   plan_.size);
}

NormGradient DenseBackward::through_processes(int64_t channel,
                                              int64_t count) const {
  if (!plan_.all) return through_;
  auto own = torch::stack({through_.slope.narrow(0, channel, count),
                           through_.offset.narrow(0, channel, count)});
  plan_.all->sum(own);
  // Of the other channels, which nobody reads here, as they are.
  NormGradient all{through_.slope.clone(), through_.offset.clone()};
  all.slope.narrow(0, channel, count).copy_(own[0]);
  all.offset.narrow(0, channel, count).copy_(own[1]);
  return all;
}

std::pair<ConvolutionGradient, OutputGradient> DenseBackward::pass_inner(
    const NormPlan& norm, const LayerTensors& tensors, const torch::Tensor& dy,
    bool want) const {
  const auto& x = tensors.inner;
  auto da = torch::empty_like(x);
  const auto gradient = conv3x3_backward(
      activated(x, norm), accumulator(x, norm.mean), plan_.size, dy,
      tensors.weight2.detach(), {.rows = da, .total = {}}, want);
  return {gradient, behind_norm(da, x, norm,
                                through_statistics(norm, gradient.sum,
                                                   gradient.product))};
}

ConvolutionGradient DenseBackward::pass_outer(const NormPlan& norm,
                                              const torch::Tensor& parameter,
                                              const OutputGradient& dy,
                                              bool want) {
  const auto input = activated(rows_, norm);
  const auto mean = accumulator(rows_, norm.mean);
  if (parameter.size(2) == 1) {
    tell_gradients(parameter, Algorithm::kPointwise, /*of_input=*/true, want);
  }
  const auto gradient =
      parameter.size(2) == 1
          ? pointwise_backward(input, mean, dy,
                               as_matrix(in_type_of(rows_, parameter)), total_,
                               want)
          : conv3x3_backward(input, mean, plan_.size, dy.rows,
                             parameter.detach(), {.rows = {}, .total = total_},
                             want);
  // Of all layers together once, where their sum is read.
  const auto through =
      part_through_statistics(norm, gradient.sum, gradient.product);
  through_.slope.narrow(0, 0, channels_).add_(through.slope);
  through_.offset.narrow(0, 0, channels_).add_(through.offset);
  return gradient;
}

}  // namespace skipzoo
