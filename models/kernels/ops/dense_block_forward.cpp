#include "models/kernels/ops/dense_block_passes.h"

namespace skipzoo {

namespace {

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

/// y = the 3x3 convolution of relu(norm(x)), as rows.
void convolve(const torch::Tensor& rows, const NormPlan& norm,
              const torch::Tensor& parameter, const ImageSize& size,
              const torch::Tensor& y) {
  Conv3x3Weight weight(parameter.detach(), /*is_reused=*/false);
  conv3x3(activated(rows, norm), size, weight, /*bias=*/{}, y);
}

/// y = the 1x1 convolution of relu(norm(x)), as rows; its moments where they
/// are wanted.
Moments mix(const torch::Tensor& rows, const NormPlan& norm,
            const torch::Tensor& parameter, const ImageSize& size,
            const torch::Tensor& y, bool with_moments) {
  const auto input = activated(rows, norm);
  Choosing choosing([&] {
    return ConvolutionCall{.weight = parameter.const_data_ptr(),
                           .images = {rows.size(0) / (size.height * size.width),
                                      input.channels, size.height, size.width},
                           .kernel = parameter.sizes().vec(),
                           .wants_input_gradient = true};
  });
  choosing.takes(Algorithm::kPointwise,
                 taken("a dense block's 1x1: normalises as it reads"));
  const auto weight = pack_pointwise(as_matrix(in_type_of(rows, parameter)));
  if (with_moments) return pointwise_moments(input, weight, y);
  pointwise(input, weight, /*bias=*/{}, y);
  return {};
}

}  // namespace

DenseForward::DenseForward(const torch::Tensor& x,
                           const std::vector<DenseLayerParts>& layers)
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
  put(rows, rows_, 0);
  append(rows.size(1));
}

torch::Tensor DenseForward::drop(const torch::Tensor& rows, double rate) const {
  // Drawn as torch::dropout draws, so that the reference drops the same.
  const auto like = torch::empty(rows.sizes(), rows.options());
  auto factors = as_rows(torch::empty_like(as_images(like, plan_->size))
                             .bernoulli_(1 - rate)
                             .div_(1 - rate));
  rows.mul_(factors);
  return factors;
}

void DenseForward::add_layer(const DenseLayerParts& layer,
                             const DenseDropout& dropout) {
  const auto& size = plan_->size;
  const int64_t pixels = rows_.size(0);
  // Seen by a norm that trains; one that does not asks for no number.
  const int64_t all_pixels = seen_ > 0 ? seen_ : pixels;
  LayerTensors tensors{.weight1 = layer.conv1->weight};
  BlockPlan::Layer plan;
  plan.norm1 = plan_norm(
      *layer.norm1.ptr(),
      {plan_->mean.narrow(0, 0, channels_), variance_.narrow(0, 0, channels_)},
      all_pixels);
  const auto& last = layer.conv2 ? layer.conv2 : layer.conv1;
  const int64_t count = last->options.out_channels();
  const auto features = rows_.narrow(1, channels_, count);
  if (layer.norm2) {
    const auto y = torch::empty({pixels, layer.conv1->options.out_channels()},
                                rows_.options());
    const bool trains = layer.norm2->is_training();
    const bool drops = dropout.inside && dropout.rate > 0;
    SeenMoments seen{.moments = mix(rows_, plan.norm1, tensors.weight1, size, y,
                                    trains && !drops),
                     .count = pixels};
    if (drops) {
      tensors.inner_dropout = drop(y, dropout.rate);
      if (trains) seen.moments = moments_of_rows(y);
    }
    if (trains) {
      seen = over_processes(seen.moments, pixels, *layer.norm2);
    }
    tensors.inner = y;
    tensors.weight2 = layer.conv2->weight;
    plan.norm2 = plan_norm(*layer.norm2.ptr(), seen.moments, seen.count);
    convolve(y, plan.norm2, tensors.weight2, size, features);
  } else {
    convolve(rows_, plan.norm1, tensors.weight1, size, features);
  }
  if (dropout.rate > 0) tensors.dropout = drop(features, dropout.rate);
  append(count);
  tensors.append_to(saved_);
  plan_->layers.push_back(std::move(plan));
}

void DenseForward::append(int64_t count) {
  if (trains_) {
    // No norm is of these channels alone: none has a running mean of theirs.
    const auto [moments, pixels] = over_processes(
        moments_of_rows(rows_.narrow(1, channels_, count)), rows_.size(0));
    plan_->mean.narrow(0, channels_, count).copy_(moments.mean);
    variance_.narrow(0, channels_, count).copy_(moments.variance);
    plan_->all = SharedStatistics::active();
    seen_ = pixels;
  }
  channels_ += count;
}

}  // namespace skipzoo
